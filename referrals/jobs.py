"""
Background work leaves a row for every execution: what it examined, did, and failed at.

A row that never ended is of a process that was killed. Rows are kept for a fortnight, those that found
nothing to do for a day, the last one of each job for ever. A part that fails is remembered beside them, with
how often it failed in a row, until an execution in which it does not.
"""

import logging
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.db.models import Exists, F, OuterRef, Q, Subquery

from referrals.models import FailingPart, JobRun

log = logging.getLogger(__name__)

LONGEST_ERROR = 2_000
MOST_TRIES = 10
FAILS_FOR = timedelta(hours=1)
"""A part that failed so often, and for so long, will not come right by itself: a person is asked."""
FORGOTTEN_AFTER = timedelta(minutes=1)
"""A part that did not fail for so long is healed; a run beside the one in which it failed proves nothing."""
LONGEST_RUN = timedelta(minutes=10)
"""An execution that is older and has no end will have none: its process was killed."""
KEPT = timedelta(days=14)
KEPT_IDLE = timedelta(days=1)
# A worker is let off that many runs, and that long besides: it was busy, restarted, or the machine was.
RUNS_LET_OFF = 2
LET_OFF = timedelta(minutes=1)
BROKE_OFF = Q(examined=0, failed__gt=0)


@dataclass
class Tally:
    """What a sweep counts while it works."""

    examined: int = 0
    done: int = 0
    failed: int = 0
    errors: list[str] = field(default_factory=list)
    failing: dict[str, str] = field(default_factory=dict)
    """Each part that failed, with its error."""
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
            self.failing[str(part)] = _told(error)
            self.fail(f"{part}: {_told(error)}")


@dataclass(frozen=True, slots=True)
class Health:
    """How a job is doing at an instant."""

    job: str
    every: timedelta
    last: JobRun | None
    """The last execution, ended or not."""
    worked_at: datetime | None
    """When the last execution that came to its end had started; one that broke off did not."""
    now: datetime
    first_at: datetime | None = None
    """When the oldest execution of any job started that is kept; ``None``: nothing has ever run."""

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
        return self.age is None or self.age > self._late_after

    @property
    def is_awaited(self) -> bool:
        """It never ran, and need not have: nothing ever did, or the first run of anything is not long ago."""
        return self.last is None and (self.first_at is None or self.now - self.first_at <= self._late_after)

    @property
    def _late_after(self) -> timedelta:
        return (1 + RUNS_LET_OFF) * self.every + LET_OFF


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
    _remember_failing(run, tally.failing)
    return run


def needs_a_person(job: str, part: object, *, as_of: datetime) -> bool:
    """
    Did the part fail so often and for so long that, failing once more, it will not come right by itself?

    Not while nothing at all succeeds: then the fault is not the part's.
    """
    often = FailingPart.objects.filter(
        job=job, part=str(part), tries__gte=MOST_TRIES - 1, since__lte=as_of - FAILS_FOR
    )
    others_did_well = JobRun.objects.filter(job=job, started_at__gte=OuterRef("since"), done__gt=0)
    return often.filter(Exists(others_did_well)).exists()


def health(now: datetime, intervals: Mapping[str, timedelta]) -> list[Health]:
    """
    How each job is doing, in the order of the timetable.

    :param intervals: job to the time between two executions
    """
    newest = [_newest(job, worked_only=only, now=now) for job in intervals for only in (False, True)]
    if newest:
        newest.append(_oldest(now=now))
    first_at = None
    last: dict[str, JobRun] = {}
    worked_at: dict[str, datetime] = {}
    for run in JobRun.objects.filter(pk__in=newest).order_by("started_at", "pk"):  # type: ignore[misc]
        first_at = first_at or run.started_at
        last[run.job] = run
        if run.ended_at is not None and (run.examined or not run.failed):
            worked_at[run.job] = run.started_at
    return [
        Health(job, every, last.get(job), worked_at.get(job), now, first_at)
        for job, every in intervals.items()
    ]


def overdue_jobs(now: datetime, intervals: Mapping[str, timedelta]) -> list[Health]:
    """
    The jobs of which nothing has come for several of their intervals, or ever.

    :param intervals: job to the time between two executions
    """
    return [job for job in health(now, intervals) if job.is_overdue]


def is_due(job: str, *, every: timedelta, now: datetime) -> bool:
    """Was the job last started an interval ago, or longer? A run that was killed does not count."""
    killed = Q(ended_at__isnull=True, started_at__lte=now - LONGEST_RUN)
    lately = JobRun.objects.filter(job=job, started_at__gt=now - every, started_at__lte=now)
    return not lately.exclude(killed).exists()


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


def _remember_failing(run: JobRun, failing: Mapping[str, str]) -> None:
    """Whoever failed again has one more try behind him; who did not is forgotten."""
    healed = FailingPart.objects.filter(job=run.job, last_at__lt=run.started_at - FORGOTTEN_AFTER)
    healed.exclude(part__in=failing).delete()
    for part, error in failing.items():
        FailingPart.objects.get_or_create(
            job=run.job, part=part, defaults={"since": run.started_at, "last_at": run.started_at}
        )
        FailingPart.objects.filter(job=run.job, part=part).update(
            tries=F("tries") + 1, last_at=run.started_at, error=error[:LONGEST_ERROR]
        )


def _newest(job: str, *, worked_only: bool, now: datetime) -> Subquery:
    # What a clock that was wrong has dated in the future says nothing about now.
    runs = JobRun.objects.filter(job=job, started_at__lte=now).order_by("-started_at", "-pk")
    if worked_only:
        runs = runs.filter(ended_at__isnull=False).exclude(BROKE_OFF)
    return Subquery(runs.values("pk")[:1])


def _oldest(*, now: datetime) -> Subquery:
    """The first execution that is kept, of whatever job."""
    return Subquery(JobRun.objects.filter(started_at__lte=now).order_by("started_at", "pk").values("pk")[:1])


def _told(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"
