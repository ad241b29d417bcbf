"""
What referrers bear of the cost of a payment, where the way to pay states a fee.

Written by payouts.payments.fees in the transaction that tells a bank of the payment; each row is booked by a
transfer, and by its reversal if the payment comes to nothing.
"""

from typing import Self

from django.db import models
from django.db.models import F, Q

from payouts.models.batch import Payout
from payouts.models.made_up import Arrival
from payouts.models.payment import PaymentLine
from payouts.models.sending import PaymentOrder
from payouts.rules.lifecycle import TransferKind


class FeeQuerySet(models.QuerySet["Fee"]):
    def standing(self) -> Self:
        """Those that were not given back."""
        return self.exclude(transfers__kind=TransferKind.FEE_BACK)


class Fee(models.Model):
    """The fee of one payment, kept from its payout: what is sent is less by it. Append-only."""

    payout = models.ForeignKey(Payout, on_delete=models.PROTECT, related_name="fees")
    line = models.OneToOneField(PaymentLine, on_delete=models.PROTECT, null=True, related_name="fee")
    order = models.OneToOneField(PaymentOrder, on_delete=models.PROTECT, null=True, related_name="fee")
    arrival = models.OneToOneField(
        Arrival,
        on_delete=models.PROTECT,
        null=True,
        related_name="fee",
        help_text="Of a payment that was given up and arrived: it was sent less its fee.",
    )
    charged_minor = models.BigIntegerField(help_text="The part of the payout that is not free of fees.")
    amount_minor = models.BigIntegerField()
    currency = models.CharField(max_length=3)
    charged_at = models.DateTimeField()

    objects = FeeQuerySet.as_manager()

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.CheckConstraint(
                name="fee_positive_and_no_more_than_is_charged",
                condition=Q(amount_minor__gt=0, amount_minor__lte=F("charged_minor")),
            ),
            models.CheckConstraint(
                name="fee_of_one_payment",
                condition=Q(line__isnull=False, order__isnull=True, arrival__isnull=True)
                | Q(line__isnull=True, order__isnull=False, arrival__isnull=True)
                | Q(line__isnull=True, order__isnull=True, arrival__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"fee {self.pk}"
