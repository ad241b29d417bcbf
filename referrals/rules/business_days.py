"""Business days: Monday to Friday, less the holidays of a calendar."""

import calendar
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from referrals.rules.zones import local_date

SATURDAY = 5


@dataclass(frozen=True)
class BusinessDays:
    """The business days that a calendar leaves; without holidays every weekday is one."""

    holidays: frozenset[date] = frozenset()

    def is_business_day(self, day: date) -> bool:
        """Is it neither a weekend day nor a holiday?"""
        return day.weekday() < SATURDAY and day not in self.holidays

    def of_month(self, year: int, month: int) -> list[date]:
        """The business days of a month, in order."""
        return list(_of_month(self, year, month))

    def nth_of_month(self, year: int, month: int, n: int) -> date:
        """
        The n-th business day of a month; beyond the month's length its last (or, from the end, first).

        :param n: 1 is the first; negative counts from the end, -1 is the last
        :raises ValueError: if n is 0, or the month has no business day at all
        """
        days = _of_month(self, year, month)
        if n == 0:
            raise ValueError("There is no business day number 0: count from 1, or from -1 at the end.")
        if not days:
            raise ValueError(f"{year}-{month:02} has no business day in this calendar.")
        return days[min(n, len(days)) - 1] if n > 0 else days[max(n, -len(days))]

    def passed(self, since: date, until: date) -> int:
        """How many business days have come after ``since``, up to and including ``until``."""
        following = (since + timedelta(days=days) for days in range(1, (until - since).days + 1))
        return sum(self.is_business_day(day) for day in following)

    def after(self, since: date, number: int) -> date:
        """The first day by which so many business days have come after ``since``."""
        day = since
        while number > 0:
            day += timedelta(days=1)
            number -= self.is_business_day(day)
        return day


def given_up_from(first_call_at: datetime, zone: ZoneInfo, days: BusinessDays, *, number: int) -> date:
    """
    The first day on which a company that nobody reached is given up: so many business days after a call.

    :param zone: of the program
    """
    return days.after(local_date(first_call_at, zone), number)


# Thousands of windows fall into a few hundred months.
@lru_cache(maxsize=8_192)
def _of_month(days: BusinessDays, year: int, month: int) -> tuple[date, ...]:
    last = calendar.monthrange(year, month)[1]
    month_days = (date(year, month, day) for day in range(1, last + 1))
    return tuple(day for day in month_days if days.is_business_day(day))
