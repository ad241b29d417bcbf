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
    Sum,
    Value,
    When,
)
from django.db.models.functions import Coalesce, Upper

from payouts.models import Arrival, Bonus, Destination, PaymentReportLine, Payout, PayoutMethod, Transfer
from payouts.rules.lifecycle import (
    AccountKind,
    BatchStatus,
    BonusStatus,
    PayoutStatus,
    Result,
    Verdict,
)
from payouts.rules.payment_reports import WORDS
from referrals.rules.lifecycle import EnrollmentStatus
from referrals.rules.words import Word

RUN_GOES_ON = Q(batch__automatic=True, batch__status=BatchStatus.APPROVED)
"""Of payouts: a schedule adds to its own batch of the day until the run is over."""


class Why(Word):
    """Why a payout that waits for a payment file does not go into the next one."""

    NOT_WHOLE = "NOT_WHOLE"
    SUSPENDED = "SUSPENDED"
    CONTRADICTED = "CONTRADICTED"
    OWES = "OWES"
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
        owed=_owed(),
        # Refused, because it was given up here: the bank may have paid it all the same.
        has_arrived=Exists(_has_arrived()),
        asked=Exists(Destination.objects.waiting().filter(enrollment=OuterRef("enrollment")).order_by()),
    )
    return rows.annotate(
        why=Case(
            *(When(condition, then=Value(why.value)) for why, condition in _conditions(method, at=at)),
            default=Value(""),
            output_field=CharField(),
        )
    ).order_by("pk")


def _owed() -> Any:
    """What the referrer of a payout owes in cash, in minor units."""
    account = {"kind": AccountKind.CASH_OWED, "enrollment": OuterRef("enrollment")}
    debited, credited = (
        Transfer.objects.filter(**{f"{side}__{name}": value for name, value in account.items()})
        .order_by()
        .values(f"{side}__enrollment")
        .annotate(total=Sum("amount_minor"))
        .values("total")
        for side in ("debit", "credit")
    )
    return Coalesce(Subquery(debited), 0) - Coalesce(Subquery(credited), 0)


def _has_arrived() -> QuerySet[PaymentReportLine]:
    """
    What banks said to have arrived of a payout, or of an attempt before it, and what was refused here.

    Once a later report says that it failed or came back, that is the bank's word; and what two people said to
    have arrived is in the books.
    """
    same = Q(payout__batch=OuterRef("batch")) | Q(payout__withdrawal=OuterRef("withdrawal"))
    arrived = [word for word, result in WORDS.items() if result == Result.CONFIRMED]
    told = PaymentReportLine.objects.annotate(word=Upper("result")).order_by()
    later = told.filter(payout=OuterRef("payout"), report__gt=OuterRef("report"), word__in=WORDS)
    settled = Arrival.objects.filter(line__payout=OuterRef("payout")).order_by()
    refused = told.filter(
        same, payout__enrollment=OuterRef("enrollment"), verdict=Verdict.REFUSED, word__in=arrived
    )
    return refused.exclude(Exists(later.exclude(word__in=arrived))).exclude(Exists(settled))


def _conditions(method: PayoutMethod, *, at: datetime) -> list[tuple[Why, Q]]:
    """The first that holds is the reason."""
    return [
        (Why.NOT_WHOLE, Q(grows=True) | RUN_GOES_ON),
        (Why.SUSPENDED, Q(enrollment__status=EnrollmentStatus.SUSPENDED)),
        (Why.CONTRADICTED, Q(has_arrived=True)),
        # The next run keeps it from the payout.
        (Why.OWES, Q(owed__gt=0, batch__isnull=False)),
        (Why.NOT_CONFIRMED, Q(to__isnull=True, asked=True)),
        (Why.NO_DESTINATION, Q(to__isnull=True)),
        (Why.OTHER_METHOD, ~Q(by=method.code)),
        (Why.OTHER_METHOD, Q(withdrawal__isnull=False) & ~Q(withdrawal__method__in=["", method.code])),
        (Why.COOLING, Q(usable_from__gt=at)),
    ]
