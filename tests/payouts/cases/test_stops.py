"""At which instants the clock of a case stops."""

from datetime import UTC, datetime, timedelta

import pytest

from payouts.cases.format import Case, Jobs, Step
from payouts.cases.stops import Stop, runs_of, stops


def at(text):
    return datetime.fromisoformat(text).astimezone(UTC)


def a_case(*steps, as_of, jobs=None, zone="UTC"):
    return Case(
        id="a-story",
        document={"program": {"time_zone": zone}},
        referrers={},
        existing_customers=(),
        jobs=jobs or Jobs(),
        approves_at_once=True,
        steps=tuple(Step(n, at(step), "open_link", {}, None) for n, step in enumerate(steps)),
        as_of=at(as_of),
        expect={},
    )


def runs(*steps, **known):
    return [run.isoformat() for run in runs_of(a_case(*steps, **known))]


def test_daily_runs_begin_on_the_day_of_the_first_step_and_end_with_the_case():
    assert runs("2026-03-01T00:05:00Z", as_of="2026-03-02T00:05:00Z") == [
        "2026-03-01T00:05:00+00:00",
        "2026-03-02T00:05:00+00:00",
    ]


def test_no_daily_run_comes_before_the_first_step():
    assert runs("2026-03-01T00:05:01Z", as_of="2026-03-02T00:05:00Z") == ["2026-03-02T00:05:00+00:00"]


def test_daily_runs_follow_the_clocks_of_the_program():
    found = runs("2026-03-07T12:00:00-08:00", as_of="2026-03-09T12:00:00-07:00", zone="America/Los_Angeles")

    assert found == ["2026-03-08T08:05:00+00:00", "2026-03-09T07:05:00+00:00"]


def test_where_midnight_is_skipped_the_run_comes_as_long_after_the_jump():
    found = runs("2026-09-05T12:00:00-04:00", as_of="2026-09-06T23:00:00-03:00", zone="America/Santiago")

    assert found == ["2026-09-06T04:05:00+00:00"]


def test_a_date_that_the_zone_left_out_has_no_run_of_its_own():
    found = runs("2011-12-29T12:00:00-10:00", as_of="2011-12-31T12:00:00+14:00", zone="Pacific/Apia")

    assert found == ["2011-12-30T10:05:00+00:00"]


def test_while_the_jobs_are_down_nothing_runs_and_at_the_end_one_run_comes():
    jobs = Jobs(down=((at("2026-03-02T00:05:00Z"), at("2026-03-03T12:00:00Z")),))

    assert runs("2026-03-01T00:00:00Z", as_of="2026-03-04T00:00:00Z", jobs=jobs) == [
        "2026-03-01T00:05:00+00:00",
        "2026-03-03T12:00:00+00:00",
    ]


def test_a_run_at_the_end_of_a_pause_may_be_a_daily_one():
    jobs = Jobs(down=((at("2026-03-01T00:05:00Z"), at("2026-03-02T00:05:00Z")),))

    assert runs("2026-03-01T00:00:00Z", as_of="2026-03-02T12:00:00Z", jobs=jobs) == [
        "2026-03-02T00:05:00+00:00"
    ]


@pytest.mark.parametrize("back", ["2026-02-28T00:00:00Z", "2026-03-05T00:00:00Z"])
def test_outside_of_the_case_nothing_runs(back):
    jobs = Jobs(down=((at("2026-02-01T00:00:00Z"), at(back)),))

    assert at(back).isoformat() not in runs("2026-03-01T00:10:00Z", as_of="2026-03-03T00:00:00Z", jobs=jobs)


def test_runs_at_given_instants_are_the_only_ones():
    jobs = Jobs(daily=False, at=(at("2026-03-05T00:00:00Z"), at("2026-03-02T06:00:00+06:00")))

    assert runs("2026-03-01T00:00:00Z", as_of="2026-03-04T00:00:00Z", jobs=jobs) == [
        "2026-03-02T00:00:00+00:00"
    ]


@pytest.mark.parametrize("steps", [[], ["2026-03-01T00:00:00Z"]])
def test_without_jobs_or_steps_nothing_runs(steps):
    jobs = Jobs(daily=not steps)

    assert runs(*steps, as_of="2026-03-04T00:00:00Z", jobs=jobs) == []


def test_the_clock_stops_at_steps_runs_effects_and_the_end():
    case = a_case(
        "2026-03-01T12:00:00Z", "2026-03-01T12:00:00Z", "2026-03-02T00:05:00Z", as_of="2026-03-02T09:00:00Z"
    )
    effects = {}

    found = []
    for stop in stops(case, effects):
        found.append(stop)
        if stop.at == case.steps[0].at:
            effects["acme"] = stop.at + timedelta(minutes=10)
            effects["bolt"] = stop.at

    first, second, third = case.steps
    assert found == [
        Stop(at("2026-03-01T12:00:00Z"), (first, second), is_run=False),
        Stop(at("2026-03-01T12:10:00Z"), (), is_run=False),
        Stop(at("2026-03-02T00:05:00Z"), (third,), is_run=True),
        Stop(at("2026-03-02T09:00:00Z"), (), is_run=False),
    ]


def test_a_decision_that_was_undone_is_no_stop():
    case = a_case(
        "2026-03-01T12:00:00Z", "2026-03-01T12:05:00Z", as_of="2026-03-01T13:00:00Z", jobs=Jobs(daily=False)
    )
    effects = {}

    found = []
    for stop in stops(case, effects):
        found.append(stop.at.isoformat())
        effects.clear()
        if stop.at == case.steps[0].at:
            effects["acme"] = stop.at + timedelta(minutes=10)

    assert found == ["2026-03-01T12:00:00+00:00", "2026-03-01T12:05:00+00:00", "2026-03-01T13:00:00+00:00"]


def test_what_takes_effect_after_the_end_is_not_waited_for():
    case = a_case("2026-03-01T12:00:00Z", as_of="2026-03-01T12:00:00Z", jobs=Jobs(daily=False))

    assert [stop.at for stop in stops(case, {"acme": case.as_of + timedelta(minutes=10)})] == [case.as_of]
