"""
What is owed: unpaid bonuses by the month in which their window closes, per program and currency.

Every unpaid bonus counts once: held, else overdue, else approved, else expected. Their sum is what the
payable accounts of the books hold, to the cent.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.db.models import Count, Q, QuerySet, Sum
from django.db.models.functions import TruncMonth

from payouts import attention
from payouts.attention import Attention
from payouts.models import Bonus, Transfer
from payouts.rules.lifecycle import AccountKind, BonusStatus
from referrals.rules.words import Word

Owed = Mapping[tuple[int, str], int]
"""Minor units by number of the program and currency."""


class Standing(Word):
    """How an unpaid bonus stands; each in one way only."""

    EXPECTED = "EXPECTED"
    APPROVED = "APPROVED"
    HELD = "HELD"
    OVERDUE = "OVERDUE"


@dataclass(frozen=True, slots=True)
class Part:
    """So many bonuses and what they come to."""

    standing: Standing
    bonuses: int
    amount_minor: int


@dataclass(frozen=True, slots=True)
class Month:
    """What a program owes in one currency by the end of a month."""

    program_id: int
    slug: str
    month: date
    currency: str
    parts: tuple[Part, ...]
    """One of each standing."""

    @property
    def total_minor(self) -> int:
        return sum(part.amount_minor for part in self.parts)


def standings(looked_at: Attention) -> dict[Standing, Q]:
    """What holds for the unpaid bonuses of each standing: of every bonus exactly one."""
    not_held = Q(on_hold=False)
    in_time = not_held & ~looked_at.overdue
    return {
        Standing.EXPECTED: attention.UNPAID_ONE & in_time & Q(status=BonusStatus.ACTIVATED),
        Standing.APPROVED: attention.UNPAID_ONE & in_time & Q(status=BonusStatus.APPROVED),
        Standing.HELD: looked_at.held,
        Standing.OVERDUE: not_held & looked_at.overdue,
    }


def by_month(bonuses: QuerySet[Bonus], *, as_of: datetime) -> list[Month]:
    """
    What is owed of these bonuses, the earliest month first within each program.

    :param bonuses: of whatever status: the unpaid ones count
    """
    asked: dict[str, Any] = {}
    for standing, which in standings(attention.at(as_of)).items():
        asked[f"number_{standing}"] = Count("pk", filter=which)
        asked[f"minor_{standing}"] = Sum("amount_minor", filter=which, default=0)
    rows: Any = (
        bonuses.filter(attention.UNPAID_ONE)
        .order_by()
        .annotate(month=TruncMonth("window_closes_on"))
        .values("terms__program", "terms__program__slug", "currency", "month")
        .annotate(**asked)
        .order_by("terms__program__slug", "terms__program", "month", "currency")
    )
    return [
        Month(
            program_id=row["terms__program"],
            slug=row["terms__program__slug"],
            month=row["month"],
            currency=row["currency"],
            parts=tuple(
                Part(standing, row[f"number_{standing}"], row[f"minor_{standing}"]) for standing in Standing
            ),
        )
        for row in rows
    ]


def totals(months: list[Month]) -> Owed:
    """What these months come to, by program and currency."""
    sums: Counter[tuple[int, str]] = Counter()
    for month in months:
        sums[month.program_id, month.currency] += month.total_minor
    return sums


def of_the_books(programs: list[int]) -> Owed:
    """What the payable accounts of these programs hold: what was credited to them less what was debited."""
    sums: dict[tuple[int, str], int] = defaultdict(int)
    for side, sign in (("credit", 1), ("debit", -1)):
        payable = {f"{side}__kind": AccountKind.PAYABLE, f"{side}__program__in": programs}
        rows = Transfer.objects.filter(**payable).order_by().values(f"{side}__program", "currency")
        for row in rows.annotate(total=Sum("amount_minor")):
            sums[row[f"{side}__program"], row["currency"]] += sign * row["total"]
    return {key: minor for key, minor in sums.items() if minor}
