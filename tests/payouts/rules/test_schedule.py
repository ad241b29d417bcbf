"""
Windows: published examples, the worked cases, and an oracle that counts days and minutes one by one.
"""

import json
from datetime import UTC, date, datetime, timedelta
from functools import cache
from itertools import pairwise
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from payouts.rules.schedule import (
    Point,
    Schedule,
    Window,
    closing_before_opening,
    first_instant,
    local_date,
    window,
    window_of_month,
)
from referrals.rules.business_days import BusinessDays
from referrals.rules.holidays import BUILTIN, holidays_of

CASES = Path(__file__).parents[2] / "cases"

# What the four programs say, as their files would have it.
PROGRAMS = {
    "smartcat": {"month_offset": 1, "opens": {"day": 16}, "closes": {"day": -1}, "time_zone": "UTC"},
    "smithai": {
        "month_offset": 3,
        "opens": {"business_day": 1},
        "closes": {"business_day": 15},
        "calendar": "US-FED",
        "time_zone": "America/Los_Angeles",
    },
    "smithai-legacy": {
        "month_offset": 0,
        "opens": {"day": -1},
        "closes": {"day": -1},
        "time_zone": "America/Los_Angeles",
    },
    "upwork-2019": {
        "month_offset": 1,
        "opens": {"business_day": 1},
        "closes": {"business_day": 5},
        "calendar": "US-FED",
        "time_zone": "America/Los_Angeles",
    },
}


@cache
def days_of(calendar: str | None) -> BusinessDays:
    return BusinessDays(frozenset(holidays_of(calendar, range(2015, 2043)) if calendar else ()))


def point(written: dict[str, int]) -> Point:
    ((kind, n),) = written.items()
    return Point({"day": "DAY_OF_MONTH", "business_day": "BUSINESS_DAY"}[kind], n)


def schedule(program: str = "smartcat", **changes) -> Schedule:
    written = {"calendar": None, **PROGRAMS[program], **changes}
    return Schedule(
        month_offset=written["month_offset"],
        opens=point(written["opens"]),
        closes=point(written["closes"]),
        zone=ZoneInfo(written["time_zone"]),
        days=days_of(written["calendar"]),
    )


def at(text: str) -> datetime:
    return datetime.fromisoformat(text)


def dates(found: Window) -> tuple[str, str]:
    return found.opens_on.isoformat(), found.closes_on.isoformat()


# --- the published examples ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("anchor", "opens", "closes"),
    [
        ("2026-02-01T00:00:00Z", "2026-03-16", "2026-03-31"),
        ("2026-02-28T23:59:59Z", "2026-03-16", "2026-03-31"),
        ("2028-01-31T23:59:59Z", "2028-02-16", "2028-02-29"),
        ("2024-02-29T00:00:00Z", "2024-03-16", "2024-03-31"),
        ("2026-05-16T00:00:00Z", "2026-06-16", "2026-06-30"),
        ("2026-12-31T12:00:00Z", "2027-01-16", "2027-01-31"),
    ],
)
def test_smartcat_pays_after_the_15th_of_the_next_month_whatever_the_weekday(anchor, opens, closes):
    found = window(schedule("smartcat"), at(anchor))

    assert dates(found) == (opens, closes)
    assert found.opens_at == at(f"{opens}T00:00:00Z")


@pytest.mark.parametrize(
    ("zone", "opens", "closes"),
    [
        ("UTC", "2026-05-16", "2026-05-31"),
        ("America/New_York", "2026-05-16", "2026-05-31"),
        ("Europe/Berlin", "2026-06-16", "2026-06-30"),
    ],
)
def test_the_month_is_the_one_on_the_calendar_of_the_zone(zone, opens, closes):
    assert dates(window(schedule(time_zone=zone), at("2026-04-30T22:30:00Z"))) == (opens, closes)


