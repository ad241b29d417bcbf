"""
The terms as the rules read them: plain values, told apart by code and never by row.

referrals.evaluation reads them from rows; a draft that is only tried out, or a worked case,
makes them in the same way.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from zoneinfo import ZoneInfo

from referrals.rules.zones import first_instant, local_date


@dataclass(frozen=True, slots=True)
class MilestoneTest:
    """One way to reach a milestone; ``before`` and deadlines are exclusive."""

    kind: str
    counts: frozenset[str] = frozenset()
    undone_by: frozenset[str] = frozenset()
    product: str = ""
    category: str = ""
    at_least_minor: int | None = None
    before: datetime | None = None
    within_days: int | None = None

    def own_deadline(self, signed_up_at: datetime, zone: ZoneInfo) -> datetime | None:
        """From when on nothing counts for this test, by its own keys."""
        deadlines = [self.before] if self.before else []
        if self.within_days is not None:
            day_after = local_date(signed_up_at, zone) + timedelta(days=self.within_days + 1)
            deadlines.append(first_instant(day_after, zone))
        return min(deadlines, default=None)


@dataclass(frozen=True, slots=True)
class MilestoneRule:
    """A named point of progress and what reaches it."""

    code: str
    tests: tuple[MilestoneTest, ...]
    needs_all: bool = False
    after: tuple[str, ...] = ()
    funnel: int | None = None


@dataclass(frozen=True)
class TermsRules:
    """What the evaluator needs of one version of the terms."""

    zone: ZoneInfo
    milestones: tuple[MilestoneRule, ...]
    qualified_by: str = "STAFF"
    earn_by: datetime | None = None

    @cached_property
    def by_code(self) -> Mapping[str, MilestoneRule]:
        return {milestone.code: milestone for milestone in self.milestones}

    @property
    def qualifying_milestone(self) -> MilestoneRule | None:
        """What makes an account qualified, unless staff do."""
        return self.by_code.get(self.qualified_by)

    def deadline(self, signed_up_at: datetime) -> datetime | None:
        """From when on an undecided account is expired; ``None``: never."""
        deadlines = [self.earn_by] if self.earn_by else []
        if milestone := self.qualifying_milestone:
            own = [test.own_deadline(signed_up_at, self.zone) for test in milestone.tests]
            if milestone.needs_all:
                deadlines += [deadline for deadline in own if deadline]
            elif all(own):
                deadlines.append(max(deadline for deadline in own if deadline))
        return min(deadlines, default=None)

    def counting_types(self, codes: Iterable[str]) -> frozenset[str]:
        """The event types that the named milestones count."""
        tests = (test for code in codes for test in self.by_code[code].tests)
        return frozenset().union(*(test.counts for test in tests))
