"""
The work of qualifying one account: reviews, calls, decisions, notes, and what two people do.

Calls and decisions are append-only and hold no free text: what people write is a ``Note``
beside them, which can be erased.
"""

from datetime import datetime
from typing import Self

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from referrals.models.account import ReferredAccount
from referrals.models.program import CallOutcome, RejectionReason
from referrals.rules.lifecycle import AccountStatus


class Review(models.Model):
    """The review of an account in one round; reopening an account starts the next round."""

    account = models.ForeignKey(ReferredAccount, on_delete=models.PROTECT, related_name="reviews")
    round = models.PositiveSmallIntegerField()
    opened_at = models.DateTimeField()
    closed_at = models.DateTimeField(null=True)
    holder = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="reviews_held"
    )
    held_until = models.DateTimeField(null=True)
    call_back_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["account", "round"], name="review_once_per_round"),
        ]

    def __str__(self) -> str:
        return f"{self.account}, round {self.round}"


class Call(models.Model):
    """A call to a referred account. Append-only."""

    account = models.ForeignKey(ReferredAccount, on_delete=models.PROTECT, related_name="calls")
    round = models.PositiveSmallIntegerField()
    outcome = models.ForeignKey(CallOutcome, on_delete=models.PROTECT, related_name="calls")
    connected = models.BooleanField()
    called_at = models.DateTimeField()
    called_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="calls")

    class Meta:
        ordering = ["pk"]

    def __str__(self) -> str:
        return f"{self.called_at} {self.outcome_id}"


class DecisionQuerySet(models.QuerySet["Decision"]):
    def due(self, *, as_of: datetime) -> Self:
        """Pending decisions whose time to be undone is over."""
        return self.filter(takes_effect_at__lte=as_of, account__pending_decision=F("pk"))


class Decision(models.Model):
    """
    What a person decided about an account. Append-only.

    Whether it is pending, undone or in effect is read from the account's
    ``pending_decision`` and from ``StatusChange``, never stored here.
    """

    account = models.ForeignKey(ReferredAccount, on_delete=models.PROTECT, related_name="decisions")
    result = models.CharField(
        max_length=16,
        choices=[(s.value, s.label) for s in (AccountStatus.QUALIFIED, AccountStatus.NOT_QUALIFIED)],
    )
    reason = models.ForeignKey(RejectionReason, on_delete=models.PROTECT, null=True, related_name="+")
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="decisions"
    )
    decided_at = models.DateTimeField()
    takes_effect_at = models.DateTimeField()
    snapshot = models.JSONField(
        help_text="What was known of each criterion when it was decided: code to result."
    )

    objects = DecisionQuerySet.as_manager()

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.CheckConstraint(
                name="decision_reason_iff_refused",
                condition=Q(result="NOT_QUALIFIED", reason__isnull=False)
                | Q(result="QUALIFIED", reason__isnull=True),
            ),
            models.CheckConstraint(
                name="decision_takes_effect_afterwards", condition=Q(takes_effect_at__gte=F("decided_at"))
            ),
        ]

    def __str__(self) -> str:
        return f"{self.result} at {self.decided_at}"


class Note(models.Model):
    """What somebody wrote about an account; may be erased, unlike the trail beside it."""

    account = models.ForeignKey(ReferredAccount, on_delete=models.PROTECT, related_name="notes")
    written_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+"
    )
    written_at = models.DateTimeField()
    about = models.CharField(max_length=32, blank=True)
    text = models.TextField()

    class Meta:
        ordering = ["pk"]

    def __str__(self) -> str:
        return self.text[:80]


class Proposal(models.Model):
    """A step that takes two people: one proposes it, another confirms it, then it is taken."""

    action = models.CharField(max_length=32)
    target = models.CharField(max_length=64, help_text="Number of what it is about.")
    arguments = models.JSONField(default=dict)
    proposed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="proposals"
    )
    proposed_at = models.DateTimeField()
    confirmed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="confirmations"
    )
    confirmed_at = models.DateTimeField(null=True)
    withdrawn_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="proposal_confirmed_by_another",
                condition=Q(confirmed_by__isnull=True) | ~Q(confirmed_by=F("proposed_by")),
            ),
            models.CheckConstraint(
                name="proposal_ends_once",
                condition=Q(confirmed_at__isnull=True) | Q(withdrawn_at__isnull=True),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.action} {self.target}"
