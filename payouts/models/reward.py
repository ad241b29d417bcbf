"""Rewards and the payout schedule: the rows of the terms that say how much and when."""

from zoneinfo import ZoneInfo

from django.db import models
from django.db.models import Q

from referrals.models import Calendar, Milestone, Terms
from referrals.rules import words


class Reward(models.Model):
    """A row of the terms: who gets what for which milestones."""

    terms = models.ForeignKey(Terms, on_delete=models.PROTECT, related_name="rewards")
    position = models.PositiveSmallIntegerField()
    code = models.CharField(max_length=64)
    beneficiary = models.CharField(max_length=8, choices=words.Beneficiary.choices())
    kind = models.CharField(max_length=15, choices=words.RewardKind.choices())
    amount_minor = models.BigIntegerField(null=True)
    quantity = models.PositiveIntegerField(null=True)
    product = models.CharField(max_length=64, blank=True)
    recurrence = models.CharField(max_length=7, choices=words.Recurrence.choices())
    each_month_on = models.SmallIntegerField(
        null=True,
        help_text="1 or -1: active when the month's first or last day begins.",
    )
    cap = models.PositiveIntegerField(null=True, help_text="At most so many of this bonus per referrer.")
    withdrawable = models.BooleanField()
    transferable = models.BooleanField()
    fee_exempt = models.BooleanField()
    quote = models.TextField(blank=True)

    class Meta:
        ordering = ["position"]
        constraints = [
            models.UniqueConstraint(fields=["terms", "code"], name="reward_code_once"),
            models.CheckConstraint(
                name="reward_amount_or_quantity",
                condition=Q(kind="FREE_MONTHS", quantity__gte=1, amount_minor__isnull=True)
                | ~Q(kind="FREE_MONTHS") & Q(amount_minor__gte=1, quantity__isnull=True),
            ),
            models.CheckConstraint(
                name="reward_kind_suits_beneficiary",
                condition=Q(beneficiary="REFERRER", kind__in=["ACCOUNT_BALANCE", "CASH", "ACCOUNT_CREDIT"])
                | Q(beneficiary="REFERRED", kind__in=["ACCOUNT_CREDIT", "DISCOUNT", "FREE_MONTHS"]),
            ),
            models.CheckConstraint(
                name="reward_monthly_has_its_day",
                condition=Q(recurrence="MONTHLY", beneficiary="REFERRER", each_month_on__in=[1, -1])
                | Q(recurrence="ONCE", each_month_on__isnull=True),
            ),
            models.CheckConstraint(
                name="reward_credit_never_withdrawable",
                condition=~Q(kind="ACCOUNT_CREDIT", withdrawable=True),
            ),
        ]

    def __str__(self) -> str:
        return self.code


class RewardMilestone(models.Model):
    """A milestone that a reward requires."""

    reward = models.ForeignKey(Reward, on_delete=models.PROTECT, related_name="requires")
    position = models.PositiveSmallIntegerField()
    milestone = models.ForeignKey(Milestone, on_delete=models.PROTECT, related_name="+")

    class Meta:
        ordering = ["position"]
        constraints = [
            models.UniqueConstraint(fields=["reward", "milestone"], name="reward_requires_once"),
        ]

    def __str__(self) -> str:
        return f"{self.reward_id} requires {self.milestone_id}"


class PayoutSchedule(models.Model):
    """The row that turns an anchor instant into a window, and says what is looked at when paid."""

    terms = models.OneToOneField(Terms, on_delete=models.PROTECT, related_name="payout_schedule")
    anchor = models.CharField(max_length=17, choices=words.Anchor.choices())
    month_offset = models.PositiveSmallIntegerField()
    opens_kind = models.CharField(max_length=12, choices=words.PointKind.choices())
    opens_n = models.SmallIntegerField(help_text="Negative counts from the end of the month.")
    closes_kind = models.CharField(max_length=12, choices=words.PointKind.choices())
    closes_n = models.SmallIntegerField()
    calendar = models.ForeignKey(Calendar, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    time_zone = models.CharField(max_length=64, blank=True, help_text="Empty: the program's.")
    condition = models.CharField(max_length=23, choices=words.Condition.choices())
    if_paused = models.CharField(max_length=6, choices=words.IfNotActive.choices())
    if_past_due = models.CharField(max_length=6, choices=words.IfNotActive.choices())
    minimum_minor = models.BigIntegerField(null=True, help_text="Less than this is carried over.")
    release = models.CharField(max_length=14, choices=words.Release.choices())
    late_policy = models.CharField(max_length=8, choices=words.LatePolicy.choices())
    quote = models.TextField(blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="payout_schedule_offset_at_most_two_years",
                condition=Q(month_offset__gte=0, month_offset__lte=24),
            ),
            models.CheckConstraint(
                name="payout_schedule_points_exist", condition=~Q(opens_n=0) & ~Q(closes_n=0)
            ),
        ]

    def __str__(self) -> str:
        return f"payout schedule of {self.terms}"

    @property
    def zone(self) -> ZoneInfo:
        """The zone in which months, dates and openings of this schedule are meant."""
        return ZoneInfo(self.time_zone or self.terms.time_zone)
