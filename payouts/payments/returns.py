"""
A payment over the network came back after they had said that it arrived.

From then on nobody asks them any more: a person reads it in their account, and two people say so here.
"""

from datetime import datetime

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import F

from payouts.models import PaymentCall, PaymentOrder, Payout
from payouts.payments import orders, steps
from payouts.rules.lifecycle import Call, OrderStatus, Outcome, PayoutStatus
from referrals.rules.refusal import Refused, require_two_people


class NotArrived(Refused):
    """Nobody over the network has said that it arrived, or it came back already."""

    code = "not_arrived"


@transaction.atomic
def settle(payout: Payout, *, by: User, approved_by: User, at: datetime, reason: str) -> None:
    """
    Say that a payment came back that had arrived: it is booked back, and can be reissued.

    :raises SamePerson: if both people are one
    :raises NotArrived: if they have not said that it arrived, or it came back already
    """
    require_two_people(by, approved_by)
    orders.lock(payout)
    order = arrived(payout)
    if order is None:
        raise NotArrived(f"{payout} has not arrived over the network, or came back already: look again.")
    PaymentOrder.objects.filter(pk=order.pk).update(
        status=OrderStatus.RETURNED, turn=F("turn") + 1, tries=0, next_at=None, said="Two people said so."
    )
    order.refresh_from_db()
    PaymentCall.objects.create(
        order=order,
        turn=order.turn,
        kind=Call.SETTLE,
        at=at,
        outcome=Outcome.RETURNED,
        detail=reason,
        by=by,
    )
    steps.move(
        [payout.pk],
        old=PayoutStatus.CONFIRMED,
        new=PayoutStatus.RETURNED,
        at=at,
        by=by,
        approved_by=approved_by,
    )


def arrived(payout: Payout) -> PaymentOrder | None:
    """The order over the network by which a payout arrived; ``None``: by none, or it came back."""
    rows = PaymentOrder.objects.that_pay().filter(payout=payout, status=OrderStatus.CONFIRMED)
    return rows.filter(payout__status=PayoutStatus.CONFIRMED).first()
