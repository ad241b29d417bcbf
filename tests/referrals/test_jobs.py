"""Every execution of a sweep leaves a row, whatever happens in it."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from referrals.jobs import Tally, recorded
from referrals.models import JobRun

pytestmark = pytest.mark.django_db

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


class Broken(Exception):
    """What goes wrong in these tests."""


def watch() -> Callable[[], datetime]:
    """A watch that is a minute later each time that it is looked at."""
    instants = (NOON + timedelta(minutes=n) for n in range(9))
    return lambda: next(instants)


def rows() -> list[tuple[object, ...]]:
    fields = ["job", "as_of", "started_at", "ended_at", "examined", "done", "failed", "error"]
    return list(JobRun.objects.order_by("pk").values_list(*fields))


def test_an_execution_is_a_row_with_what_it_examined_did_and_failed_at():
    def sweep() -> Tally:
        tally = Tally(examined=5, done=3)
        tally.fail("account 7: no terms")
        tally.fail("account 9: no terms")
        return tally

    run = recorded("evaluate", sweep, as_of=NOON - timedelta(days=1), clock=watch())

    assert JobRun.objects.get() == run
    assert rows() == [
        (
            "evaluate",
            NOON - timedelta(days=1),
            NOON,
            NOON + timedelta(minutes=1),
            5,
            3,
            2,
            "account 7: no terms\naccount 9: no terms",
        )
    ]


def test_each_execution_has_a_row_of_its_own():
    clock = watch()

    for _ in range(2):
        recorded("evaluate", Tally, as_of=NOON, clock=clock)

    assert [row[4:] for row in rows()] == [(0, 0, 0, ""), (0, 0, 0, "")]


def test_the_row_is_there_while_the_sweep_works():
    seen = []

    def sweep() -> Tally:
        seen.extend(rows())
        return Tally()

    recorded("evaluate", sweep, as_of=NOON, clock=watch())

    assert seen == [("evaluate", NOON, NOON, None, 0, 0, 0, "")]


def test_an_error_is_kept_in_the_row_and_raised_again():
    def sweep() -> Tally:
        raise Broken("no such account")

    with pytest.raises(Broken, match="no such account"):
        recorded("evaluate", sweep, as_of=NOON, clock=watch())

    assert rows() == [
        ("evaluate", NOON, NOON, NOON + timedelta(minutes=1), 0, 0, 1, "Broken: no such account")
    ]


@pytest.mark.parametrize("raises", [True, False])
def test_a_long_error_is_cut(raises):
    def sweep() -> Tally:
        if raises:
            raise Broken("x" * 9_000)
        tally = Tally()
        tally.fail("x" * 9_000)
        return tally

    try:
        recorded("evaluate", sweep, as_of=NOON, clock=watch())
    except Broken:
        assert raises

    assert len(JobRun.objects.get().error) == 2_000
