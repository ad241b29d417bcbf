"""
Credits of the host: what is released as account balance, told to the host where it keeps the balances.

Our books credit the referrer in the same transaction; the order tells the host to do so in its own. A payout
that grows, because its batch is paid in several runs, has an order for each run.
"""

import uuid
from datetime import datetime

from django.db.models import Count, F, IntegerField, Min, OuterRef, Subquery, Sum, TextField, Value
from django.db.models.functions import Cast, Coalesce, Concat

from payouts.insertion import insert_from
from payouts.models import PaymentOrder, PayoutMethod
from payouts.models.bonus import BonusQuerySet
from payouts.rules.lifecycle import OrderStatus
from payouts.rules.payees import Rail
from referrals.models import Program
from referrals.rules.words import RewardKind


def method_of(program: Program, *, kind: str) -> PayoutMethod | None:
    """The way in which the host is told to credit rewards of that kind; ``None``: our books alone do."""
    if kind != RewardKind.ACCOUNT_BALANCE:
        return None
    return PayoutMethod.objects.open().filter(program=program, code=Rail.HOST).first()


def write(released: BonusQuerySet, *, method: PayoutMethod, at: datetime) -> int:
    """
    Write one order for each payout of these bonuses, over what they add to it; returns how many.

    Belongs into the transaction that releases them.
    """
    before = PaymentOrder.objects.filter(payout=OuterRef("payout_id")).order_by().values("payout")
    earlier = Subquery(before.annotate(count=Count("pk")).values("count"), output_field=IntegerField())
    return insert_from(
        released.order_by().values("payout_id"),
        into=PaymentOrder,
        values={
            "payout": F("payout_id"),
            "part": Coalesce(earlier, Value(0)) + Value(1),
            "method": Value(method.pk),
            # Nobody else can have it, in no other installation that tells the same host either.
            "key": Concat(
                Value(f"{uuid.uuid4().hex}-"), Cast("payout_id", TextField()), output_field=TextField()
            ),
            "amount_minor": Sum("amount_minor"),
            "currency": Min("currency"),
            "written_at": Value(at),
            "status": Value(OrderStatus.WAITING.value),
            "reference": Value(""),
            "said": Value(""),
            "turn": Value(0),
            "tries": Value(0),
            "next_at": Value(at),
        },
    )