@pytest.mark.parametrize(
    ("anchor", "opens", "closes", "weekdays_only"),
    [
        ("2026-01-12T12:00:00-08:00", "2026-04-01", "2026-04-21", ("2026-04-01", "2026-04-21")),
        ("2026-03-05T12:00:00-08:00", "2026-06-01", "2026-06-22", ("2026-06-01", "2026-06-19")),
        ("2026-04-20T12:00:00-07:00", "2026-07-01", "2026-07-22", ("2026-07-01", "2026-07-21")),
        ("2026-06-15T12:00:00-07:00", "2026-09-01", "2026-09-22", ("2026-09-01", "2026-09-21")),
        ("2026-08-15T12:00:00-07:00", "2026-11-02", "2026-11-23", ("2026-11-02", "2026-11-20")),
        ("2026-10-15T12:00:00-07:00", "2027-01-04", "2027-01-25", ("2027-01-01", "2027-01-21")),
        ("2024-11-30T12:00:00-08:00", "2025-02-03", "2025-02-24", ("2025-02-03", "2025-02-21")),
        ("2027-03-10T12:00:00-08:00", "2027-06-01", "2027-06-22", ("2027-06-01", "2027-06-21")),
        ("2026-02-01T07:59:59Z", "2026-04-01", "2026-04-21", ("2026-04-01", "2026-04-21")),
        ("2026-02-01T08:00:00Z", "2026-05-01", "2026-05-21", ("2026-05-01", "2026-05-21")),
        ("2026-11-01T07:10:00Z", "2027-02-01", "2027-02-22", ("2027-02-01", "2027-02-19")),
    ],
)
def test_smithai_pays_within_15_business_days_of_the_third_month(anchor, opens, closes, weekdays_only):
    assert dates(window(schedule("smithai"), at(anchor))) == (opens, closes)
    assert dates(window(schedule("smithai", calendar=None), at(anchor))) == weekdays_only


@pytest.mark.parametrize(
    ("anchor", "closes"),
    [("2026-04-20T12:00:00-07:00", "2026-07-21"), ("2027-03-10T12:00:00-08:00", "2027-06-21")],
)
def test_reserve_banks_do_not_take_the_friday_before_a_saturday_holiday(anchor, closes):
    assert window(schedule("smithai", calendar="US-FRB"), at(anchor)).closes_on == date.fromisoformat(closes)


def test_smithai_with_two_months_pays_in_march():
    january = at("2026-01-12T12:00:00-08:00")

    assert dates(window(schedule("smithai", month_offset=2), january)) == ("2026-03-02", "2026-03-20")


@pytest.mark.parametrize(
    ("anchor", "opens", "closes", "last_five_days"),
    [
        ("2018-12-15T12:00:00-08:00", "2019-01-02", "2019-01-08", ("2018-12-24", "2018-12-31")),
        ("2019-02-05T12:00:00-08:00", "2019-03-01", "2019-03-07", ("2019-02-22", "2019-02-28")),
        ("2019-03-20T12:00:00-07:00", "2019-04-01", "2019-04-05", ("2019-03-25", "2019-03-29")),
        ("2019-04-10T12:00:00-07:00", "2019-05-01", "2019-05-07", ("2019-04-24", "2019-04-30")),
        ("2019-04-16T06:59:59Z", "2019-05-01", "2019-05-07", ("2019-04-24", "2019-04-30")),
        ("2026-06-10T12:00:00-07:00", "2026-07-01", "2026-07-08", ("2026-06-24", "2026-06-30")),
        ("2026-08-10T12:00:00-07:00", "2026-09-01", "2026-09-08", ("2026-08-25", "2026-08-31")),
    ],
)
def test_upwork_pays_within_5_business_days_after_the_month(anchor, opens, closes, last_five_days):
    at_the_end = schedule(
        "upwork-2019", month_offset=0, opens={"business_day": -5}, closes={"business_day": -1}
    )

    assert dates(window(schedule("upwork-2019"), at(anchor))) == (opens, closes)
    assert dates(window(at_the_end, at(anchor))) == last_five_days


