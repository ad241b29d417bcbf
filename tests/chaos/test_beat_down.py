"""F15: beat was down for 18 days; everything that became due is paid once, and what is late says so."""

from datetime import UTC, date, datetime, timedelta

import pytest
import time_machine
from django.core.management import call_command
from django.db.models import Value

from payouts import release, sweeps, tasks, verification
from payouts.models import Bonus, Transfer
from payouts.rules import timetable
from referrals import jobs
from tests.factories import booked_bonus
from tests.story import Story

pytestmark = pytest.mark.django_db

DOWN = datetime(2026, 3, 15, 12, tzinfo=UTC)
UP = DOWN + timedelta(days=18)
"""April 2."""


def by_tick():
    call_command("tick", verbosity=0)


def by_tick_for_an_instant():
    call_command("tick", "--as-of", UP.isoformat(), verbosity=0)


def by_tasks():
    for name in sweeps.SWEEPS:
        getattr(tasks, name)()


def bonus(name, *, closes_on):
    """A bonus of a program of its own that became due on March 16."""
    return booked_bonus(
        account__company_name=name,
        window_opens_on=date(2026, 3, 16),
        window_closes_on=closes_on,
        opens_at=datetime(2026, 3, 16, tzinfo=UTC),
    )


@pytest.fixture
def down():
    """Bonuses became due, decisions took no effect, facts came in: and nothing ran."""
    story = Story()
    story.earn("acme")
    bonus("Late GmbH", closes_on=date(2026, 3, 20))
    bonus("Very late GmbH", closes_on=date(2026, 3, 16))
    bonus("In time GmbH", closes_on=date(2026, 4, 5))
    story.now = DOWN
    decided = story.sign_up("beta")
    story.decide(decided)
    with time_machine.travel(DOWN, tick=False):
        by_tasks()
    story.now = DOWN + timedelta(days=3)
    story.tell(decided, "subscription.started")
    assert set(Bonus.objects.values_list("status", flat=True)) == {"ACTIVATED"}
    return story


def found(as_of):
    return {breach.invariant for breach in verification.breaches(as_of=as_of)}


def outcome():
    """Of each account: the status of its bonus, when it was paid, how many days late."""
    rows = Bonus.objects.order_by("pk")
    return list(rows.values_list("account__company_name", "status", "paid_at", "days_late"))


@pytest.mark.parametrize("start", [by_tick, by_tick_for_an_instant, by_tasks])
def test_everything_due_is_paid_once_and_each_late_one_says_how_late(start, down):
    assert found(UP) == {"I3"}

    for now in (UP, UP + timedelta(minutes=1)):
        with time_machine.travel(now, tick=False):
            start()

    assert outcome() == [
        ("Acme GmbH", "PAID", UP, 2),
        ("Late GmbH", "PAID", UP, 13),
        ("Very late GmbH", "PAID", UP, 17),
        ("In time GmbH", "PAID", UP, 0),
        # Decided before beat went down, and subscribed on March 18: due in the next month only.
        ("Beta GmbH", "ACTIVATED", None, 0),
    ]
    assert Transfer.objects.filter(kind="RELEASED").count() == 4
    assert found(UP) == set()


def test_the_jobs_say_how_long_nothing_ran(down):
    overdue = jobs.overdue_jobs(UP, timetable.EVERY)
    assert {job.job: job.age for job in overdue} == dict.fromkeys(sweeps.SWEEPS, timedelta(days=18))

    with time_machine.travel(UP, tick=False):
        by_tick()

    assert jobs.overdue_jobs(UP, timetable.EVERY) == []


def test_without_the_count_of_days_the_checker_turns_red(down, monkeypatch):
    """F15: control."""
    monkeypatch.setattr(release._Run, "_days_late", lambda run, chunk: Value(0))

    with time_machine.travel(UP, tick=False):
        by_tasks()

    assert found(UP) == {"I4"}
