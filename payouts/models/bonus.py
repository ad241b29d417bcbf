"""
Bonuses, holds and benefits: what has been earned, and what stops it from being paid.

A bonus is frozen when it is activated: amount, window, explanation. Afterwards only its
status moves, by compare-and-swap. Placing a hold swaps a column of the bonus itself, so
that a hold and a payment exclude each other.
"""

from datetime import datetime
from typing import Self

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from payouts.models.batch import Payout, PayoutBatch
from payouts.models.reward import Reward
from payouts.rules.lifecycle import LIVING, UNPAID, BenefitStatus, BonusStatus
from referrals.models import Decision, Enrollment, ReferredAccount, Terms
from referrals.rules.words import RewardKind


class BonusQuerySet(models.QuerySet["Bonus"]):
    def unpaid(self) -> Self:
        return self.filter(status__in=list(UNPAID))

    def living(self) -> Self:
        """All but the cancelled: of these there is one per account, reward and period."""
        return self.filter(status__in=list(LIVING))

    def due(self, *, as_of: datetime) -> Self:
        """Unpaid, and the window has opened."""
        return self.unpaid().filter(opens_at__lte=as_of)

    def paid_exceptions(self) -> Self:
        """Paid bonuses that would not be paid today: revoked, or refunded since."""
        return self.filter(status=BonusStatus.PAID).exclude(account__status="QUALIFIED", milestones_hold=True)


class Bonus(models.Model):
    """What a referrer has earned with one account."""

    account = models.ForeignKey(ReferredAccount, on_delete=models.PROTECT, related_name="bonuses")
    enrollment = models.ForeignKey(Enrollment, on_delete=models.PROTECT, related_name="bonuses")
    terms = models.ForeignKey(Terms, on_delete=models.PROTECT, related_name="bonuses")
    reward = models.ForeignKey(Reward, on_delete=models.PROTECT, related_name="bonuses")
    period = models.CharField(max_length=7, blank=True, help_text="'' or '2026-03'.")
    kind = models.CharField(max_length=15, choices=RewardKind.choices())
    amount_minor = models.BigIntegerField()
    currency = models.CharField(max_length=3)

    activated_at = models.DateTimeField()
    milestone_at = models.DateTimeField(help_text="When the required milestones held together.")
    anchor_at = models.DateTimeField(help_text="The instant from which the window was counted.")
    window_opens_on = models.DateField()
    window_closes_on = models.DateField()
    opens_at = models.DateTimeField()
    decision = models.ForeignKey(
        Decision, on_delete=models.PROTECT, null=True, related_name="+",
        help_text="The decision that qualified the account when the bonus was activated.",
    )  # fmt: skip
    explanation = models.JSONField(help_text="Frozen at activation: milestones and what they rest on.")
    created_at = models.DateTimeField()

    status = models.CharField(max_length=9, choices=BonusStatus.choices(), editable=False)
    on_hold = models.BooleanField(default=False, editable=False)
    under_review = models.BooleanField(
        default=False,
        editable=False,
        help_text="The account was revoked: the bonus waits for a new decision.",
    )
    milestones_hold = models.BooleanField(
        default=True, editable=False, help_text="The required milestones hold with what is known now."
    )
    cancel_reason = models.CharField(max_length=64, blank=True, editable=False)
    batch = models.ForeignKey(
        PayoutBatch, on_delete=models.PROTECT, null=True, related_name="bonuses", editable=False
    )
    payout = models.ForeignKey(
        Payout, on_delete=models.PROTECT, null=True, related_name="bonuses", editable=False
    )
    prepared_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+", editable=False
    )
    approved_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+", editable=False
    )
    qualified_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+", editable=False
    )
    people_needed = models.PositiveSmallIntegerField(default=2, editable=False)
    paid_at = models.DateTimeField(null=True, editable=False)
    released_on = models.DateField(null=True, editable=False)
    days_late = models.PositiveIntegerField(default=0, editable=False)

    objects = BonusQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "bonuses"
        permissions = [("hold_bonus", "Can put a bonus on hold and lift its holds")]
        constraints = [
            models.UniqueConstraint(
                fields=["account", "reward", "period"],
                condition=~Q(status="CANCELLED"),
                name="bonus_once_per_account_reward_period",
            ),
            models.CheckConstraint(name="bonus_status_known", condition=Q(status__in=BonusStatus.values())),
            models.CheckConstraint(name="bonus_amount_positive", condition=Q(amount_minor__gt=0)),
            models.CheckConstraint(
                name="bonus_window_opens_before_it_closes",
                condition=Q(window_opens_on__lte=F("window_closes_on")),
            ),
            models.CheckConstraint(
                name="bonus_cancelled_iff_reason",
                condition=Q(status="CANCELLED") & ~Q(cancel_reason="")
                | ~Q(status="CANCELLED") & Q(cancel_reason=""),
            ),
            models.CheckConstraint(
                name="bonus_paid_with_its_payout",
                condition=Q(
                    status__in=["PAID", "REVERSED"],
                    payout__isnull=False,
                    batch__isnull=False,
                    paid_at__isnull=False,
                    released_on__isnull=False,
                )
                | Q(
                    status__in=["ACTIVATED", "APPROVED", "CANCELLED"],
                    payout__isnull=True,
                    paid_at__isnull=True,
                ),
            ),
            models.CheckConstraint(
                name="bonus_never_paid_before_its_window",
                condition=Q(paid_at__isnull=True) | Q(paid_at__gte=F("opens_at")),
            ),
            models.CheckConstraint(name="bonus_not_paid_on_hold", condition=~Q(status="PAID", on_hold=True)),
            models.CheckConstraint(
                name="bonus_prepared_and_approved_by_two_people",
                condition=Q(people_needed__lt=2)
                | Q(prepared_by__isnull=True)
                | Q(approved_by__isnull=True)
                | ~Q(prepared_by=F("approved_by")),
            ),
            models.CheckConstraint(
                name="bonus_qualified_by_a_third_person",
                condition=Q(people_needed__lt=3)
                | Q(qualified_by__isnull=True)
                | (Q(prepared_by__isnull=True) | ~Q(prepared_by=F("qualified_by")))
                & (Q(approved_by__isnull=True) | ~Q(approved_by=F("qualified_by"))),
            ),
        ]
        indexes = [
            # Preparing and release walk the unpaid bonuses of one version of terms, referrer by referrer.
            models.Index(
                fields=["terms", "enrollment", "id"],
                condition=Q(status__in=["ACTIVATED", "APPROVED"]),
                name="bonus_unpaid_by_referrer",
            ),
            # Which terms have something due; what opens next.
            models.Index(
                fields=["opens_at"],
                condition=Q(status__in=["ACTIVATED", "APPROVED"]),
                name="bonus_unpaid_by_opening",
            ),
            # Who may owe cash: hardly anybody.
            models.Index(
                fields=["enrollment"],
                condition=Q(status="REVERSED", kind="CASH"),
                name="bonus_cash_taken_back",
            ),
        ]

    def __str__(self) -> str:
        return f"Bonus {self.pk}"


