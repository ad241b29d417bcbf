"""Background work leaves a row for every execution: what it examined, did, and failed at."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from referrals.models import JobRun

LONGEST_ERROR = 2_000


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
            ended_at=clock(), failed=1, error=f"{type(error).__name__}: {error}"[:LONGEST_ERROR]
        )
        raise
    run.ended_at = clock()
    run.examined, run.done, run.failed = tally.examined, tally.done, tally.failed
    run.error = "\n".join(tally.errors)[:LONGEST_ERROR]
    run.save()
    return run
