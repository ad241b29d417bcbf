"""
Background work leaves a row for every execution: what it examined, did, and failed at.

A row that never ended is of a process that was killed. Rows are kept for a fortnight, those that found
nothing to do for a day, the last one of each job for ever.
"""

import logging
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.db.models import Exists, OuterRef, Subquery

from referrals.models import JobRun

log = logging.getLogger(__name__)

LONGEST_ERROR = 2_000
KEPT = timedelta(days=14)
KEPT_IDLE = timedelta(days=1)
# A worker is let off that many runs, and that long besides: it was busy, restarted, or the machine was.
RUNS_LET_OFF = 2
LET_OFF = timedelta(minutes=1)


@dataclass
class Tally:
    """What a sweep counts while it works."""

    examined: int = 0
    done: int = 0
    failed: int = 0
    errors: list[str] = field(default_factory=list)
    notes: Counter[str] = field(default_factory=Counter)

    def fail(self, error: str) -> None:
        self.failed += 1
        self.errors.append(error)

    @contextmanager
    def surviving(self, part: object) -> Iterator[None]:
        """
        One poisoned part does not stop the rest: its error is counted and kept.

        :param part: the words by which people find it: a program, an account
        """
        try:
            yield
        except Exception as error:
            log.exception("%s failed", part)
            self.fail(f"{part}: {_told(error)}")


@dataclass(frozen=True, slots=True)
class Health:
    """How a job is doing at an instant."""

    job: str
    every: timedelta
    last: JobRun | None
    """The last execution, ended or not."""
    worked_at: datetime | None
    """When the last execution that ended had started."""
    now: datetime

    @property
    def next_at(self) -> datetime:
        """When it should run next; now, if it never ran."""
        return self.now if self.last is None else self.last.started_at + self.every

    @property
    def age(self) -> timedelta | None:
        """How long ago it last worked; ``None``: never."""
        return None if self.worked_at is None else self.now - self.worked_at

    @property
    def is_overdue(self) -> bool:
        """Nothing has come of it for several of its intervals."""
        return self.age is None or self.age > (1 + RUNS_LET_OFF) * self.every + LET_OFF


def recorded(
    job: str, sweep: Callable[[], Tally], *, as_of: datetime, clock: Callable[[], datetime]
) -> JobRun:
    """
    Run a sweep and leave its row; an error is kept in the row and raised again.

    :param clock: read when it starts and when it ends, by the caller's watch
    """
    run = JobRun.objects.create(job=job, as_of=as_of, started_at=clock())
    try:
        tally = sweep()
    except Exception as error:
        JobRun.objects.filter(pk=run.pk).update(
            ended_at=clock(), failed=1, error=_told(error)[:LONGEST_ERROR]
        )
        raise
    run.ended_at = clock()
    run.examined, run.done, run.failed = tally.examined, tally.done, tally.failed
    run.error = "\n".join(tally.errors)[:LONGEST_ERROR]
    run.save()
    return run


def health(now: datetime, intervals: Mapping[str, timedelta]) -> list[Health]:
    """
    How each job is doing, in the order of the timetable.

    :param intervals: job to the time between two executions
    """
    newest = [_newest(job, ended_only=ended_only) for job in intervals for ended_only in (False, True)]
    last: dict[str, JobRun] = {}
    worked_at: dict[str, datetime] = {}
    for run in JobRun.objects.filter(pk__in=newest).order_by("started_at", "pk"):  # type: ignore[misc]
        last[run.job] = run
        if run.ended_at is not None:
            worked_at[run.job] = run.started_at
    return [Health(job, every, last.get(job), worked_at.get(job), now) for job, every in intervals.items()]


def overdue_jobs(now: datetime, intervals: Mapping[str, timedelta]) -> list[Health]:
    """
    The jobs of which nothing has come for several of their intervals, or ever.

    :param intervals: job to the time between two executions
    """
    return [job for job in health(now, intervals) if job.is_overdue]


def is_due(job: str, *, every: timedelta, now: datetime) -> bool:
    """Was the job last started an interval ago, or longer?"""
    return not JobRun.objects.filter(job=job, started_at__gt=now - every).exists()


def forget_old_runs(*, as_of: datetime) -> Tally:
    """Delete the rows that nobody will ask for; the last one of each job that ended stays."""
    later = JobRun.objects.filter(
        job=OuterRef("job"), started_at__gt=OuterRef("started_at"), ended_at__isnull=False
    )
    old = JobRun.objects.filter(started_at__lt=as_of - KEPT)
    idle = JobRun.objects.filter(
        started_at__lt=as_of - KEPT_IDLE, ended_at__isnull=False, examined=0, done=0, failed=0
    )
    deleted = sum(rows.filter(Exists(later)).delete()[0] for rows in (old, idle))
    return Tally(examined=deleted, done=deleted)


def _newest(job: str, *, ended_only: bool) -> Subquery:
    runs = JobRun.objects.filter(job=job).order_by("-started_at", "-pk")
    if ended_only:
        runs = runs.filter(ended_at__isnull=False)
    return Subquery(runs.values("pk")[:1])


def _told(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"
