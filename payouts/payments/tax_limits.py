"""
The limit above which a program pays cash to nobody whose tax form it does not have.

What counts is what left for the referrer in the calendar year of the program's zone, by the instant at which
each payout began to be sent; what failed or came back does not. A payout that would go beyond is held back,
not failed: it goes by itself once the form is there, or the year is over. A referrer is looked at in each
program alone, because a program pays from its own account, in its own currency, by its own calendar.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.db.models import BigIntegerField, Case, F, OuterRef, Q, QuerySet, Subquery, Sum, Value, When
from django.db.models.functions import Coalesce

from payouts.models import Bonus, Payout, PayoutChange, TaxFormChange, TaxFormLimit
from payouts.rules import tax_forms
from payouts.rules.lifecycle import UNPAID, PayoutStatus
from payouts.rules.tax_forms import Told
from referrals.models import Enrollment, Program
from referrals.rules.words import RewardKind
from referrals.rules.zones import first_instant, local_date

LEFT = (PayoutStatus.SENDING, PayoutStatus.SENT, PayoutStatus.UNKNOWN, PayoutStatus.CONFIRMED)
"""Of a payout that stands like this the money is gone, or may be."""


@dataclass(frozen=True, slots=True)
class Held:
    """What waits for tax forms in one program; amounts in minor units."""

    limit: TaxFormLimit
    payouts: int
    referrers: int
    amount_minor: int


def limit_of(program: Program, *, at: datetime) -> TaxFormLimit | None:
    """Above what a program asks for a form at that instant; ``None``: it never does."""
    return TaxFormLimit.objects.in_force(at=at).filter(program=program).first()


def lock(program: Program, *, at: datetime) -> None:
    """
    Let nobody else send cash of a program with a limit until the transaction ends, nor take a form back.

    Files of two methods could each hold a payout of one referrer, and go beyond it together.
    """
    if limit_of(program, at=at) is not None:
        Program.objects.select_for_update(of=("self",), no_key=True).get(pk=program.pk)


def with_room(payouts: QuerySet[Payout], program: Program, *, at: datetime) -> QuerySet[Any]:
    """
    Payouts of a program with ``room_minor``: what may still go to their referrer this year.

    ``None``: it is not limited, because the form is there, or the program asks for none.
    """
    limit = limit_of(program, at=at)
    if limit is None:
        return payouts.annotate(room_minor=Value(None, output_field=BigIntegerField()))
    return _roomy(payouts, limit, at=at, whose="enrollment")


TOO_MUCH = Q(room_minor__lt=F("amount_minor"))
"""Of payouts ``with_room``: this one alone goes beyond the limit."""


def beyond(payouts: Iterable[Any]) -> list[Any]:
    """Which of these that could go now go beyond the limit together with those before them."""
    rows = sorted(payouts, key=lambda payout: payout.pk)
    return tax_forms.beyond((each, each.enrollment_id, each.amount_minor, each.room_minor) for each in rows)


def held(payouts: QuerySet[Payout], *, at: datetime) -> dict[int, TaxFormLimit]:
    """Those of these payouts that wait for a tax form, by their numbers, each with the limit."""
    waiting = payouts.filter(status=PayoutStatus.PREPARED)
    found: dict[int, TaxFormLimit] = {}
    programs = waiting.order_by().values("enrollment__program")
    for limit in TaxFormLimit.objects.in_force(at=at).filter(program__in=programs):
        found |= dict.fromkeys(_held(waiting, limit, at=at).values_list("pk", flat=True), limit)
    return found


def sums(payouts: QuerySet[Payout], *, at: datetime) -> list[Held]:
    """What of these payouts waits for tax forms, program by program."""
    found = []
    for limit in TaxFormLimit.objects.in_force(at=at).order_by("program__slug", "program"):
        rows = list(_held(payouts, limit, at=at).values_list("enrollment", "amount_minor"))
        if rows:
            whose, amounts = zip(*rows, strict=True)
            found.append(Held(limit, len(rows), len(set(whose)), sum(amounts)))
    return found


def _held(payouts: QuerySet[Payout], limit: TaxFormLimit, *, at: datetime) -> QuerySet[Any]:
    mine = payouts.filter(status=PayoutStatus.PREPARED, enrollment__program=limit.program_id).order_by("pk")
    return with_room(mine, limit.program, at=at).filter(TOO_MUCH)


def to_ask(limit: TaxFormLimit, *, at: datetime) -> QuerySet[Any]:
    """
    Enrollments of referrers without a form who go beyond the limit with what they have earned.

    That is what was released and not sent, and the cash whose windows open by the end of the year. Who is
    asked now need not wait then.
    """
    _, ends = year_of(at, ZoneInfo(limit.program.time_zone))
    mine = {"enrollment": OuterRef("pk")}
    unpaid = Bonus.objects.filter(terms__program=limit.program_id, status__in=UNPAID)
    earned = unpaid.filter(kind=RewardKind.CASH, opens_at__lt=ends)
    waiting = Payout.objects.filter(enrollment__program=limit.program_id, status=PayoutStatus.PREPARED)
    somebody = Q(pk__in=earned.values("enrollment")) | Q(pk__in=waiting.values("enrollment"))
    rows: QuerySet[Any] = _roomy(
        Enrollment.objects.filter(somebody, program=limit.program_id), limit, at=at, whose="pk"
    )
    coming = _sum(earned.filter(**mine)) + _sum(waiting.filter(**mine))
    found: QuerySet[Any] = rows.annotate(coming_minor=coming).filter(room_minor__lt=F("coming_minor"))
    return found.order_by("pk")


def _roomy(rows: QuerySet[Any], limit: TaxFormLimit, *, at: datetime, whose: str) -> QuerySet[Any]:
    """
    Rows with ``room_minor``: what may still go to their referrer in the year of that instant.

    :param whose: the column with the number of the enrollment
    """
    is_valid = Q(status=Told.RECEIVED) & (Q(expires_at__isnull=True) | Q(expires_at__gt=at))
    told = TaxFormChange.objects.deciding(at=at).filter(enrollment=OuterRef(whose))
    has_form = told.annotate(is_valid=Case(When(is_valid, then=True), default=False)).values("is_valid")[:1]
    above = Value(limit.above_minor, output_field=BigIntegerField())
    room = Case(
        When(has_form=True, then=None),
        default=above - _gone(limit.program, at=at, whose=whose),
        output_field=BigIntegerField(),
    )
    found: QuerySet[Any] = rows.annotate(has_form=Subquery(has_form)).annotate(room_minor=room)
    return found


def _gone(program: Program, *, at: datetime, whose: str) -> Any:
    """What left in cash for a referrer in the year of that instant, in minor units."""
    begins, ends = year_of(at, ZoneInfo(program.time_zone))
    changes = PayoutChange.objects.filter(payout=OuterRef("pk")).order_by("-pk").values("changed_at")
    payouts = (
        Payout.objects.filter(enrollment=OuterRef(whose), status__in=LEFT)
        # One that arrived by an attempt which was given up was never sent itself.
        .annotate(
            left_at=Coalesce(
                Subquery(changes.filter(new_status=PayoutStatus.SENDING)[:1]),
                Subquery(changes.filter(new_status=PayoutStatus.CONFIRMED)[:1]),
            )
        )
        .filter(left_at__gte=begins, left_at__lt=ends)
    )
    return _sum(payouts)


def _sum(rows: QuerySet[Any]) -> Any:
    """What these rows of one referrer come to, in minor units."""
    summed = rows.order_by().values("enrollment").annotate(total=Sum("amount_minor")).values("total")
    return Coalesce(Subquery(summed), 0, output_field=BigIntegerField())


def year_of(at: datetime, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """When the calendar year of an instant begins and ends in a zone; the end is not in it."""
    year = local_date(at, zone).year
    return first_instant(date(year, 1, 1), zone), first_instant(date(year + 1, 1, 1), zone)
