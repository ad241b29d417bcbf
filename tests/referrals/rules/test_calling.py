"""When a company may be called: by its own clock, days on which clocks change included."""

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from referrals.rules.calling import CallingHours, Window, add_calling_time, next_window, zone_of

BERLIN = ZoneInfo("Europe/Berlin")
OFFICE = CallingHours(frozenset(["MON", "TUE", "WED", "THU", "FRI"]), time(9), time(17))
NIGHT = CallingHours(frozenset(["SUN"]), time(2), time(3, 30))


def at(text: str) -> datetime:
    return datetime.fromisoformat(text)


@pytest.mark.parametrize(
    ("phone", "country", "zone"),
    [
        ("+49 30 123456", "", "Europe/Berlin"),
        ("030 123456", "de", "Europe/Berlin"),
        ("+1 212 555 0100", "", "America/New_York"),
        ("+1 415 555 0100", "US", "America/Los_Angeles"),
        # Toll-free numbers tell no place: the country's main zone.
        ("+1 800 555 0100", "US", "America/New_York"),
        ("+61 2 9123 4567", "", "Australia/Sydney"),
        # The phone goes before the country.
        ("+81 3 1234 5678", "DE", "Asia/Tokyo"),
        ("", "FR", "Europe/Paris"),
        ("no number", "PT", "Europe/Lisbon"),
        ("no number", "", ""),
        ("", "ZZ", ""),
    ],
)
def test_the_zone_is_known_by_the_phone_else_by_the_country(phone, country, zone):
    assert zone_of(phone=phone, country=country) == zone


@pytest.mark.parametrize(
    ("now", "opens", "closes"),
    [
        # Open now, not yet, over for today, before a weekend.
        ("2026-03-03T10:00Z", "2026-03-03T08:00Z", "2026-03-03T16:00Z"),
        ("2026-03-03T07:59Z", "2026-03-03T08:00Z", "2026-03-03T16:00Z"),
        ("2026-03-03T16:00Z", "2026-03-04T08:00Z", "2026-03-04T16:00Z"),
        ("2026-03-06T16:00Z", "2026-03-09T08:00Z", "2026-03-09T16:00Z"),
        # Clocks go forward on Sunday, Mar 29, and back on Sunday, Oct 25.
        ("2026-03-27T17:00Z", "2026-03-30T07:00Z", "2026-03-30T15:00Z"),
        ("2026-10-23T17:00Z", "2026-10-26T08:00Z", "2026-10-26T16:00Z"),
    ],
)
def test_calling_hours_are_those_of_the_company(now, opens, closes):
    assert next_window(OFFICE, BERLIN, not_before=at(now)) == Window(at(opens), at(closes))


def test_an_hour_that_clocks_skip_is_not_called_in_and_one_they_repeat_counts_twice():
    skipped = next_window(NIGHT, BERLIN, not_before=at("2026-03-29T00:00Z"))
    repeated = next_window(NIGHT, BERLIN, not_before=at("2026-10-25T00:00Z"))

    # 02:00 is the instant of the jump, which is 03:00: only half an hour is left.
    assert skipped == Window(at("2026-03-29T01:00Z"), at("2026-03-29T01:30Z"))
    assert repeated == Window(at("2026-10-25T00:00Z"), at("2026-10-25T02:30Z"))


def test_without_days_nothing_ever_opens():
    never = CallingHours(frozenset(), time(9), time(17))

    assert next_window(never, BERLIN, not_before=at("2026-03-03T10:00Z")) is None
    assert add_calling_time(never, BERLIN, since=at("2026-03-03T10:00Z"), amount=timedelta(hours=1)) is None


@pytest.mark.parametrize(
    ("since", "hours", "until"),
    [
        ("2026-03-03T08:00Z", 8, "2026-03-03T16:00Z"),
        ("2026-03-03T08:00Z", 16, "2026-03-04T16:00Z"),
        ("2026-03-03T12:00Z", 16, "2026-03-05T12:00Z"),
        ("2026-03-06T20:00Z", 16, "2026-03-10T16:00Z"),
        ("2026-03-26T12:00Z", 16, "2026-03-30T11:00Z"),
    ],
)
def test_an_sla_counts_calling_time_only(since, hours, until):
    assert add_calling_time(OFFICE, BERLIN, since=at(since), amount=timedelta(hours=hours)) == at(until)


@given(
    st.datetimes(datetime(2020, 1, 1), datetime(2035, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001  naive, as it wants them
    st.sampled_from(["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu"]),
)
def test_a_window_is_within_hours_on_the_wall_and_never_over(now, name):
    zone = ZoneInfo(name)

    window = next_window(OFFICE, zone, not_before=now)

    assert window is not None
    assert window.closes_at > now
    local = window.opens_at.astimezone(zone)
    assert (local.time(), local.weekday() < 5) == (time(9), True)
    assert window.closes_at.astimezone(zone).time() == time(17)
