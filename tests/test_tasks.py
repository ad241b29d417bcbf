"""Celery wakes the sweeps by their timetable; a message carries nothing but a name."""

from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from celery.schedules import schedule

from config.celery import app
from payouts import sweeps, tasks
from payouts.models import Bonus, Transfer
from payouts.rules import timetable
from referrals.models import JobRun
from tests.story import Story

DUE = datetime(2026, 3, 16, 0, 5, tzinfo=UTC)
BEAT = app.conf.beat_schedule


def test_every_sweep_has_its_task_its_interval_and_its_line_in_the_schedule():
    names = list(sweeps.SWEEPS)

    assert list(timetable.EVERY) == names
    assert list(BEAT) == names
    assert {line["task"] for line in BEAT.values()} == {f"payouts.{name}" for name in names}
    assert {name for name in app.tasks if not name.startswith("celery.")} == {
        f"payouts.{name}" for name in names
    }


def test_the_schedule_knows_intervals_only_and_each_message_expires_with_the_next():
    for name, line in BEAT.items():
        interval = timetable.woken_every(name)
        assert schedule(line["schedule"]).run_every == interval
        assert line["options"] == {"expires": interval.total_seconds()}


def test_money_is_looked_at_every_minute_or_more_often():
    daily = {name for name in timetable.EVERY if timetable.is_daily(name)}

    assert daily == {"count_months", "draw_second_looks", "verify_books", "forget_old_runs"}
    assert all(
        timedelta(seconds=15) <= every <= timedelta(seconds=60)
        for name, every in timetable.EVERY.items()
        if name not in daily
    )


def test_the_schedule_is_in_utc_and_no_result_is_kept():
    assert (app.conf.timezone, app.conf.enable_utc) == ("UTC", True)
    assert (app.conf.task_ignore_result, app.conf.result_backend) == (True, None)
    assert (app.conf.task_serializer, app.conf.accept_content) == ("json", ["json"])


def test_a_worker_that_is_killed_gives_its_message_back():
    assert (app.conf.task_acks_late, app.conf.task_reject_on_worker_lost) == (True, True)
    assert app.conf.worker_prefetch_multiplier == 1
    assert app.conf.task_time_limit == 600
    assert app.conf.worker_soft_shutdown_timeout == 30


@pytest.mark.django_db
@pytest.mark.parametrize("name", sweeps.SWEEPS)
def test_every_task_leaves_its_row_and_minds_no_argument_of_a_newer_version(name):
    with time_machine.travel(DUE, tick=False):
        getattr(tasks, name)(added_in_a_newer_version=1)

    run = JobRun.objects.get()
    assert (run.job, run.as_of, run.started_at, run.ended_at, run.failed) == (name, DUE, DUE, DUE, 0)


@pytest.mark.django_db
def test_the_task_may_run_twice_and_pays_once():
    bonus = Story().earn()
    with time_machine.travel(DUE, tick=False):
        tasks.release()
        tasks.release()

    assert list(Transfer.objects.filter(kind="RELEASED").values_list("bonus", flat=True)) == [bonus.pk]
    assert list(JobRun.objects.order_by("pk").values_list("done", flat=True)) == [1, 0]


@pytest.mark.django_db
@pytest.mark.parametrize("name", ["verify_books", "forget_old_runs"])
def test_a_daily_task_runs_when_its_last_run_is_a_day_old_however_often_it_is_woken(name):
    ran = []
    for hours in (0, 1, 23, 24, 25, 48):
        now = DUE + timedelta(hours=hours)
        with time_machine.travel(now, tick=False):
            getattr(tasks, name)()
        ran += [hours] * JobRun.objects.filter(started_at=now).count()

    assert ran == [0, 24, 48]


@pytest.mark.django_db
def test_a_sweep_that_breaks_off_fails_its_task_and_leaves_its_row(monkeypatch):
    def break_off(*, as_of):
        raise ZeroDivisionError("at the worst moment")

    monkeypatch.setitem(sweeps.SWEEPS, "release", break_off)

    with pytest.raises(ZeroDivisionError):
        tasks.release()

    run = JobRun.objects.get()
    assert (run.failed, run.error, run.ended_at is None) == (
        1,
        "ZeroDivisionError: at the worst moment",
        False,
    )


@pytest.mark.django_db
def test_all_tasks_together_pay_what_has_just_been_earned():
    story = Story()
    acme = story.sign_up()
    story.decide(acme)
    story.tell(acme, "subscription.started")

    with time_machine.travel(DUE, tick=False):
        for name in sweeps.SWEEPS:
            getattr(tasks, name)()

    assert list(Bonus.objects.values_list("status", "paid_at")) == [("PAID", DUE)]
    assert set(JobRun.objects.values_list("failed", flat=True)) == {0}
