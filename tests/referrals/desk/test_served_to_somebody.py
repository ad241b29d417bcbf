"""Whatever happens at the same moment, a company that waits is somebody's or anybody's, never nobody's."""

from collections.abc import Callable
from functools import partial
from threading import Event, Thread

import pytest
from django.contrib.auth.models import Group, User
from django.core.management import call_command
from django.db import connection, connections  # noqa: F401  # asked by a condition
from django.db.models import QuerySet

from referrals import assignments, leaving, reviews, warning_signs
from referrals.models import ReferredAccount, Review, Signal
from referrals.rules.refusal import Refused
from referrals.rules.words import SignalKind
from tests.story import Story

pytestmark = pytest.mark.django_db

LOCKED = pytest.mark.skipif(
    "connection.vendor != 'postgresql'", reason="SQLite has one writer at a time: nobody can come in between"
)
GUARDED = pytest.mark.parametrize("guarded", [True, False], ids=["guarded", "negative control"])


@pytest.fixture
def story() -> Story:
    """Monday, 11:00 in Berlin; Cara and Fay call, Sam is senior."""
    told = Story("smartcat")
    call_command("make_groups", verbosity=0)
    for who, group in [(told.cara, "Callers"), (told.fay, "Callers"), (told.sam, "Seniors")]:
        who.groups.set([Group.objects.get(name=group)])
    return told


@pytest.fixture
def acme(story) -> ReferredAccount:
    return story.sign_up("acme")


def anew(person: User) -> User:
    return User.objects.get(pk=person.pk)


def review() -> Review:
    return Review.objects.get(closed_at=None)


def assign(story: Story, to: User) -> None:
    assignments.assign(Review.objects.all(), anew(to), by=anew(story.sam), at=story.now)


def put(story: Story, account: ReferredAccount, by: User, kind: SignalKind = SignalKind.EMPLOYEE) -> None:
    warning_signs.put(account, kind=kind, by=anew(by), at=story.now, note="Anna works for Rosa.")


def settle(story: Story, account: ReferredAccount) -> None:
    warning_signs.settle(
        account, kind=SignalKind.EMPLOYEE, by=anew(story.sam), at=story.now, note="Another Anna."
    )


def is_served_to(person: User, story: Story) -> bool:
    """By the list, and by the swap that takes it."""
    is_listed = reviews.next_for(anew(person), at=story.now).exists()
    taken = reviews.claim_next(anew(person), at=story.now)
    if taken is not None:
        reviews.release(taken, person)
    assert (taken is not None) == is_listed
    return is_listed


# --- one after the other ------------------------------------------------------------------------------------


@pytest.mark.parametrize("teller", ["sam", "cara", "fay"])
def test_what_was_a_callers_goes_to_seniors_whoever_tells_the_signal(teller, story, acme):
    assign(story, story.cara)

    put(story, acme, getattr(story, teller))

    assert review().assigned_to is None
    assert [is_served_to(who, story) for who in (story.cara, story.sam)] == [False, True]


def test_what_is_a_seniors_stays_that_seniors(story, acme):
    assign(story, story.sam)

    put(story, acme, story.cara)

    assert review().assigned_to == story.sam
    assert is_served_to(story.sam, story)


@pytest.mark.parametrize(
    "change",
    [
        lambda person: person.groups.clear(),
        lambda person: User.objects.filter(pk=person.pk).update(is_active=False),
        lambda person: User.objects.filter(pk=person.pk).update(is_staff=False),
        lambda person: Group.objects.get(name="Callers").permissions.clear(),
    ],
    ids=["no group", "inactive", "no staff", "a group that may less"],
)
def test_whoever_decides_no_more_keeps_nobody_away(change, story, acme):
    assign(story, story.cara)
    assert not is_served_to(story.sam, story)

    change(story.cara)

    assert is_served_to(story.sam, story)


