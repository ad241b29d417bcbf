"""A fact and the sign-up of its account, told at the same time: nothing is forgotten, nothing comes twice."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event, Thread

import pytest
from django.db import IntegrityError, connection, connections, transaction

from referrals import arrivals, events, intake
from referrals.models import ReferredAccount, SignUp
from tests.story import Story, at_once

pytestmark = pytest.mark.django_db(transaction=True)

on_postgresql = pytest.mark.skipif(
    "connection.vendor != 'postgresql'", reason="SQLite has one writer at a time: nobody can come in between"
)
with_and_without_turns = pytest.mark.parametrize(
    "guarded", [True, False], indirect=True, ids=["guarded", "negative control"]
)


@pytest.fixture
def story() -> Story:
    return Story("smartcat")


@pytest.fixture
def guarded(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> bool:
    """Do sign-ups wait for their turn?"""
    if not request.param:
        monkeypatch.setattr(arrivals, "wait_for_turn", lambda host, host_account: None)
    return request.param


@contextmanager
def not_yet_committed(step: Callable[[], object]) -> Iterator[None]:
    """The step was taken by somebody who commits when what happens inside is done, or waits for that."""
    taken, done = Event(), Event()

    def hold() -> None:
        try:
            with transaction.atomic():
                step()
                taken.set()
                while not (done.is_set() or somebody_waits_for_us()):
                    time.sleep(0.01)
        finally:
            taken.set()
            connections.close_all()

    holder = Thread(target=hold)
    holder.start()
    try:
        assert taken.wait(timeout=20)
        yield
    finally:
        done.set()
        holder.join()


def somebody_waits_for_us() -> bool:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT EXISTS (SELECT FROM pg_stat_activity"
            " WHERE pg_backend_pid() = ANY (pg_blocking_pids(pid)))"
        )
        return bool(cursor.fetchone()[0])


def reached(account: ReferredAccount) -> set[str]:
    return set(account.milestones_reached.filter(holds=True).values_list("milestone__code", flat=True))


@on_postgresql
@with_and_without_turns
def test_an_account_that_is_evaluated_before_a_parked_fact_is_committed_is_evaluated_again(story, guarded):
    with not_yet_committed(lambda: story.tell("acme", "subscription.started")):
        account = story.sign_up("acme")
        story.evaluate()
    story.evaluate()

    assert ("subscribed" in reached(account)) == guarded


@on_postgresql
@with_and_without_turns
def test_a_fact_marks_the_account_that_is_being_made_while_it_is_told(story, guarded):
    def sign_up_and_evaluate() -> None:
        story.sign_up("acme")
        story.evaluate()

    with not_yet_committed(sign_up_and_evaluate):
        story.tell("acme", "subscription.started")

    assert ReferredAccount.objects.to_evaluate(as_of=story.now).exists() == guarded


@on_postgresql
@with_and_without_turns
def test_a_fact_that_is_taken_out_while_its_account_is_made_does_not_count(story, guarded):
    fact = story.tell("acme", "subscription.started")

    with not_yet_committed(lambda: events.void(fact, by=story.cara, approved_by=story.sam, at=story.now)):
        account = story.sign_up("acme")
        story.evaluate()
    story.evaluate()

    assert ("subscribed" not in reached(account)) == guarded


@on_postgresql
@with_and_without_turns
def test_of_two_equal_sign_ups_the_second_waits_and_is_a_repetition(story, guarded):
    with not_yet_committed(lambda: story.sign_up("acme")):
        try:
            second = story.sign_up("acme")
        except IntegrityError:
            second = None

    assert (second == ReferredAccount.objects.get()) == guarded
    assert SignUp.objects.count() == (2 if guarded else 1)


def test_facts_sign_ups_and_evaluation_at_once_forget_nothing(story):
    names = [f"account{number}" for number in range(8)]

    def sign_up_and_evaluate() -> None:
        for name in names:
            story.sign_up(name)
            story.evaluate()

    def tell() -> None:
        for name in names:
            story.tell(name, "subscription.started")

    met = at_once(sign_up_and_evaluate, tell)
    story.evaluate()

    assert met == [None, None]
    accounts = ReferredAccount.objects.order_by("pk")
    assert [reached(account) for account in accounts] == [{"signed_up", "subscribed"}] * len(names)


def test_an_account_that_two_attribute_at_once_is_attributed_once(story):
    intake.sign_up(
        story.program,
        told=intake.SignUpTold(host_account="acme", occurred_at=story.now),
        told_at=story.now,
    )

    def attribute_to(referrer):
        return lambda: intake.attribute(
            story.program,
            host_account="acme",
            referrer=referrer,
            by=story.cara,
            approved_by=story.sam,
            at=story.now,
            note="She wrote to us.",
        )

    met = at_once(attribute_to(story.rosa), attribute_to(story.ben))

    assert sorted(type(each).__name__ for each in met) == ["AlreadyAttributed", "ReferredAccount"]
    assert ReferredAccount.objects.count() == 1
