"""
Every worked case, as it is told, and with its events shuffled and doubled.

In whatever order the same events arrive, accounts, milestones and counters end the same, and so do the
bonuses wherever none had been activated in between.
"""

import random
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cache
from itertools import groupby
from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from payouts.cases import reader, runner, windows
from payouts.cases.format import Case, Step
from payouts.cases.programs import Programs
from payouts.cases.report import Difference
from payouts.cases.seen import seen
from payouts.cases.stage import staged
from payouts.models import Bonus
from referrals.models import MilestoneReached, ReferredAccount
from tests.explained import explained_wrongly

FILES = [reader.read(path) for path in reader.find([Path(__file__).parent / "cases"])]
CASES = {written["id"]: (written, file.path) for file in FILES for written in file.cases}
WINDOWS = {written["id"]: (written, file.path) for file in FILES for written in file.windows}

pytestmark = pytest.mark.django_db


@dataclass(frozen=True)
class Ending:
    """What is there when a case has been played."""

    differences: list[Difference]
    accounts: dict[str, Any]
    milestones: list[Any]
    counters: dict[str, Any]
    bonuses: list[Any]
    first_bonus_at: datetime | None
    explained_wrongly: list[object]


@cache
def programs() -> Programs:
    return Programs()


def played(case: Case, *, explaining: bool = False) -> Ending:
    """Play a case, and tell what is there then; and what is wrong with the answers to why it is not paid."""
    with staged(case) as stage:
        differences = runner.differences_on(stage)
        bonuses = Bonus.objects.filter(account__program=stage.program)
        accounts = ReferredAccount.objects.filter(program=stage.program)
        names = sorted(accounts.values_list("host_account", flat=True))
        reached = MilestoneReached.objects.filter(account__in=accounts)
        ending = Ending(
            differences=differences,
            accounts=seen(stage, "accounts", names, as_of=case.as_of),
            milestones=sorted(
                reached.values_list("account__host_account", "milestone__code", "first_at", "holds", "since")
            ),
            counters=seen(stage, "counters", list(case.referrers), as_of=case.as_of),
            bonuses=sorted(
                sorted(row.items(), key=str) for row in seen(stage, "bonuses", [], as_of=case.as_of)
            ),
            first_bonus_at=min(bonuses.values_list("created_at", flat=True), default=None),
            explained_wrongly=[],
        )
        if not explaining:
            return ending
        expected = case.expect.get("explain") or {}
        wrong = explained_wrongly(stage.program, as_of=case.as_of, expected=expected)
        return replace(ending, explained_wrongly=wrong)


def is_free(step: Step) -> bool:
    """Say whether an event may come at another time; one that is refused is refused for what came before."""
    return step.do == "event" and step.refused is None


def shuffled_and_doubled(case: Case, chance: random.Random) -> Case:
    """
    Let the events between two other steps arrive in another order, each of them twice.

    What happened, and when, stays; no event arrives before it happened. One that arrives at the instant of
    the next step stays there: to that step it is not evaluated yet.
    """
    steps: list[Step] = []
    groups = [list(group) for _, group in groupby(case.steps, key=is_free)]
    for group, following in zip(groups, [*groups[1:], None], strict=True):
        if not is_free(group[0]):
            steps += group
            continue
        until = following[0].at if following else None
        arriving = [
            replace(step, at=chance.choice(arrivals(step, group, until))) for step in group for _ in range(2)
        ]
        chance.shuffle(arriving)
        steps += sorted(arriving, key=lambda step: step.at)
    return replace(case, steps=tuple(replace(step, position=n) for n, step in enumerate(steps)))


def arrivals(step: Step, group: list[Step], until: datetime | None) -> list[datetime]:
    """Return when an event of a group may arrive."""
    if until is not None and step.at == until:
        return [step.at]
    instants = sorted({other.at for other in group})
    return [at for at in instants if at >= step.keys["occurred_at"] and (until is None or at < until)]


def last_moved_at(case: Case) -> datetime | None:
    """Return when the last event arrives that might have arrived at another instant."""
    groups = [list(group) for free, group in groupby(case.steps, key=is_free) if free]
    return max((group[-1].at for group in groups if group[0].at != group[-1].at), default=None)


@pytest.mark.parametrize("name", CASES)
def test_a_case_ends_as_expected_in_whatever_order_its_events_arrive(name):
    written, path = CASES[name]
    case = runner.case_of(written, folder=path.parent, programs=programs())
    # Seeded: what fails once, fails again.
    shuffled = shuffled_and_doubled(case, random.Random(name))  # noqa: S311

    told = played(case, explaining=True)
    assert told.differences == []
    # Every account and bonus, in the voices for staff and for referrers.
    assert told.explained_wrongly == []

    # The order of arrival is worked out in Python, from the same rows on both databases: one is enough.
    if shuffled.steps != case.steps and connection.vendor == "sqlite":
        other = played(shuffled)
        assert (other.accounts, other.milestones, other.counters) == (
            told.accounts,
            told.milestones,
            told.counters,
        )
        if no_bonus_came_in_between(case, told, other):
            assert (other.differences, other.bonuses) == ([], told.bonuses)


def no_bonus_came_in_between(case: Case, *endings: Ending) -> bool:
    """Say whether every bonus came when all events had arrived that could have moved it."""
    moved_at = last_moved_at(case)
    return moved_at is None or all(
        ending.first_bonus_at is None or ending.first_bonus_at >= moved_at for ending in endings
    )


@pytest.mark.parametrize("name", WINDOWS)
def test_a_group_of_windows_is_as_expected(name):
    written, path = WINDOWS[name]

    outcomes = list(windows.outcomes(written, name=name, file=path, programs=programs()))

    assert [outcome for outcome in outcomes if not outcome.is_as_expected] == []
    assert len(outcomes) == len(written["rows"])