class BonusChange(models.Model):
    """A step in the life of a bonus. Append-only."""

    bonus = models.ForeignKey(Bonus, on_delete=models.PROTECT, related_name="changes")
    old_status = models.CharField(max_length=9, blank=True)
    new_status = models.CharField(max_length=9, choices=BonusStatus.choices())
    changed_at = models.DateTimeField()
    changed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+"
    )
    approved_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+"
    )
    reason = models.CharField(max_length=64, blank=True)

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.CheckConstraint(
                name="bonus_reversed_by_two_people",
                condition=~Q(new_status="REVERSED")
                | Q(changed_by__isnull=False, approved_by__isnull=False) & ~Q(changed_by=F("approved_by")),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.old_status} to {self.new_status}"


class Hold(models.Model):
    """A stop on a bonus, put by a person or a rule; it ends by a person, never by time alone."""

    bonus = models.ForeignKey(Bonus, on_delete=models.PROTECT, related_name="holds")
    reason = models.CharField(max_length=200)
    placed_at = models.DateTimeField()
    placed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+"
    )
    by_rule = models.BooleanField(default=False)
    lifted_at = models.DateTimeField(null=True)
    lifted_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+"
    )

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.CheckConstraint(
                name="hold_placed_by_person_or_rule", condition=Q(by_rule=True) | Q(placed_by__isnull=False)
            ),
            models.CheckConstraint(
                name="hold_lifted_by_a_person",
                condition=Q(lifted_at__isnull=True, lifted_by__isnull=True)
                | Q(lifted_at__isnull=False, lifted_by__isnull=False),
            ),
        ]
        indexes = [
            models.Index(fields=["bonus"], condition=Q(lifted_at__isnull=True), name="hold_open"),
        ]

    def __str__(self) -> str:
        return self.reason


class Benefit(models.Model):
    """What a referred account gets; once granted it stays."""

    account = models.ForeignKey(ReferredAccount, on_delete=models.PROTECT, related_name="benefits")
    reward = models.ForeignKey(Reward, on_delete=models.PROTECT, related_name="benefits")
    kind = models.CharField(max_length=15, choices=RewardKind.choices())
    amount_minor = models.BigIntegerField(null=True)
    currency = models.CharField(max_length=3, blank=True)
    quantity = models.PositiveIntegerField(null=True)
    product = models.CharField(max_length=64, blank=True)
    earned_at = models.DateTimeField(help_text="When the required milestones were reached together.")
    granted_at = models.DateTimeField()
    status = models.CharField(max_length=7, choices=BenefitStatus.choices(), editable=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["account", "reward"], name="benefit_granted_once"),
            models.CheckConstraint(
                name="benefit_amount_or_quantity",
                condition=Q(kind="FREE_MONTHS", quantity__gte=1, amount_minor__isnull=True)
                | ~Q(kind="FREE_MONTHS") & Q(amount_minor__gte=0, quantity__isnull=True),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.reward_id} for {self.account_id}"
