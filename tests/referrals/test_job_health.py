"""Rows of background work: how a job is doing, and how long its rows are kept."""

from datetime import UTC, datetime, timedelta

import pytest

from referrals import jobs
from referrals.jobs import Tally
from referrals.models import JobRun

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 3, 16, 12, tzinfo=UTC)
EVERY = {"release": timedelta(seconds=15), "verify_books": timedelta(hours=24)}


def ran(job="release", *, ago, ended=True, **figures):
    """An execution that started so long ago."""
    at = NOW - ago
    return JobRun.objects.create(job=job, as_of=at, started_at=at, ended_at=at if ended else None, **figures)


def minutes(number):
    return timedelta(minutes=number)


def days(number):
    return timedelta(days=number)


def overdue():
    return [job.job for job in jobs.overdue_jobs(NOW, EVERY)]


def test_a_job_that_never_ran_is_overdue():
    assert overdue() == ["release", "verify_books"]


@pytest.mark.parametrize(
    ("ago", "late"),
    [(timedelta(seconds=15), False), (timedelta(seconds=105), False), (timedelta(seconds=106), True)],
)
def test_a_job_is_overdue_after_three_of_its_intervals_and_a_minute(ago, late):
    ran(ago=ago)
    ran("verify_books", ago=timedelta(hours=25))

    assert overdue() == (["release"] if late else [])


def test_a_run_that_never_ends_is_no_work():
    ran(ago=minutes(10))
    running = ran(ago=timedelta(seconds=5), ended=False)
    ran("verify_books", ago=minutes(1))

    late = jobs.overdue_jobs(NOW, EVERY)

    assert [(job.job, job.last, job.age) for job in late] == [("release", running, minutes(10))]


def test_a_run_of_which_a_part_failed_was_a_run():
    ran(ago=timedelta(seconds=5), examined=3, done=2, failed=1)
    ran("verify_books", ago=minutes(1))

    assert overdue() == []


def test_the_next_run_is_due_an_interval_after_the_last_one_started():
    ran(ago=timedelta(seconds=5))

    release, verify = jobs.health(NOW, EVERY)

    assert (release.next_at, verify.next_at) == (NOW + timedelta(seconds=10), NOW)


def test_the_health_of_all_jobs_is_one_question(django_assert_num_queries):
    for ago in range(1, 20):
        ran(ago=minutes(ago))

    with django_assert_num_queries(1):
        assert [job.job for job in jobs.health(NOW, EVERY)] == list(EVERY)


def test_without_a_job_nothing_is_asked(django_assert_num_queries):
    with django_assert_num_queries(0):
        assert jobs.health(NOW, {}) == []


def test_a_job_is_due_when_its_last_run_is_an_interval_old():
    ran("verify_books", ago=timedelta(hours=24))
    assert jobs.is_due("verify_books", every=timedelta(hours=24), now=NOW)

    ran("verify_books", ago=timedelta(hours=23))
    assert not jobs.is_due("verify_books", every=timedelta(hours=24), now=NOW)
    assert jobs.is_due("release", every=timedelta(hours=24), now=NOW)


def test_rows_are_kept_for_a_fortnight_and_idle_ones_for_a_day():
    kept = [
        ran(ago=days(14), done=1),
        ran(ago=days(2), examined=1),
        ran(ago=days(2), failed=1),
        ran(ago=days(2), ended=False),
        ran(ago=timedelta(hours=24)),
        ran(ago=minutes(1)),
    ]
    ran(ago=days(15), done=1)
    ran(ago=days(15), ended=False)
    ran(ago=timedelta(hours=25))

    tally = jobs.forget_old_runs(as_of=NOW)

    assert (tally.examined, tally.done) == (3, 3)
    assert list(JobRun.objects.order_by("pk")) == kept


def test_the_last_row_of_each_job_that_ended_is_kept_for_ever():
    last = [ran(ago=days(400)), ran(ago=days(399), ended=False), ran("verify_books", ago=days(300), done=12)]
    ran(ago=days(401), done=5)

    jobs.forget_old_runs(as_of=NOW)

    assert list(JobRun.objects.order_by("pk")) == last


def test_what_fails_is_counted_told_and_passed_over():
    tally = Tally()
    for number in (1, 0, 2):
        with tally.surviving(f"part {number}"):
            tally.done += 2 // number

    assert (tally.done, tally.failed) == (3, 1)
    assert tally.errors == ["part 0: ZeroDivisionError: integer division or modulo by zero"]


def test_a_run_that_broke_off_is_no_work():
    ran(ago=minutes(5))
    for seconds in (40, 25, 10):
        ran(ago=timedelta(seconds=seconds), failed=1)
    ran("verify_books", ago=minutes(1))

    assert overdue() == ["release"]


def test_what_a_wrong_clock_dated_in_the_future_counts_for_nothing():
    ran("verify_books", ago=-days(300))
    ran(ago=-days(300))

    assert overdue() == ["release", "verify_books"]
    assert jobs.is_due("verify_books", every=days(1), now=NOW)


def test_a_run_that_was_killed_does_not_keep_its_successor_from_running():
    ran("verify_books", ago=minutes(9), ended=False)
    assert not jobs.is_due("verify_books", every=days(1), now=NOW)

    ran("verify_books", ago=minutes(30), ended=False)
    JobRun.objects.filter(started_at__gt=NOW - minutes(10)).delete()
    assert jobs.is_due("verify_books", every=days(1), now=NOW)
