"""Days and months on the calendar of a time zone, and the instants at which they begin."""

import calendar
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo


def first_instant(day: date, zone: ZoneInfo) -> datetime:
    """
    The instant (UTC) at which a date begins in the zone.

    Where midnight happens twice it is the first, where clocks skip midnight the moment they jump; a date
    that the zone left out altogether begins with the next one.
    """
    midnight = datetime.combine(day, time(), tzinfo=zone)
    begins = midnight.astimezone(UTC)
    if begins.astimezone(zone).replace(tzinfo=None) == midnight.replace(tzinfo=None):
        return begins

    # In a gap the two folds give midnight by the offsets after and before the jump, and the jump lies
    # between them. Only its own instant is right: a gap may start before midnight.
    before = midnight.replace(fold=1).astimezone(UTC)
    while begins - before > timedelta(seconds=1):
        middle = before + timedelta(seconds=(begins - before) // timedelta(seconds=2))
        if local_date(middle, zone) < day:
            before = middle
        else:
            begins = middle
    return begins


def local_date(at: datetime, zone: ZoneInfo) -> date:
    """
    The date on the zone's calendar at that instant.

    :raises ValueError: if the instant has no offset
    """
    if at.utcoffset() is None:
        raise ValueError(f"{at.isoformat()} is no instant: it has no offset.")
    return at.astimezone(zone).date()


def day_of_months(day: int, *, since: date, until: date) -> Iterator[date]:
    """
    The first or last day of each month from the month of ``since`` to that of ``until``.

    :param day: 1 for the first day, -1 for the last
    """
    year, month = since.year, since.month
    while (year, month) <= (until.year, until.month):
        yield date(year, month, 1 if day == 1 else calendar.monthrange(year, month)[1])
        year, month = (year + 1, 1) if month == 12 else (year, month + 1)


def months_back(day: date, months: int) -> date:
    """The first day of the month that lies so many months before that of ``day``."""
    number = day.year * 12 + day.month - 1 - months
    return date(number // 12, number % 12 + 1, 1)
