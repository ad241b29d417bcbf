"""Months whose windows have opened: what comes from the latest is due on whatever day the demo starts."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from payouts.rules.schedule import Schedule, Window, window_of_month
from referrals.rules.zones import local_date


@dataclass(frozen=True, slots=True)
class Month:
    """A month in which bonuses are anchored, and their window."""

    year: int
    month: int
    window: Window

    def day(self, day: int, *, hour: int = 15) -> datetime:
        """An instant of that day, which is the same day in every zone of the programs."""
        return datetime(self.year, self.month, day, hour, tzinfo=UTC)


def latest_opened(schedule: Schedule, *, now: datetime, ago: timedelta) -> Month:
    """The latest month whose window had opened that long ago; the window may be over."""
    months = months_until(schedule, since=now - timedelta(days=430), until=now - ago)
    return months[-1]


def months_until(schedule: Schedule, *, since: datetime, until: datetime) -> list[Month]:
    """The months, from that of ``since`` on, whose window had opened at ``until``."""
    first = local_date(since, schedule.zone)
    found = []
    year, month = first.year, first.month
    while (opened := window_of_month(schedule, year, month)).opens_at <= until:
        found.append(Month(year, month, opened))
        year, month = (year, month + 1) if month < 12 else (year + 1, 1)
    return found
