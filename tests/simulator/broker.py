"""
A broker that cannot be relied on: a message comes never, once, twice or three times, late, in any order.

Only names are in the messages, as beat sends them; what is lost is mended by a later one, since the database
is the queue.
"""

import random
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime

import time_machine
from celery import Task

from payouts import tasks
from payouts.rules import timetable
from referrals.models import JobRun
from tests.simulator.checks import Breach

SWEEPS = "every sweep does all that it finds to do"
MOST_WAITING = 48
FATES = (0, 0, 1, 1, 1, 2, 3)
"""How often a message is delivered."""

_TASKS = {task.name: task for task in vars(tasks).values() if isinstance(task, Task)}

Message = tuple[str, Mapping[str, object]]


@dataclass(slots=True)
class Broker:
    """The messages under way."""

    waiting: list[Message] = field(default_factory=list)
    lost: int = 0
    doubled: int = 0

    def beat(self, chance: int) -> None:
        """
        Beat wakes every sweep; chance decides how often each message will come, and in which order.

        :param chance: 0: once each, in order
        """
        dice = random.Random(chance)  # noqa: S311  a game, not a secret
        sent = []
        for sweep in timetable.EVERY:
            copies = dice.choice(FATES) if chance else 1
            self.lost += copies == 0
            self.doubled += copies > 1
            newer = {"added_in_a_newer_version": 1} if chance % 5 == 4 else {}
            sent += [(f"payouts.{sweep}", newer)] * copies
        if chance:
            dice.shuffle(sent)
        self.waiting = [*self.waiting, *sent][-MOST_WAITING:]

    def take(self, place: int) -> Message:
        """The next message that comes: not always the one that has waited longest."""
        return self.waiting.pop(place % len(self.waiting))


def deliver(message: Message, *, at: datetime) -> None:
    """
    Run the task of a message as a worker does.

    :raises Breach: if part of it failed: nothing is poisoned here
    """
    name, arguments = message
    before = last_run()
    with clock_at(at):
        _TASKS[name].run(**arguments)
    refuse_failures(since=before)


def last_run() -> int:
    return JobRun.objects.order_by("-pk").values_list("pk", flat=True).first() or 0


def refuse_failures(*, since: int) -> None:
    """
    Whatever ran since then did all that it found to do.

    :raises Breach: naming the first that did not
    """
    if failed := JobRun.objects.filter(pk__gt=since, failed__gt=0).first():
        raise Breach(SWEEPS, f"{failed.job}: {failed.error}")


@contextmanager
def clock_at(at: datetime) -> Iterator[None]:
    with time_machine.travel(at, tick=False):
        yield
