"""Usual times for a call back, on the clock of the company."""

from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from referrals.rules.call_backs import Preset, instant, offered, why_not
from referrals.rules.calling import CallingHours

BERLIN = ZoneInfo("Europe/Berlin")
NEW_YORK = ZoneInfo("America/New_York")


def at(text: str) -> datetime:
    return datetime.fromisoformat(text)


@pytest.mark.parametrize(
    ("preset", "zone", "now", "called_back"),
    [
        ("in_an_hour", BERLIN, "2026-02-03T10:00Z", "2026-02-03T11:00Z"),
        ("tomorrow", BERLIN, "2026-02-03T10:00Z", "2026-02-04T09:00Z"),
        ("monday", BERLIN, "2026-02-03T10:00Z", "2026-02-09T09:00Z"),
        # It is Tuesday still in New York, and Wednesday in Berlin.
        ("tomorrow", NEW_YORK, "2026-02-04T02:00Z", "2026-02-04T15:00Z"),
        ("tomorrow", BERLIN, "2026-02-04T02:00Z", "2026-02-05T09:00Z"),
        # On a Monday the next one is meant.
        ("monday", BERLIN, "2026-02-09T07:00Z", "2026-02-16T09:00Z"),
        # Over the night in which clocks change ten in the morning stays ten.
        ("tomorrow", BERLIN, "2026-03-28T10:00Z", "2026-03-29T08:00Z"),
        ("monday", BERLIN, "2026-03-27T10:00Z", "2026-03-30T08:00Z"),
        ("monday", NEW_YORK, "2026-10-30T14:00Z", "2026-11-02T15:00Z"),
        # An hour is an hour where a clock skips one or repeats one.
        ("in_an_hour", BERLIN, "2026-03-29T00:30Z", "2026-03-29T01:30Z"),
        ("in_an_hour", BERLIN, "2026-10-25T00:30Z", "2026-10-25T01:30Z"),
    ],
)
def test_a_preset_is_a_time_on_the_clock_of_the_company(preset, zone, now, called_back):
    assert instant(Preset(preset), zone=zone, now=at(now)) == at(called_back)


def hours(days: str, opens: int = 9, closes: int = 17) -> CallingHours:
    return CallingHours(frozenset(days.split()), time(opens), time(closes))


WORKDAYS = hours("MON TUE WED THU FRI")


@pytest.mark.parametrize(
    ("now", "called_in", "presets"),
    [
        ("2026-02-03T10:00Z", WORKDAYS, ["in_an_hour Tue 12:00", "tomorrow Wed 10:00", "monday Mon 10:00"]),
        # From four on, in an hour is too late.
        ("2026-02-03T14:59Z", WORKDAYS, ["in_an_hour Tue 16:59", "tomorrow Wed 10:00", "monday Mon 10:00"]),
        ("2026-02-03T15:00Z", WORKDAYS, ["tomorrow Wed 10:00", "monday Mon 10:00"]),
        # Nobody is called on Saturday, and tomorrow is Monday once.
        ("2026-02-06T10:00Z", WORKDAYS, ["in_an_hour Fri 12:00", "monday Mon 10:00"]),
        ("2026-02-08T10:00Z", WORKDAYS, ["tomorrow Mon 10:00"]),
        # On Saturday they are, if the program says so.
        (
            "2026-02-06T10:00Z",
            hours("MON TUE WED THU FRI SAT"),
            ["in_an_hour Fri 12:00", "tomorrow Sat 10:00", "monday Mon 10:00"],
        ),
        # Neither tomorrow nor Monday: the next day on which they are called.
        ("2026-02-06T10:00Z", hours("TUE THU"), ["next_day Tue 10:00"]),
        ("2026-02-03T10:00Z", hours("MON TUE FRI"), [
            "in_an_hour Tue 12:00", "next_day Fri 10:00", "monday Mon 10:00",
        ]),
        # At ten nobody calls yet, or no longer.
        ("2026-02-03T10:00Z", hours("TUE WED", 13, 17), ["tomorrow Wed 13:00"]),
        ("2026-02-03T10:00Z", hours("TUE WED", 8, 10), ["tomorrow Wed 08:00"]),
        ("2026-02-03T10:00Z", hours(""), []),
        ("2026-02-03T20:00Z", None, ["in_an_hour Tue 22:00", "tomorrow Wed 10:00", "monday Mon 10:00"]),
        ("2026-02-06T10:00Z", None, ["in_an_hour Fri 12:00", "monday Mon 10:00"]),
    ],
)  # fmt: skip
def test_only_times_at_which_the_company_is_called_are_offered(now, called_in, presets):
    shown = offered(zone=BERLIN, now=at(now), hours=called_in)

    assert [f"{preset} {when.astimezone(BERLIN):%a %H:%M}" for preset, when in shown] == presets
    assert all(instant(preset, zone=BERLIN, now=at(now), hours=called_in) == when for preset, when in shown)


def test_a_time_that_is_over_or_far_away_is_refused():
    now = at("2026-02-03T10:00Z")

    assert why_not(now, now=now) == "This time is over. Choose a later one."
    assert why_not(now + timedelta(days=91), now=now) == "Choose a time within 90 days."
    assert why_not(now + timedelta(minutes=1), now=now) == ""
