"""
The evaluator: what an account has reached, worked out from facts and decisions alone.

Facts are ordered by ``occurred_at``; everything that happened at one instant is looked at
together, so the order in which it was told makes no difference. Between two instants
nothing changes, so a milestone's history is a list of stretches in which it held.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby

from referrals.rules.facts import Fact
from referrals.rules.terms import MilestoneRule, MilestoneTest, TermsRules
from referrals.rules.words import TestKind


@dataclass(frozen=True, slots=True)
class Ruling:
    """From that instant on staff call the account qualified, or no longer do."""

    at: datetime
    qualified: bool


@dataclass(frozen=True, slots=True)
class Stretch:
    """A time in which something held; ``until`` is exclusive, ``None`` while it holds."""

    since: datetime
    until: datetime | None = None

    def covers(self, at: datetime) -> bool:
        return self.since <= at and (self.until is None or at < self.until)


History = tuple[Stretch, ...]


@dataclass(frozen=True)
class Outcome:
    """What an account has reached: for each milestone the stretches in which it held."""

    histories: Mapping[str, History]

    def holds(self, code: str) -> bool:
        """Does the milestone hold now, with what is known?"""
        return is_holding(self.histories[code])

    def reached_at(self, code: str) -> datetime | None:
        """The first instant at which the milestone held."""
        history = self.histories[code]
        return history[0].since if history else None

    def together(self, codes: Iterable[str]) -> History:
        """The stretches in which all the named milestones held."""
        return _intersection([self.histories[code] for code in codes])

    def first_unmet(self, codes: Iterable[str]) -> str | None:
        """The first of the named milestones that does not hold."""
        return next((code for code in codes if not self.holds(code)), None)


def evaluate(
    terms: TermsRules, *, signed_up_at: datetime, facts: Iterable[Fact], rulings: Iterable[Ruling]
) -> Outcome:
    """
    Work out what an account has reached with the facts and decisions known.

    :param facts: in any order; those before the sign-up are left out
    :param rulings: decisions that took effect, by the instant they were made, and revocations
    """
    known = sorted((fact for fact in facts if fact.occurred_at >= signed_up_at), key=_occurred_at)
    told = sorted(rulings, key=lambda ruling: ruling.at)
    histories: dict[str, History] = {}
    for milestone in _earlier_first(terms):
        reached = [
            _history(test, terms=terms, signed_up_at=signed_up_at, facts=known, rulings=told)
            for test in milestone.tests
        ]
        own = _intersection(reached) if milestone.needs_all else _union(reached)
        histories[milestone.code] = _intersection([own, *(histories[code] for code in milestone.after)])
    return Outcome(histories)


def is_holding(history: History) -> bool:
    """Does it hold now?"""
    return bool(history) and history[-1].until is None


def _earlier_first(terms: TermsRules) -> list[MilestoneRule]:
    """Each milestone behind those that it comes ``after``; the file has no circles."""
    ordered: dict[str, MilestoneRule] = {}

    def place(milestone: MilestoneRule) -> None:
        for code in milestone.after:
            place(terms.by_code[code])
        ordered.setdefault(milestone.code, milestone)

    for milestone in terms.milestones:
        place(milestone)
    return list(ordered.values())


def _history(
    test: MilestoneTest,
    *,
    terms: TermsRules,
    signed_up_at: datetime,
    facts: Sequence[Fact],
    rulings: Sequence[Ruling],
) -> History:
    match test.kind:
        case TestKind.SIGNED_UP:
            return (Stretch(signed_up_at),)
        case TestKind.QUALIFIED:
            return _stretches((ruling.at, ruling.qualified) for ruling in rulings)

    deadlines = [d for d in (terms.earn_by, test.own_deadline(signed_up_at, terms.zone)) if d]
    deadline = min(deadlines, default=None)
    counting = [
        fact
        for fact in facts
        if fact.type in test.counts and (deadline is None or fact.occurred_at < deadline)
    ]
    undoing = [fact for fact in facts if fact.type in test.undone_by and _matches(fact, test)]
    return _stretches(_LOOK_AT_EVENTS[TestKind(test.kind)](test, counting, undoing))


Verdicts = Iterable[tuple[datetime, bool]]


def _occurred(test: MilestoneTest, counting: list[Fact], undoing: list[Fact]) -> Verdicts:
    """It holds if the latest counting event is later than the latest undoing one."""
    enough = [fact for fact in counting if _matches(fact, test) and _is_enough(fact, test)]
    latest_counting: datetime | None = None
    latest_undoing: datetime | None = None
    for at, counted, undone in _by_instant(enough, undoing):
        latest_counting = at if counted else latest_counting
        latest_undoing = at if undone else latest_undoing
        yield (
            at,
            latest_counting is not None and (latest_undoing is None or latest_counting > latest_undoing),
        )


def _total(test: MilestoneTest, counting: list[Fact], undoing: list[Fact]) -> Verdicts:
    """It holds while what was counted less what was undone is at least the threshold."""
    threshold = test.at_least_minor or 0
    total = 0
    for at, counted, undone in _by_instant([f for f in counting if _matches(f, test)], undoing):
        total += sum(fact.amount_minor for fact in counted) - sum(fact.amount_minor for fact in undone)
        yield at, total >= threshold


def _first(test: MilestoneTest, counting: list[Fact], undoing: list[Fact]) -> Verdicts:
    """
    It holds if the very first counting event, whatever its product, is of the test's product
    and category, and is not taken back below the threshold afterwards.
    """
    first = next((fact for fact in counting if _is_enough(fact, test)), None)
    if first is None:
        return
    at_first = [f for f in counting if f.occurred_at == first.occurred_at and _is_enough(f, test)]
    if not any(_matches(fact, test) for fact in at_first):
        return

    threshold = max(test.at_least_minor or 0, 1)
    total = 0
    taken_back = False
    for at, counted, undone in _by_instant([f for f in counting if _matches(f, test)], undoing):
        total += sum(fact.amount_minor for fact in counted) - sum(fact.amount_minor for fact in undone)
        taken_back = taken_back or bool(undone)
        yield at, at >= first.occurred_at and (not taken_back or total >= threshold)


_LOOK_AT_EVENTS = {TestKind.OCCURRED: _occurred, TestKind.TOTAL: _total, TestKind.FIRST: _first}


def _matches(fact: Fact, test: MilestoneTest) -> bool:
    return test.product in ("", fact.product) and test.category in ("", fact.category)


def _is_enough(fact: Fact, test: MilestoneTest) -> bool:
    return fact.amount_minor >= (test.at_least_minor or 0)


def _occurred_at(fact: Fact) -> datetime:
    return fact.occurred_at


def _by_instant(
    counting: Iterable[Fact], undoing: Iterable[Fact]
) -> Iterable[tuple[datetime, list[Fact], list[Fact]]]:
    """What counts and what undoes, instant by instant."""
    marked = [(fact, True) for fact in counting] + [(fact, False) for fact in undoing]
    marked.sort(key=lambda pair: pair[0].occurred_at)
    for at, pairs in groupby(marked, key=lambda pair: pair[0].occurred_at):
        here = list(pairs)
        yield at, [fact for fact, counts in here if counts], [fact for fact, counts in here if not counts]


def _stretches(verdicts: Verdicts) -> History:
    """Verdicts in order of time, the last one of an instant counts, as stretches."""
    last_of_instant = dict(verdicts)
    stretches: list[Stretch] = []
    since: datetime | None = None
    for at, holds in last_of_instant.items():
        if holds and since is None:
            since = at
        elif not holds and since is not None:
            stretches.append(Stretch(since, at))
            since = None
    return (*stretches, Stretch(since)) if since is not None else tuple(stretches)


def _union(histories: Iterable[History]) -> History:
    """The stretches in which any of them held."""
    merged: list[Stretch] = []
    for stretch in sorted((s for history in histories for s in history), key=lambda s: s.since):
        last = merged[-1] if merged else None
        if last is None or (last.until is not None and last.until < stretch.since):
            merged.append(stretch)
        elif last.until is not None:
            until = None if stretch.until is None else max(last.until, stretch.until)
            merged[-1] = Stretch(last.since, until)
    return tuple(merged)


def _intersection(histories: Sequence[History]) -> History:
    """The stretches in which all of them held."""
    common = histories[0]
    for history in histories[1:]:
        overlaps = (_overlap(one, other) for one in common for other in history)
        common = tuple(overlap for overlap in overlaps if overlap)
    return common


def _overlap(one: Stretch, other: Stretch) -> Stretch | None:
    since = max(one.since, other.since)
    until = min((end for end in (one.until, other.until) if end is not None), default=None)
    return Stretch(since, until) if until is None or since < until else None
