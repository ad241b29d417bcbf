"""
Payment orders that go over the network, every call about them, and what was told of them unasked.

Only payouts.payments and payouts.release write these rows. An order and its key stand before the first call;
the key is the same in every call, so that whoever is told twice pays once.
"""

from typing import Self

from django.conf import settings
from django.db import models
from django.db.models import Q

from payouts.models.batch import Payout
from payouts.models.destination import Destination, PayoutMethod
from payouts.rules.lifecycle import Call, OrderStatus, Outcome
from referrals.models import ApiClient


class PaymentOrderQuerySet(models.QuerySet["PaymentOrder"]):
    def that_pay(self) -> Self:
        """Orders that move a payout to a destination; the others tell the host what our books hold."""
        return self.filter(destination__isnull=False)


class PaymentOrder(models.Model):
    """One payment or credit to be carried out by somebody else, told over the network."""

    payout = models.ForeignKey(Payout, on_delete=models.PROTECT, related_name="orders")
    part = models.PositiveIntegerField(
        default=1, help_text="Of a payout that is credited in several runs: 1, 2, ..."
    )
    method = models.ForeignKey(PayoutMethod, on_delete=models.PROTECT, related_name="orders")
    destination = models.ForeignKey(
        Destination, on_delete=models.PROTECT, null=True, related_name="orders", help_text="None: the host."
    )
    key = models.CharField(max_length=64, unique=True, help_text="The same in every call.")
    amount_minor = models.BigIntegerField()
    currency = models.CharField(max_length=3)
    written_at = models.DateTimeField()
    status = models.CharField(max_length=9, choices=OrderStatus.choices(), editable=False)
    reference = models.CharField(
        max_length=100, blank=True, editable=False, help_text="Theirs, as they gave it."
    )
    said = models.CharField(max_length=200, blank=True, editable=False, help_text="What came last.")
    turn = models.PositiveIntegerField(
        default=0, editable=False, help_text="How often it was taken up: who was overtaken changes nothing."
    )
    tries = models.PositiveSmallIntegerField(
        default=0, editable=False, help_text="Calls in a row that came to nothing."
    )
    next_at = models.DateTimeField(null=True, editable=False, help_text="None: nobody calls by itself.")
    sent_at = models.DateTimeField(null=True, editable=False, help_text="When it was first sent.")

    objects = PaymentOrderQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["payout", "part"], name="payment_order_once_per_payout"),
            models.CheckConstraint(name="payment_order_amount_positive", condition=Q(amount_minor__gt=0)),
            models.CheckConstraint(
                name="payment_order_pays_whole_payouts", condition=Q(destination__isnull=True) | Q(part=1)
            ),
            models.CheckConstraint(
                name="payment_order_status_known", condition=Q(status__in=OrderStatus.values())
            ),
        ]
        indexes = [
            # The sweep asks whose turn it is; nearly all are done.
            models.Index(
                fields=["next_at"], condition=Q(next_at__isnull=False), name="payment_order_to_call"
            ),
        ]

    def __str__(self) -> str:
        return f"Order {self.pk}"


class PaymentCall(models.Model):
    """One call about an order, or what people said of it, and what came of it. Append-only."""

    order = models.ForeignKey(PaymentOrder, on_delete=models.PROTECT, related_name="calls")
    turn = models.PositiveIntegerField()
    kind = models.CharField(max_length=6, choices=Call.choices())
    at = models.DateTimeField()
    outcome = models.CharField(max_length=9, choices=Outcome.choices())
    detail = models.CharField(max_length=200, blank=True)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+")

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(fields=["order", "turn"], name="payment_call_once_per_turn"),
        ]

    def __str__(self) -> str:
        return f"Call {self.turn} of {self.order_id}"


class PaymentNotice(models.Model):
    """What the host told of an order unasked; the same told again is the same. Append-only."""

    order = models.ForeignKey(PaymentOrder, on_delete=models.PROTECT, related_name="notices")
    client = models.ForeignKey(ApiClient, on_delete=models.PROTECT, related_name="+")
    outcome = models.CharField(max_length=9, choices=Outcome.choices())
    detail = models.CharField(max_length=200, blank=True)
    told_at = models.DateTimeField()

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(fields=["order", "outcome"], name="payment_notice_once"),
        ]

    def __str__(self) -> str:
        return f"Notice {self.pk}"