def test_a_month_can_have_its_window_without_an_anchor():
    assert dates(window_of_month(schedule("smithai-legacy"), 2026, 2)) == ("2026-02-28", "2026-02-28")
    assert dates(window_of_month(schedule("smartcat"), 2026, 12)) == ("2027-01-16", "2027-01-31")
    assert dates(window_of_month(schedule("smartcat", month_offset=24), 2026, 12)) == (
        "2028-12-16",
        "2028-12-31",
    )


# --- the worked cases ---------------------------------------------------------------------------------


def worked_windows():
    for file in sorted(CASES.rglob("schedule*.json")):
        for group in json.loads(file.read_text(encoding="utf-8")).get("windows", []):
            for number, row in enumerate(group["rows"]):
                yield pytest.param(schedule_of(group), row, id=f"{group['id']}[{number}]")


def schedule_of(group: dict) -> Schedule:
    if "schedule" in group:
        return schedule(**group["schedule"])
    changes = {path.partition(".")[2]: value for path, value in group.get("set", {}).items()}
    return schedule(group["program"], **changes)


WORKED_WINDOWS = [*worked_windows()]


def test_the_worked_windows_are_there():
    assert len(WORKED_WINDOWS) > 100


@pytest.mark.parametrize(("terms", "row"), WORKED_WINDOWS)
def test_a_worked_window(terms, row):
    found = window(terms, at(row["anchor"]))

    got = {
        "window_opens": found.opens_on.isoformat(),
        "window_closes": found.closes_on.isoformat(),
        "opens_at": f"{found.opens_at:%Y-%m-%dT%H:%M:%SZ}",
    }
    assert {key: got[key] for key in got if key in row} == {key: row[key] for key in got if key in row}


# --- points in a month --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("n", "day"), [(1, 1), (16, 16), (29, 28), (31, 28), (-1, 28), (-28, 1), (-29, 1), (-31, 1)]
)
def test_a_day_beyond_the_month_is_its_last_and_from_the_end_its_first(n, day):
    assert Point("DAY_OF_MONTH", n).in_month(2026, 2, BusinessDays()) == date(2026, 2, day)


@pytest.mark.parametrize(("n", "day"), [(1, 2), (20, 27), (23, 27), (-1, 27), (-20, 2), (-23, 2)])
def test_a_business_day_beyond_the_month_is_its_last_and_from_the_end_its_first(n, day):
    assert Point("BUSINESS_DAY", n).in_month(2026, 2, BusinessDays()) == date(2026, 2, day)


@pytest.mark.parametrize("kind", ["DAY_OF_MONTH", "BUSINESS_DAY"])
def test_there_is_no_day_number_nought(kind):
    with pytest.raises(ValueError, match="no day number 0"):
        Point(kind, 0)


def test_an_anchor_without_offset_is_refused_by_name():
    with pytest.raises(ValueError, match=r"^2026-02-10T12:00:00 is no instant: it has no offset\.$"):
        window(schedule(), datetime(2026, 2, 10, 12))  # noqa: DTZ001 - that it is naive is the point


