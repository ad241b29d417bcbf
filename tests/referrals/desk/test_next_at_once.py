"""Two people press Next company at the same moment, a hundred times, by HTTP: never the same company."""

from collections.abc import Callable
from datetime import datetime
from functools import partial
from threading import Barrier

import pytest
from django.contrib.auth.models import Group, User
from django.core.management import call_command
from django.db.models import Q
from django.test import Client
from django.urls import reverse

from referrals import reviews
from referrals.models import Review
from tests.story import Story, at_once

pytestmark = pytest.mark.django_db(transaction=True)

PRESSES = 100
NEXT = reverse("admin:referrals_referredaccount_next")
QUEUE = reverse("admin:referrals_referredaccount_reviews")

Take = Callable[..., bool]


@pytest.fixture
def callers(time_machine) -> list[User]:
    """Cara and Fay, on Monday at 11:00 in Berlin, with three companies to call."""
    story = Story("smartcat")
    call_command("make_groups", verbosity=0)
    people = [story.cara, story.fay]
    for person in people:
        person.groups.set([Group.objects.get(name="Callers")])
    time_machine.move_to(story.now, tick=False)
    for number in range(3):
        story.sign_up(f"company{number}")
    return people


class BothHaveLooked:
    """Let two people take a company only when both have looked for one: the moment at which it matters."""

    def __init__(self, take: Take) -> None:
        self.take, self.meet = take, Barrier(2)
        self.arrived: set[int] = set()

    def __call__(self, review: Review, person: User, *, at: datetime, only: Q | None = None) -> bool:
        if person.pk not in self.arrived:
            self.arrived.add(person.pk)
            self.meet.wait(timeout=20)
        return self.take(review, person, at=at, only=only)


def without_the_swap(review: Review, person: User, *, at: datetime, only: Q | None) -> bool:
    """Take what was looked at, whoever took it since."""
    Review.objects.filter(pk=review.pk).update(holder=person, held_since=at, held_until=at + reviews.LEASE)
    return True


def press_at_once(people: list[User], take: Take, monkeypatch) -> list[list[str]]:
    """Two people press Next at the same moment, again and again: what each was given, round by round."""
    clients = [Client() for _ in people]
    for client, person in zip(clients, people, strict=True):
        client.force_login(person)
    rounds = []
    for _ in range(PRESSES):
        monkeypatch.setattr(reviews, "_take", BothHaveLooked(take))
        rounds.append(at_once(*(partial(_press, client) for client in clients)))
        Review.objects.update(holder=None, held_since=None, held_until=None)
    return rounds


def _press(client: Client) -> str:
    return client.post(NEXT).url


def test_two_who_press_next_at_the_same_moment_never_get_the_same(callers, monkeypatch):
    rounds = press_at_once(callers, reviews._take, monkeypatch)

    assert len(rounds) == PRESSES
    assert [one for one, other in rounds if one == other] == []
    assert all(url != QUEUE for given in rounds for url in given)


def test_without_the_swap_they_do(callers, monkeypatch):
    """Negative control: looking first and taking then is not enough."""
    rounds = press_at_once(callers, without_the_swap, monkeypatch)

    assert all(one == other for one, other in rounds)
