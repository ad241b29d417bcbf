"""
What was debited and credited: the one way in which amounts of the books are added up for accountants.

The trial balance, the statement of an account, the journal and the closing of a month all ask here. A balance
is what was debited less what was credited, as accountants write it; ``Sides.owed_minor`` is the other way
round, as whoever the money belongs to reads it.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.db.models import QuerySet, Sum

from payouts.models import Transfer
from payouts.rules.lifecycle import AccountKind
from referrals.models import Program
from referrals.rules.zones import first_instant

INSTANT = timedelta(microseconds=1)
"""The smallest step between two instants that both databases keep."""

ORDER = {kind.value: place for place, kind in enumerate(AccountKind)}


@dataclass(frozen=True, slots=True)
class Sides:
    """What was debited and credited, in minor units."""

    debits_minor: int = 0
    credits_minor: int = 0

    @property
    def balance_minor(self) -> int:
        """Debited less credited."""
        return self.debits_minor - self.credits_minor

    @property
    def owed_minor(self) -> int:
        """Credited less debited, as payouts.ledger.balance_minor says it of an account."""
        return self.credits_minor - self.debits_minor

    def __add__(self, other: "Sides") -> "Sides":
        return Sides(self.debits_minor + other.debits_minor, self.credits_minor + other.credits_minor)


@dataclass(frozen=True, slots=True)
class TrialLine:
    """All accounts of one kind and currency together."""

    kind: str
    currency: str
    sides: Sides

    @property
    def label(self) -> str:
        return AccountKind(self.kind).label


@dataclass(frozen=True, slots=True)
class TrialBalance:
    """The kinds of account of a program in one currency, and what they come to together."""

    currency: str
    lines: tuple[TrialLine, ...]

    @property
    def total(self) -> Sides:
        return added_up(line.sides for line in self.lines)


def added_up(sides: Iterable[Sides]) -> Sides:
    """The sum of both sides."""
    total = Sides()
    for each in sides:
        total += each
    return total


def end_of(day: date, zone: ZoneInfo) -> datetime:
    """The last instant of a day in a zone."""
    return first_instant(day + timedelta(days=1), zone) - INSTANT


def sides_of(transfers: QuerySet[Transfer], *by: str) -> dict[Any, Sides]:
    """
    What these transfers debited and credited, in two queries however many there are.

    :param by: fields of the accounts to add up by, such as ``kind``; one gives plain keys, several tuples
    """
    found: dict[Any, Sides] = {}
    for side in ("debit", "credit"):
        fields = [side if name == "pk" else f"{side}__{name}" for name in by]
        rows = transfers.order_by().values_list(*fields).annotate(total=Sum("amount_minor"))
        for *keys, total in rows:
            key = keys[0] if len(by) == 1 else tuple(keys)
            moved = Sides(debits_minor=total) if side == "debit" else Sides(credits_minor=total)
            found[key] = found.get(key, Sides()) + moved
    return found


def posted(program: Program, *, as_of: datetime) -> QuerySet[Transfer]:
    """The transfers of a program up to an instant."""
    return Transfer.objects.filter(debit__program=program, posted_at__lte=as_of)


def of_program(program: Program, *, as_of: datetime) -> list[TrialBalance]:
    """The trial balance at an instant: for each currency, the kinds of account that were moved."""
    moved = sides_of(posted(program, as_of=as_of), "currency", "kind")
    lines: dict[str, list[TrialLine]] = {}
    for (currency, kind), sides in sorted(moved.items(), key=lambda each: (each[0][0], ORDER[each[0][1]])):
        lines.setdefault(currency, []).append(TrialLine(kind, currency, sides))
    return [TrialBalance(currency, tuple(of_currency)) for currency, of_currency in lines.items()]
