"""The days on which a company is called, read along with its account."""

from django.db.models import Case, IntegerField, OuterRef, QuerySet, Subquery, Sum, Value, When

from referrals.models import CallingDay, ReferredAccount
from referrals.rules.words import Weekday

BIT_OF = {day.value: 1 << number for number, day in enumerate(Weekday)}


def with_calling_days(accounts: QuerySet[ReferredAccount]) -> QuerySet[ReferredAccount]:
    """Accounts with the days on which their terms let them be called, a bit for each."""
    bit = Case(
        *[When(weekday=day, then=Value(bit)) for day, bit in BIT_OF.items()], output_field=IntegerField()
    )
    days = CallingDay.objects.filter(calling__terms=OuterRef("terms")).order_by().values("calling")
    return accounts.annotate(calling_days=Subquery(days.annotate(bits=Sum(bit)).values("bits")))


def calling_days(account: ReferredAccount) -> frozenset[str]:
    """The days of an account that was read with ``with_calling_days``."""
    bits: int = account.calling_days or 0  # type: ignore[attr-defined]
    return frozenset(day for day, bit in BIT_OF.items() if bits & bit)
