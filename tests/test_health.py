"""Health: does the process answer, does the database, and does the work get done?"""

from datetime import timedelta

import pytest
import time_machine
from django.db import DatabaseError, connection

from payouts.rules import timetable
from referrals.models import FailingPart, JobRun
from tests.factories import LATER, OPENS_AT, booked_bonus

pytestmark = pytest.mark.django_db


@pytest.fixture
def all_ran():
    """Every sweep has worked just now."""
    for job in timetable.EVERY:
        JobRun.objects.create(job=job, as_of=LATER, started_at=LATER, ended_at=LATER)


def readiness(client, *, after: timedelta = timedelta(0)):
    with time_machine.travel(LATER + after, tick=False):
        answer = client.get("/readyz")
    return answer.status_code, answer.json()


def test_the_process_answers_without_asking_anything(client, django_assert_num_queries):
    with django_assert_num_queries(0):
        answer = client.get("/healthz")

    assert (answer.status_code, answer.content) == (200, b"ok\n")
    assert "no-store" in answer["Cache-Control"]


def test_ready_when_every_sweep_has_worked_lately(client, all_ran):
    status, state = readiness(client)

    assert status == 200
    assert (state["ready"], state["problems"], state["overdue_bonuses"]) == (True, [], 0)
    assert state["jobs"]["release"] == {"every_seconds": 15, "age_seconds": 0}
    assert list(state["jobs"]) == list(timetable.EVERY)


def test_not_ready_when_sweeps_have_not_worked_for_long(client, all_ran):
    status, state = readiness(client, after=timedelta(hours=1))

    assert (status, state["ready"]) == (503, False)
    assert (
        "release last worked 3600 s ago, and should every 15 s. Do a worker and beat run?"
        in state["problems"]
    )
    assert "verify_books" not in " ".join(state["problems"]), "that one runs once a day"


def test_not_ready_when_a_sweep_has_never_run(client):
    status, state = readiness(client)

    assert status == 503
    assert "release has never run, and should every 15 s. Do a worker and beat run?" in state["problems"]


def test_a_run_that_was_killed_is_no_sign_of_life(client, all_ran):
    hour = timedelta(hours=1)
    JobRun.objects.create(job="release", as_of=LATER + hour, started_at=LATER + hour)

    _, state = readiness(client, after=hour)

    assert state["jobs"]["release"]["age_seconds"] == 3600


def test_not_ready_while_a_sweep_breaks_off_each_time(client, all_ran):
    for seconds in range(15, 601, 15):
        at = LATER + timedelta(seconds=seconds)
        JobRun.objects.create(job="release", as_of=at, started_at=at, ended_at=at, failed=1, error="no way")

    status, state = readiness(client, after=timedelta(minutes=10))

    assert status == 503
    assert any(text.startswith("release last worked 600 s ago") for text in state["problems"])


def test_not_ready_while_parts_fail_again_and_again(client, all_ran):
    for tries in (9, 10, 400):
        FailingPart.objects.create(
            job="release", part=f"enrollment {tries}", tries=tries, since=LATER, last_at=LATER
        )

    status, state = readiness(client)

    assert (status, state["problems"]) == (503, ["release: 2 failed 10 times or more."])


def test_not_ready_when_the_books_are_wrong(client, all_ran):
    JobRun.objects.filter(job="verify_books").update(examined=11, done=9, failed=2)

    status, state = readiness(client)

    assert (status, state["problems"]) == (503, ["verify_books: the last run found 2 breaches."])


def test_overdue_bonuses_are_counted_and_stop_nobody(client, all_ran):
    booked_bonus()

    _, before = readiness(client, after=OPENS_AT - LATER)
    _, long_after = readiness(client, after=timedelta(days=365))

    assert (before["overdue_bonuses"], long_after["overdue_bonuses"]) == (0, 1)


def test_without_a_database_it_is_not_ready_and_says_so(client, monkeypatch):
    def broken(*_: object, **__: object) -> None:
        raise DatabaseError("no route to host db.internal")

    monkeypatch.setattr(connection, "close", lambda: None)
    monkeypatch.setattr("referrals.jobs.health", broken)

    status, state = readiness(client)

    assert status == 503
    assert state == {"ready": False, "problems": ["The database does not answer: DatabaseError."]}


@pytest.mark.parametrize("address", ["/healthz", "/readyz"])
def test_it_is_answered_without_tls_and_only_read(client, settings, address):
    settings.SECURE_SSL_REDIRECT = True

    assert client.get(address).status_code in {200, 503}
    assert client.post(address).status_code == 405
