"""
The statement of accounts of the books over a period: what they held, every transfer, what they hold.

One function serves the account that an accountant looks at and the accounts of a referrer, on the page and in
the file. Nothing in it is edited: what was taken back is a line of its own beside the one it takes back.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Q, QuerySet, Sum

from payouts.models import LedgerAccount, Transfer
from payouts.trial_balance import Sides

PER_PAGE = 100
AT_ONCE = 2_000
JOINED = ("bonus__account", "spend", "debit", "credit")


@dataclass(frozen=True, slots=True)
class Line:
    """A transfer, and what it left on each of the accounts."""

    transfer: Transfer
    moved: tuple[Sides | None, ...]
    """What it moved, account by account; nothing of those that it does not touch."""
    held: tuple[Sides, ...]
    """All that was debited and credited up to and with it, account by account."""


@dataclass(frozen=True, slots=True)
class Statement:
    """Accounts over a period: the end is the first instant that no longer belongs to it."""

    accounts: tuple[LedgerAccount, ...]
    begins: datetime
    ends: datetime
    opening: tuple[Sides, ...]
    closing: tuple[Sides, ...]
    beside: Q | None = None
    """Transfers that touch none of the accounts, and stand in it all the same."""

    @property
    def during(self) -> tuple[Sides, ...]:
        """What was debited and credited in the period."""
        return tuple(
            Sides(last.debits_minor - first.debits_minor, last.credits_minor - first.credits_minor)
            for first, last in zip(self.opening, self.closing, strict=True)
        )

    def lines(self) -> Iterator[Line]:
        """Every transfer of the period, the earliest first, without keeping them all."""
        return self._told(self._rows().iterator(AT_ONCE), self.opening)

    def page(self, number: int) -> tuple[list[Line], bool]:
        """The lines of a page, the earliest first, and whether there are more."""
        first = (number - 1) * PER_PAGE
        rows = list(self._rows()[first : first + PER_PAGE + 1])
        if not rows:
            return [], False
        before = self.opening if number == 1 else self._held_before(rows[0])
        return list(self._told(rows[:PER_PAGE], before)), len(rows) > PER_PAGE

    def _rows(self) -> QuerySet[Transfer]:
        rows = _of(self.accounts, self.beside).filter(posted_at__gte=self.begins, posted_at__lt=self.ends)
        return rows.select_related(*JOINED).order_by("posted_at", "pk")

    def _held_before(self, row: Transfer) -> tuple[Sides, ...]:
        earlier = Q(posted_at__lt=row.posted_at) | Q(posted_at=row.posted_at, pk__lt=row.pk)
        [held] = _held(self.accounts, earlier)
        return held

    def _told(self, rows: Iterator[Transfer] | list[Transfer], held: tuple[Sides, ...]) -> Iterator[Line]:
        for row in rows:
            moved = tuple(_moved(row, account) for account in self.accounts)
            held = tuple(before + (by_this or Sides()) for before, by_this in zip(held, moved, strict=True))
            yield Line(row, moved, held)


def over(
    accounts: Sequence[LedgerAccount], *, begins: datetime, ends: datetime, beside: Q | None = None
) -> Statement:
    """
    The statement of these accounts.

    :param ends: the first instant that no longer belongs to the period
    :param beside: transfers that touch none of the accounts, and stand in it all the same
    """
    opening, closing = _held(accounts, Q(posted_at__lt=begins), Q(posted_at__lt=ends))
    return Statement(tuple(accounts), begins, ends, opening, closing, beside)


def _of(accounts: Sequence[LedgerAccount], beside: Q | None) -> QuerySet[Transfer]:
    numbers = [account.pk for account in accounts]
    touched = Q(debit__in=numbers) | Q(credit__in=numbers)
    return Transfer.objects.filter(touched if beside is None else touched | beside)


def _held(accounts: Sequence[LedgerAccount], *conditions: Q) -> list[tuple[Sides, ...]]:
    """What the accounts held by the transfers of each condition: two queries for all of them."""
    sums = {
        f"sum_{place}": Sum("amount_minor", filter=each, default=0) for place, each in enumerate(conditions)
    }
    numbers = [account.pk for account in accounts]
    sides: dict[str, dict[int, list[int]]] = {}
    for side in ("debit", "credit"):
        rows = Transfer.objects.filter(**{f"{side}__in": numbers}).order_by().values_list(side)
        sides[side] = {number: totals for number, *totals in rows.annotate(**sums)}
    nothing = [0] * len(conditions)
    return [
        tuple(
            Sides(sides["debit"].get(number, nothing)[place], sides["credit"].get(number, nothing)[place])
            for number in numbers
        )
        for place in range(len(conditions))
    ]


def _moved(transfer: Transfer, account: LedgerAccount) -> Sides | None:
    if transfer.debit_id == account.pk:
        return Sides(debits_minor=transfer.amount_minor)
    if transfer.credit_id == account.pk:
        return Sides(credits_minor=transfer.amount_minor)
    return None