# --- where a date begins ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("zone", "day", "begins"),
    [
        ("UTC", "2026-03-16", "2026-03-16T00:00:00Z"),
        ("Asia/Kathmandu", "2026-03-16", "2026-03-15T18:15:00Z"),
        ("Pacific/Kiritimati", "2026-03-16", "2026-03-15T10:00:00Z"),
        # Midnight does not exist: clocks go from 00:00 to 01:00.
        ("America/Santiago", "2024-09-08", "2024-09-08T04:00:00Z"),
        ("Africa/Cairo", "2024-04-26", "2024-04-25T22:00:00Z"),
        ("Asia/Beirut", "2026-03-29", "2026-03-28T22:00:00Z"),
        # Clocks go from 23:30 to 00:30.
        ("America/Toronto", "1919-03-31", "1919-03-31T04:30:00Z"),
        # Clocks go from 23:00 to 00:00: midnight exists, and is the jump.
        ("America/Nuuk", "2025-03-30", "2025-03-30T01:00:00Z"),
        # Midnight happens twice: clocks go from 01:00 to 00:00, and from 00:01 to 23:01.
        ("America/Havana", "2025-11-02", "2025-11-02T04:00:00Z"),
        ("Atlantic/Azores", "2025-10-26", "2025-10-26T00:00:00Z"),
        ("America/St_Johns", "2010-11-07", "2010-11-07T02:30:00Z"),
        # Clocks go from 24:00 to 23:00: midnight happens once, an hour later than it seemed.
        ("America/Santiago", "2025-04-06", "2025-04-06T04:00:00Z"),
        # A date that never was.
        ("Pacific/Apia", "2011-12-30", "2011-12-30T10:00:00Z"),
        ("Pacific/Apia", "2011-12-31", "2011-12-30T10:00:00Z"),
        ("Pacific/Kwajalein", "1993-08-21", "1993-08-21T12:00:00Z"),
    ],
)
def test_a_date_begins_at_its_first_instant_in_the_zone(zone, day, begins):
    assert first_instant(date.fromisoformat(day), ZoneInfo(zone)) == at(begins)


# --- closing before opening ---------------------------------------------------------------------------


def test_the_four_programs_never_close_before_they_open():
    assert [closing_before_opening(schedule(program)) for program in PROGRAMS] == [[], [], [], []]


def test_every_month_that_would_close_before_it_opens_is_told():
    overlapping = schedule("upwork-2019", opens={"business_day": 11}, closes={"business_day": -11})

    # A month of 21 business days opens and closes on the same one, a shorter month the wrong way round.
    assert closing_before_opening(overlapping, years=[2026]) == [(2026, 1), (2026, 2), (2026, 5), (2026, 11)]
    assert closing_before_opening(
        schedule(opens={"day": 31}, closes={"day": 30}), years=range(2026, 2027)
    ) == [(2026, month) for month in (1, 3, 5, 7, 8, 10, 12)]


def test_the_years_looked_at_are_2016_to_2040():
    backwards = schedule(opens={"day": 2}, closes={"day": 1})

    found = closing_before_opening(backwards)

    assert (found[0], found[-1], len(found)) == ((2016, 1), (2040, 12), 25 * 12)


# --- properties, against an oracle that knows no shortcuts ----------------------------------------------

ZONES = [
    *["UTC", "America/Los_Angeles", "Europe/Berlin", "Asia/Kathmandu", "Australia/Lord_Howe", "Pacific/Apia"],
    *["Pacific/Kiritimati", "Pacific/Pago_Pago", "America/Havana", "America/Santiago", "America/St_Johns"],
    *["Africa/Cairo", "Africa/Casablanca", "Asia/Beirut", "America/Nuuk", "Atlantic/Azores", "Asia/Tehran"],
]
zones = st.sampled_from(ZONES)
points = st.one_of(
    st.builds(Point, st.just("DAY_OF_MONTH"), st.integers(1, 31) | st.integers(-31, -1)),
    st.builds(Point, st.just("BUSINESS_DAY"), st.integers(1, 23) | st.integers(-23, -1)),
)
schedules = st.builds(
    Schedule,
    month_offset=st.integers(0, 24),
    opens=points,
    closes=points,
    zone=zones.map(ZoneInfo),
    days=st.sampled_from([None, *BUILTIN]).map(days_of),
)
anchors = st.datetimes(datetime(2016, 1, 1), datetime(2040, 12, 31), timezones=zones.map(ZoneInfo))  # noqa: DTZ001
MINUTE = timedelta(minutes=1)


@given(terms=schedules, anchor=anchors)
@settings(deadline=None, max_examples=100)
def test_a_window_is_what_counting_days_and_minutes_gives(terms, anchor):
    found = window(terms, anchor)

    opens_on = counted(terms, terms.opens, anchor)
    assert found == Window(opens_on, counted(terms, terms.closes, anchor), scanned(opens_on, terms.zone))
    assert found.opens_at.tzinfo is UTC


