"""What could be paid now by a method, and what drops out and why."""

from datetime import datetime
from typing import Any

from django.db.models import (
    Case,
    CharField,
    Exists,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    Value,
    When,
)

from payouts.models import Bonus, Destination, Payout, PayoutMethod
from payouts.rules.lifecycle import BonusStatus, PayoutStatus
from referrals.rules.lifecycle import EnrollmentStatus
from referrals.rules.words import Word


class Why(Word):
    """Why a payout that waits for a payment file does not go into the next one."""

    NOT_WHOLE = "NOT_WHOLE"
    SUSPENDED = "SUSPENDED"
    TAKEN_BACK = "TAKEN_BACK"
    NO_DESTINATION = "NO_DESTINATION"
    NOT_CONFIRMED = "NOT_CONFIRMED"
    OTHER_METHOD = "OTHER_METHOD"
    COOLING = "COOLING"
    CANNOT_BE_WRITTEN = "CANNOT_BE_WRITTEN"


def waiting(method: PayoutMethod, *, at: datetime) -> QuerySet[Any]:
    """
    All payouts of the method's program that wait for a payment file.

    Each with ``to`` (the number of the live destination) and ``why`` (it drops out; empty: it does not).
    """
    live = Destination.objects.live().filter(enrollment=OuterRef("enrollment")).order_by()
    bonuses = Bonus.objects.filter(enrollment=OuterRef("enrollment")).order_by()
    rows = Payout.objects.filter(
        status=PayoutStatus.PREPARED,
        enrollment__program=method.program_id,
        currency=method.program.currency,
    )
    rows = rows.annotate(
        to=Subquery(live.values("pk")),
        by=Subquery(live.values("method")),
        usable_from=Subquery(live.values("usable_from")),
        # A payout grows until all that was approved for its referrer is paid.
        grows=Exists(bonuses.filter(batch=OuterRef("batch"), status=BonusStatus.APPROVED)),
        taken_back=Exists(
            Bonus.objects.filter(payout=OuterRef("pk"), status=BonusStatus.REVERSED).order_by()
        ),
        asked=Exists(Destination.objects.waiting().filter(enrollment=OuterRef("enrollment")).order_by()),
    )
    return rows.annotate(
        why=Case(
            *(When(condition, then=Value(why.value)) for why, condition in _conditions(method, at=at)),
            default=Value(""),
            output_field=CharField(),
        )
    ).order_by("pk")


def _conditions(method: PayoutMethod, *, at: datetime) -> list[tuple[Why, Q]]:
    """The first that holds is the reason."""
    return [
        (Why.NOT_WHOLE, Q(grows=True)),
        (Why.SUSPENDED, Q(enrollment__status=EnrollmentStatus.SUSPENDED)),
        (Why.TAKEN_BACK, Q(taken_back=True)),
        (Why.NOT_CONFIRMED, Q(to__isnull=True, asked=True)),
        (Why.NO_DESTINATION, Q(to__isnull=True)),
        (Why.OTHER_METHOD, ~Q(by=method.code)),
        (Why.OTHER_METHOD, Q(withdrawal__isnull=False) & ~Q(withdrawal__method__in=["", method.code])),
        (Why.COOLING, Q(usable_from__gt=at)),
    ]
