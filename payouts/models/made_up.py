"""
What a referrer owes in cash: made up by payouts that wait, or grown by a payment that arrived a second time.

Written by payouts.payments.set_offs and payouts.payments.arrivals; each row is booked by one transfer.
"""

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from payouts.models.batch import Payout
from payouts.models.payment import PaymentLine
from referrals.models import Enrollment


class SetOff(models.Model):
    """An amount kept from a payout, because its referrer owes it. Append-only."""

    payout = models.ForeignKey(Payout, on_delete=models.PROTECT, related_name="set_offs")
    enrollment = models.ForeignKey(Enrollment, on_delete=models.PROTECT, related_name="set_offs")
    turn = models.PositiveIntegerField(
        help_text="The how manyth of this referrer: of two at once, one counts."
    )
    owed_minor = models.BigIntegerField(help_text="What was owed before.")
    amount_minor = models.BigIntegerField()
    currency = models.CharField(max_length=3)
    set_off_at = models.DateTimeField()

    class Meta:
        ordering = ["pk"]
        verbose_name = "set-off"
        constraints = [
            models.UniqueConstraint(fields=["enrollment", "turn"], name="set_off_one_after_another"),
            models.CheckConstraint(name="set_off_amount_positive", condition=Q(amount_minor__gt=0)),
            models.CheckConstraint(
                name="set_off_no_more_than_is_owed", condition=Q(amount_minor__lte=F("owed_minor"))
            ),
        ]

    def __str__(self) -> str:
        return f"set-off {self.pk}"


class Arrival(models.Model):
    """A payment that was given up here, and of which two people say that it arrived. Append-only."""

    line = models.OneToOneField(PaymentLine, on_delete=models.PROTECT, related_name="arrival")
    payout = models.ForeignKey(
        Payout,
        on_delete=models.PROTECT,
        related_name="arrivals",
        help_text="The latest attempt: paid by it, or paid a second time.",
    )
    overpaid_minor = models.BigIntegerField(
        help_text="What was not to be paid any more: the referrer owes it."
    )
    settled_at = models.DateTimeField()
    told_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    confirmed_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    reason = models.CharField(max_length=200)

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.CheckConstraint(
                name="arrival_said_by_two_people", condition=~Q(told_by=F("confirmed_by"))
            ),
            models.CheckConstraint(name="arrival_overpaid_not_negative", condition=Q(overpaid_minor__gte=0)),
        ]

    def __str__(self) -> str:
        return f"arrival {self.pk}"