@given(day=st.dates(date(1995, 1, 1), date(2037, 12, 31)), zone=zones.map(ZoneInfo))
@example(day=date(2011, 12, 30), zone=ZoneInfo("Pacific/Apia"))
@example(day=date(2010, 11, 7), zone=ZoneInfo("America/St_Johns"))
@example(day=date(1919, 3, 31), zone=ZoneInfo("America/Toronto"))
@example(day=date(2025, 11, 2), zone=ZoneInfo("America/Havana"))
@settings(deadline=None, max_examples=100)
def test_a_date_begins_where_scanning_minutes_finds_it(day, zone):
    assert first_instant(day, zone) == scanned(day, zone)


@given(terms=schedules, anchor=anchors)
@settings(deadline=None, max_examples=100)
def test_a_window_opens_before_it_closes_wherever_no_month_is_told_to_close_before(terms, anchor):
    target_years = range(2016, 2044)
    assume(not closing_before_opening(terms, years=target_years))

    found = window(terms, anchor)

    assert found.opens_on <= found.closes_on
    # A date that the zone left out begins with the next.
    assert local_date(found.opens_at, terms.zone) >= found.opens_on


@given(terms=schedules, one=anchors, other=anchors)
@settings(deadline=None, max_examples=100)
def test_a_later_anchor_never_has_an_earlier_window_and_the_same_month_has_the_same(terms, one, other):
    earlier, later = sorted([one, other], key=lambda anchor: anchor.astimezone(UTC))
    before, after = window(terms, earlier), window(terms, later)

    assert before.opens_on <= after.opens_on
    assert before.closes_on <= after.closes_on
    assert before.opens_at <= after.opens_at
    if same_month(earlier.astimezone(terms.zone), later.astimezone(terms.zone)):
        assert before == after


@given(terms=schedules, year=st.integers(2016, 2040), month=st.integers(1, 12))
@settings(deadline=None, max_examples=100)
def test_the_whole_month_shares_one_window(terms, year, month):
    begins = scanned(date(year, month, 1), terms.zone)
    ends = scanned(date(year + month // 12, month % 12 + 1, 1), terms.zone)

    expected = window_of_month(terms, year, month)
    assert window(terms, begins) == window(terms, ends - timedelta(microseconds=1)) == expected
    assert window(terms, begins - timedelta(microseconds=1)) != expected
    assert window(terms, ends) != expected


def same_month(one: datetime, other: datetime) -> bool:
    return (one.year, one.month) == (other.year, other.month)


def counted(terms: Schedule, wanted: Point, anchor: datetime) -> date:
    """Walk month by month to the target, cross out its days that do not count, and count the rest."""
    first = anchor.astimezone(terms.zone).date().replace(day=1)
    for _ in range(terms.month_offset):
        first = (first + timedelta(days=31)).replace(day=1)

    counting = []
    day = first
    while day.month == first.month:
        closed = day.strftime("%a") in ("Sat", "Sun") or day in terms.days.holidays
        if wanted.kind == "DAY_OF_MONTH" or not closed:
            counting.append(day)
        day += timedelta(days=1)

    if wanted.n < 0:
        counting.reverse()
    return counting[: abs(wanted.n)][-1]


def scanned(day: date, zone: ZoneInfo) -> datetime:
    """Look at the zone's calendar minute by minute, from before the date begins anywhere."""
    minute = datetime(day.year, day.month, day.day, tzinfo=UTC) - timedelta(hours=16)
    while minute.astimezone(zone).date() < day:
        minute += MINUTE
    return minute


def test_ten_thousand_windows_take_no_time_worth_waiting_for():
    terms = schedule("smithai")
    anchors_in_order = [datetime(2016, 1, 1, tzinfo=UTC) + timedelta(hours=20 * n) for n in range(10_000)]

    found = [window(terms, anchor) for anchor in anchors_in_order]

    assert all(one.opens_at <= other.opens_at for one, other in pairwise(found))
