"""
The clock of a worked case: at which instants it stops, and why.

It stops at each step, at each run of the jobs, when a decision takes effect, and at the end.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from payouts.cases.format import Case, Step
from referrals.rules.zones import local_date

RUN_AT = time(0, 5)


@dataclass(frozen=True)
class Stop:
    """An instant at which something happens: its steps first, then an evaluation, then the jobs."""

    at: datetime
    steps: tuple[Step, ...]
    is_run: bool


def stops(case: Case, effects: Mapping[str, datetime]) -> Iterator[Stop]:
    """
    The stops of a case in order of time.

    :param effects: when waiting decisions take effect, by account; looked at anew before each
        stop, since steps make decisions and undo them
    """
    runs = set(runs_of(case))
    known = sorted({case.as_of, *runs, *(step.at for step in case.steps)}, reverse=True)
    steps = list(reversed(case.steps))
    at: datetime | None = None
    while at != case.as_of:
        ahead = [effect for effect in effects.values() if at is None or effect > at]
        at = min([known[-1], *ahead])
        if at == known[-1]:
            known.pop()
        now = []
        while steps and steps[-1].at == at:
            now.append(steps.pop())
        yield Stop(at, tuple(now), is_run=at in runs)


def runs_of(case: Case) -> list[datetime]:
    """The instants at which the jobs of a case run, in order."""
    jobs = case.jobs
    runs = {run for run in jobs.at if run <= case.as_of}
    if jobs.daily and case.steps:
        begins = case.steps[0].at
        zone = ZoneInfo(case.document["program"]["time_zone"])
        runs = {*_daily(local_date(begins, zone), zone, until=case.as_of), *(up for _, up in jobs.down)}
        runs = {run for run in runs if begins <= run <= case.as_of and not _is_down(case, run)}
    return sorted(runs)


def _is_down(case: Case, at: datetime) -> bool:
    return any(down <= at < up for down, up in case.jobs.down)


def _daily(day: date, zone: ZoneInfo, *, until: datetime) -> Iterator[datetime]:
    while True:
        # Where clocks skip that time it is as long after the jump, where they show it twice the first.
        run = datetime.combine(day, RUN_AT, tzinfo=zone).astimezone(UTC)
        if run > until:
            return
        yield run
        day += timedelta(days=1)
