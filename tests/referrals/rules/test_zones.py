"""When a day begins on the calendar of a zone: known oddities, and an oracle that walks minute by minute."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from referrals.rules.zones import day_of_months, first_instant, local_date

# Half-hour offsets, clocks that change at midnight, a changed side of the date line.
ZONES = [
    "UTC",
    "America/Los_Angeles",
    "America/Sao_Paulo",
    "America/Havana",
    "Africa/Cairo",
    "Asia/Kolkata",
    "Australia/Lord_Howe",
    "Pacific/Apia",
    "Pacific/Kiritimati",
]
MINUTE = timedelta(minutes=1)


def begins_by_the_minute(day: date, zone: ZoneInfo) -> datetime:
    """Walk from well before the date to the first minute at which the zone's calendar has come to it."""
    at = datetime(day.year, day.month, day.day, tzinfo=UTC) - timedelta(hours=26)
    while local_date(at, zone) >= day:
        at -= timedelta(hours=1)
    while local_date(at + timedelta(hours=1), zone) < day:
        at += timedelta(hours=1)
    while local_date(at, zone) < day:
        at += MINUTE
    return at


@pytest.mark.parametrize(
    ("zone", "day", "instant"),
    [
        ("UTC", "2026-02-28", "2026-02-28T00:00Z"),
        ("America/Los_Angeles", "2019-04-16", "2019-04-16T07:00Z"),
        ("Asia/Kolkata", "2026-01-01", "2025-12-31T18:30Z"),
        # Midnight does not exist: the day begins when the clocks jump.
        ("Africa/Cairo", "2024-04-26", "2024-04-25T22:00Z"),
        ("America/Sao_Paulo", "2018-11-04", "2018-11-04T03:00Z"),
        # Midnight happens twice: the first one.
        ("America/Havana", "2024-11-03", "2024-11-03T04:00Z"),
        # The clocks jumped half an hour before midnight.
        ("America/Toronto", "1919-03-31", "1919-03-31T04:30Z"),
        # December 30 was left out: it begins with the next day.
        ("Pacific/Apia", "2011-12-30", "2011-12-30T10:00Z"),
        ("Pacific/Apia", "2011-12-31", "2011-12-30T10:00Z"),
    ],
)
def test_a_day_begins_at_its_first_instant(zone, day, instant):
    assert first_instant(date.fromisoformat(day), ZoneInfo(zone)) == datetime.fromisoformat(instant)


@settings(max_examples=60, deadline=None)
@given(day=st.dates(date(1975, 1, 1), date(2037, 12, 31)), zone=st.sampled_from(ZONES).map(ZoneInfo))
@example(day=date(2024, 4, 26), zone=ZoneInfo("Africa/Cairo"))
@example(day=date(2011, 12, 30), zone=ZoneInfo("Pacific/Apia"))
def test_a_day_begins_at_the_first_minute_that_is_not_yesterday(day, zone):
    assert first_instant(day, zone) == begins_by_the_minute(day, zone)


def test_the_first_instant_is_in_utc():
    assert first_instant(date(2026, 7, 1), ZoneInfo("America/Los_Angeles")).tzinfo is UTC


@pytest.mark.parametrize(
    ("instant", "zone", "day"),
    [
        ("2026-03-01T07:59:59Z", "America/Los_Angeles", "2026-02-28"),
        ("2026-03-01T08:00Z", "America/Los_Angeles", "2026-03-01"),
        ("2026-02-28T23:30-08:00", "UTC", "2026-03-01"),
    ],
)
def test_the_date_is_that_of_the_zone_whatever_the_offset_it_was_written_with(instant, zone, day):
    assert local_date(datetime.fromisoformat(instant), ZoneInfo(zone)) == date.fromisoformat(day)


def test_a_time_without_offset_has_no_date():
    with pytest.raises(ValueError, match="2026-03-01T12:00:00 is no instant"):
        local_date(datetime(2026, 3, 1, 12), ZoneInfo("UTC"))  # noqa: DTZ001


def test_each_month_has_its_last_day():
    days = day_of_months(-1, since=date(2027, 11, 15), until=date(2028, 2, 1))

    assert [day.isoformat() for day in days] == ["2027-11-30", "2027-12-31", "2028-01-31", "2028-02-29"]


@settings(max_examples=60, deadline=None)
@given(
    wanted=st.sampled_from([1, -1]),
    since=st.dates(date(2000, 1, 1), date(2030, 1, 1)),
    days=st.integers(-40, 800),
)
def test_the_days_of_months_are_those_found_by_counting(wanted, since, days):
    until = since + timedelta(days=days)
    every_day = (date(since.year, since.month, 1) + timedelta(days=n) for n in range(1_000))
    in_these_months = [day for day in every_day if (day.year, day.month) <= (until.year, until.month)]
    is_wanted = {1: lambda day: day.day == 1, -1: lambda day: (day + timedelta(days=1)).day == 1}[wanted]

    found = list(day_of_months(wanted, since=since, until=until))

    assert found == [day for day in in_these_months if is_wanted(day)]
