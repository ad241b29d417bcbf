"""The days on which a company is called, read along with its account or review."""

from typing import TypeVar

from django.db.models import Case, IntegerField, OuterRef, QuerySet, Subquery, Sum, Value, When

from referrals.models import CallingDay, ReferredAccount, Review
from referrals.rules.words import Weekday

Row = TypeVar("Row", ReferredAccount, Review)

BIT_OF = {day.value: 1 << number for number, day in enumerate(Weekday)}


def with_calling_days(rows: QuerySet[Row], *, terms: str = "terms") -> QuerySet[Row]:
    """
    Rows with the days on which their terms let a company be called, a bit for each.

    :param terms: the way from a row to them
    """
    bit = Case(
        *[When(weekday=day, then=Value(bit)) for day, bit in BIT_OF.items()], output_field=IntegerField()
    )
    days = CallingDay.objects.filter(calling__terms=OuterRef(terms)).order_by().values("calling")
    return rows.annotate(calling_days=Subquery(days.annotate(bits=Sum(bit)).values("bits")))


def calling_days(row: ReferredAccount | Review) -> frozenset[str]:
    """The days of a row that was read with ``with_calling_days``."""
    bits: int = row.calling_days or 0  # type: ignore[union-attr]
    return frozenset(day for day, bit in BIT_OF.items() if bits & bit)