def test_a_senior_who_is_none_any_more_keeps_no_senior_away(story, acme):
    tess = User.objects.create(username="tess", is_staff=True)
    tess.groups.set([Group.objects.get(name="Seniors")])
    assign(story, tess)
    put(story, acme, story.cara)
    assert not is_served_to(story.sam, story)

    tess.groups.set([Group.objects.get(name="Callers")])

    assert [is_served_to(who, story) for who in (tess, story.sam)] == [False, True]


def test_whose_is_whose_costs_one_question_for_many(story, django_assert_max_num_queries):
    for number in range(30):
        story.sign_up(f"company{number}")
    assign(story, story.cara)
    story.cara.groups.clear()
    sam = anew(story.sam)
    sam.has_perm(reviews.SENIOR)

    with django_assert_max_num_queries(2):
        assert len(reviews.next_for(sam, at=story.now)) == 30


# --- two at once --------------------------------------------------------------------------------------------


def meanwhile(
    first: Callable[[], object], second: Callable[[], object], *, inside: Event, go_on: Event
) -> None:
    """The second begins while the first stands still, which goes on once the second waits or is done."""

    def in_thread(step: Callable[[], object]) -> Thread:
        def run() -> None:
            try:
                step()
            except Refused:
                pass
            finally:
                connections.close_all()

        thread = Thread(target=run)
        thread.start()
        return thread

    one = in_thread(first)
    assert inside.wait(20)
    other = in_thread(second)
    other.join(1.5)
    go_on.set()
    one.join(20)
    other.join(20)


@pytest.fixture
def stops_at(monkeypatch) -> Callable[..., dict[str, Event]]:
    """Whoever comes to this function first stands still there until told to go on."""

    def stop(place: object, name: str, *, before: bool = False) -> dict[str, Event]:
        inside, go_on, real = Event(), Event(), getattr(place, name)

        def wait_there(*told: object, **more: object) -> object:
            found = None if before else real(*told, **more)
            if not inside.is_set():
                inside.set()
                go_on.wait(20)
            return real(*told, **more) if before else found

        monkeypatch.setattr(place, name, wait_there)
        return {"inside": inside, "go_on": go_on}

    return stop


@pytest.fixture
def locks(guarded, monkeypatch) -> bool:
    """Without them, for the negative control."""
    if not guarded:
        monkeypatch.setattr(QuerySet, "select_for_update", lambda rows, **_: rows.all())
    return guarded


@LOCKED
@GUARDED
@pytest.mark.django_db(transaction=True)
def test_who_leaves_while_work_is_given_keeps_none_of_it(locks, story, acme, stops_at):
    stopped = stops_at(assignments, "_refuse_wrong_person")

    meanwhile(
        partial(assign, story, story.fay),
        partial(leaving.leave, story.fay, to=None, by=story.sam, at=story.now),
        **stopped,
    )

    assert not anew(story.fay).is_active
    assert (review().assigned_to is None) == locks


@LOCKED
@GUARDED
@pytest.mark.django_db(transaction=True)
def test_what_is_given_to_another_while_somebody_leaves_stays_that_others(locks, story, acme, stops_at):
    assign(story, story.fay)
    of_fay = Review.objects.filter(assigned_to=story.fay)
    stopped = stops_at(QuerySet, "update", before=True)

    meanwhile(
        partial(assignments.unassign, of_fay, by=story.sam, at=story.now),
        partial(assign, story, story.cara),
        **stopped,
    )

    assert (review().assigned_to == story.cara) == locks


@LOCKED
@GUARDED
@pytest.mark.django_db(transaction=True)
def test_a_signal_told_while_the_last_one_is_settled_waits_for_a_senior(locks, story, acme, stops_at):
    put(story, acme, story.cara)
    stopped = stops_at(reviews, "hand_back_to_all", before=True)

    meanwhile(
        partial(settle, story, acme),
        partial(put, story, acme, story.cara, SignalKind.OWNED_BUSINESS),
        **stopped,
    )

    assert Signal.objects.get(settled_at=None).kind == SignalKind.OWNED_BUSINESS
    assert review().for_senior == locks
    assert is_served_to(story.fay, story) != locks
