"""Usual times for a call back, on the clock of the company."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from referrals.rules.call_backs import Preset, instant, offered, why_not

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


@pytest.mark.parametrize(
    ("now", "closes_at", "presets"),
    [
        ("2026-02-03T10:00Z", "2026-02-03T16:00Z", ["in_an_hour", "tomorrow", "monday"]),
        ("2026-02-03T15:00Z", "2026-02-03T16:00Z", ["tomorrow", "monday"]),
        ("2026-02-03T14:59Z", "2026-02-03T16:00Z", ["in_an_hour", "tomorrow", "monday"]),
        ("2026-02-03T20:00Z", None, ["in_an_hour", "tomorrow", "monday"]),
        ("2026-02-06T10:00Z", "2026-02-06T16:00Z", ["in_an_hour", "monday"]),
        ("2026-02-08T10:00Z", "2026-02-08T10:00Z", ["tomorrow"]),
    ],
)
def test_what_makes_no_sense_now_is_not_offered(now, closes_at, presets):
    shown = offered(zone=BERLIN, now=at(now), closes_at=closes_at and at(closes_at))

    assert [preset for preset, _ in shown] == presets


def test_a_time_that_is_over_or_far_away_is_refused():
    now = at("2026-02-03T10:00Z")

    assert why_not(now, now=now) == "This time is over. Choose a later one."
    assert why_not(now + timedelta(days=91), now=now) == "Choose a time within 90 days."
    assert why_not(now + timedelta(minutes=1), now=now) == ""
