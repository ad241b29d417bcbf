"""One play: where it stands, what is remembered of it beside the rows, and how a row is chosen by chance."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TypeVar

from django.contrib.auth.models import User
from django.db.models import Model, QuerySet

from payouts.host_spends import SpendTold
from referrals.events import EventTold
from tests.simulator.broker import Broker
from tests.simulator.provider import Provider
from tests.simulator.world import World

Row = TypeVar("Row", bound=Model)
Thing = TypeVar("Thing")

CHANCES = 1_024
"""Every step draws two numbers below this; 0 is the most ordinary choice."""


class NoCandidate(Exception):
    """There is no row for the step: it is no step."""


@dataclass(slots=True)
class Play:
    """A play that has begun."""

    world: World
    now: datetime
    companies: int
    broker: Broker = field(default_factory=Broker)
    provider: Provider = field(default_factory=Provider)
    told: list[EventTold] = field(default_factory=list)
    spends: list[SpendTold] = field(default_factory=list)
    put_up: dict[int, set[tuple[int, int]]] = field(default_factory=dict)
    """Of batches: the bonuses and amounts for which somebody asked approval."""
    downloaded: dict[int, bytes] = field(default_factory=dict)
    """Files that somebody has on a disk."""
    steps: int = 0
    journal: list[str] = field(default_factory=list)
    seen: Counter[str] = field(default_factory=Counter)

    def pass_by(self, **time: float) -> None:
        self.now += timedelta(**time)


def any_of(rows: QuerySet[Row], chance: int, *, fitting: QuerySet[Row] | None = None) -> Row:
    """
    A row by chance, in the order of the rows.

    :param fitting: mostly one of these, so that not every step is refused
    :raises NoCandidate: if there is none at all
    """
    if fitting is not None and chance % 8 != 7 and (found := _numbers(fitting)):
        return rows.model._default_manager.get(pk=found[chance // 8 % len(found)])
    if not (found := _numbers(rows)):
        raise NoCandidate
    return rows.model._default_manager.get(pk=found[chance // 8 % len(found)])


def one_of(things: Sequence[Thing], chance: int) -> Thing:
    """
    :raises NoCandidate: if there is none
    """
    if not things:
        raise NoCandidate
    return things[chance % len(things)]


def two_of(people: Sequence[User], chance: int) -> tuple[User, User]:
    """Two people, mostly different ones."""
    first = people[0]
    return first, first if chance % 16 == 15 else people[1]


def _numbers(rows: QuerySet[Row]) -> list[int]:
    return list(rows.order_by("pk").values_list("pk", flat=True))
