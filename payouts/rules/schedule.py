"""
The payout schedule: an anchor instant becomes a window of dates.

The calendar month of the anchor in the schedule's zone, plus whole months, gives a month; ``opens`` and
``closes`` are points in it, both inclusive. ``closes`` is a promise, not an expiry.
"""

import calendar
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal
from zoneinfo import ZoneInfo

from referrals.rules.business_days import BusinessDays
from referrals.rules.zones import first_instant, local_date


@dataclass(frozen=True, slots=True)
class Point:
    """
    A point in a month: its n-th day or business day; negative counts from the end.

    :raises ValueError: if n is 0
    """

    kind: Literal["DAY_OF_MONTH", "BUSINESS_DAY"]
    n: int

    def __post_init__(self) -> None:
        if self.n == 0:
            raise ValueError("A month has no day number 0: count from 1, or from -1 at the end.")

    def in_month(self, year: int, month: int, days: BusinessDays) -> date:
        """The day it means in that month; beyond the month's length its last (or, from the end, first)."""
        if self.kind == "BUSINESS_DAY":
            return days.nth_of_month(year, month, self.n)
        last = calendar.monthrange(year, month)[1]
        day = min(self.n, last) if self.n > 0 else max(last + 1 + self.n, 1)
        return date(year, month, day)


@dataclass(frozen=True, slots=True)
class Schedule:
    """When the bonuses of a program are paid."""

    month_offset: int
    opens: Point
    closes: Point
    zone: ZoneInfo
    days: BusinessDays


@dataclass(frozen=True, slots=True)
class Window:
    """The promised time: first and last day, and the instant (UTC) from which money may leave."""

    opens_on: date
    closes_on: date
    opens_at: datetime


def window(schedule: Schedule, anchor: datetime) -> Window:
    """
    The window of a bonus with this anchor.

    :raises ValueError: if the anchor has no offset
    """
    anchored_on = local_date(anchor, schedule.zone)
    return window_of_month(schedule, anchored_on.year, anchored_on.month)


def window_of_month(schedule: Schedule, year: int, month: int) -> Window:
    """The window of everything anchored in that month; the schedule's offset is still to be added."""
    years, months = divmod(month - 1 + schedule.month_offset, 12)
    target = (year + years, months + 1)
    opens_on = schedule.opens.in_month(*target, schedule.days)
    return Window(
        opens_on=opens_on,
        closes_on=schedule.closes.in_month(*target, schedule.days),
        opens_at=first_instant(opens_on, schedule.zone),
    )


def closing_before_opening(
    schedule: Schedule, years: Iterable[int] = range(2016, 2041)
) -> list[tuple[int, int]]:
    """The months (year, month) in which the schedule's window would close before it opens."""
    months = ((year, month) for year in years for month in range(1, 13))
    return [
        target
        for target in months
        if schedule.closes.in_month(*target, schedule.days) < schedule.opens.in_month(*target, schedule.days)
    ]
