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
from referrals.models.program import CallOutcome, Program, RejectionReason
from referrals.rules.lifecycle import AccountStatus


class Review(models.Model):
    """
    The review of an account in one round; reopening an account starts the next round.

    While it is open it is a row of the queue: everything by which the queue is asked stands here. Only
    referrals.reviews writes it.
    """

    account = models.ForeignKey(ReferredAccount, on_delete=models.PROTECT, related_name="reviews")
    program = models.ForeignKey(Program, on_delete=models.PROTECT, related_name="+")
    round = models.PositiveSmallIntegerField()
    opened_at = models.DateTimeField()
    closed_at = models.DateTimeField(null=True)
    due_at = models.DateTimeField(help_text="By then it should have been decided: the program's SLA.")
    escalated_at = models.DateTimeField(null=True, help_text="Its being overdue was told.")

    holder = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="reviews_held"
    )
    held_since = models.DateTimeField(null=True)
    held_until = models.DateTimeField(null=True)
    assigned_to = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="reviews_assigned"
    )

    tries = models.PositiveSmallIntegerField(default=0, help_text="Calls in this round.")
    call_from = models.DateTimeField(null=True, help_text="Not before: after the last call, or as agreed.")
    call_back_at = models.DateTimeField(null=True, help_text="When a call back was agreed for.")
    call_back_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+"
    )
    opens_at = models.DateTimeField(null=True, help_text="The company's calling hours: open, or next.")
    closes_at = models.DateTimeField(null=True, help_text="Exclusive; empty: they do not end.")

    for_senior = models.BooleanField(default=False, help_text="It carries a signal that nobody has settled.")
    appeal_of = models.ForeignKey(
        "referrals.Decision",
        on_delete=models.PROTECT,
        null=True,
        related_name="appeals",
        help_text="The referrer asked for it: whoever took this decision does not take the next one.",
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["account", "round"], name="review_once_per_round"),
            models.CheckConstraint(
                name="review_held_by_somebody_until_then",
                condition=Q(holder__isnull=True, held_until__isnull=True)
                | Q(holder__isnull=False, held_until__isnull=False),
            ),
            models.CheckConstraint(
                name="review_closed_is_held_by_nobody",
                condition=Q(closed_at__isnull=True) | Q(holder__isnull=True),
            ),
        ]
        indexes = [
            # The queue: nearly all reviews of an old program are closed.
            models.Index(fields=["due_at", "id"], condition=Q(closed_at__isnull=True), name="review_waiting"),
            models.Index(
                fields=["closes_at"], condition=Q(closed_at__isnull=True), name="review_calling_hours"
            ),
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
        indexes = [
            # What was decided today.
            models.Index(fields=["decided_at"], name="decision_decided_at"),
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
        return f"Proposal {self.pk}"
