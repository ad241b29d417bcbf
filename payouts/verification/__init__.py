"""
Verifies the books: everything that must always be true, asked of the rows themselves.

Each check is one statement that finds the rows for which an invariant does not hold; the
numbers of the invariants are the project's own (I1 books, I2 exactly once, I3 complete,
I4 window, I5 qualified, I6 trail, I7 append-only, I8 derived = summed, I9 payments, I10 events,
I11 bounds, I12 authority, I13 isolation). Nothing here is shared with the code that writes
those rows: a mistake there must not hide itself. Reads only, and row by row nothing.

Clicks (I14) and leases (I15) leave no rows yet.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from django.db import connection

from payouts.verification import (
    belonging,
    bonuses,
    books,
    closing,
    fees,
    guards,
    orders,
    payments,
    trails,
)
from payouts.verification.check import DIALECT, Check

# As many of the rows found are named; all are counted.
NAMED = 5

ALWAYS = [
    *books.CHECKS,
    *payments.CHECKS,
    *orders.CHECKS,
    *fees.CHECKS,
    *bonuses.CHECKS,
    *trails.CHECKS,
    *belonging.CHECKS,
    *closing.CHECKS,
]


@dataclass(frozen=True, slots=True)
class Breach:
    """Rows for which an invariant does not hold."""

    invariant: str
    message: str
    rows: list[int | str]
    """The first few, by id or name."""
    count: int


def invariants(*, as_of: datetime | None = None) -> list[str]:
    """The invariants that are checked, in order; completeness (I3) only about an instant."""
    checked = {check.invariant for check in _checks(as_of)} | {"I7"}
    return sorted(checked, key=lambda invariant: int(invariant.removeprefix("I")))


def breaches(*, as_of: datetime | None = None) -> list[Breach]:
    """
    Everything that is not as it must be, in the order of the invariants; nothing is right.

    :param as_of: the instant of a run of the jobs that has just ended; what was due then must be paid
    """
    parameters = {} if as_of is None else {"as_of": connection.ops.adapt_datetimefield_value(as_of)}
    found = [_breach(check, parameters) for check in _checks(as_of)]
    if unguarded := guards.missing(connection):
        found.append(
            Breach("I7", "triggers missing or switched off", [*unguarded[:NAMED]], count=len(unguarded))
        )
    order = invariants(as_of=as_of)
    return sorted((breach for breach in found if breach), key=lambda breach: order.index(breach.invariant))


def _checks(as_of: datetime | None) -> list[Check]:
    return [*ALWAYS, *(bonuses.COMPLETE if as_of is not None else [])]


def _breach(check: Check, parameters: Mapping[str, str | None]) -> Breach | None:
    sql = check.sql
    for word, expression in DIALECT[connection.vendor].items():
        sql = sql.replace(word, expression)
    counted = f"SELECT id, COUNT(*) OVER () FROM ({sql}) found ORDER BY id LIMIT {NAMED}"  # noqa: S608  only ours
    with connection.cursor() as cursor:
        cursor.execute(counted, parameters)
        rows = cursor.fetchall()
    if not rows:
        return None
    return Breach(check.invariant, check.finds, [row[0] for row in rows], count=rows[0][1])
