"""Is it alive, and does it do its work? For load balancers, and for whoever is woken at night."""

from collections import defaultdict
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.db import DatabaseError, connection
from django.db.models import Count
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from payouts.models import Bonus, PayoutSchedule
from payouts.rules import timetable
from referrals import jobs
from referrals.models import FailingPart


@never_cache
@require_safe
def healthz(request: HttpRequest) -> HttpResponse:
    """The process answers; nothing else is asked."""
    return HttpResponse("ok\n", content_type="text/plain")


@never_cache
@require_safe
def readyz(request: HttpRequest) -> JsonResponse:
    """The database answers, sweeps work, nothing fails for long; if not, 503 and the reasons."""
    try:
        state = work(now=timezone.now())
    except DatabaseError as error:
        # A connection that the server has dropped would answer the next request with the same error.
        connection.close()
        state = {"problems": [f"The database does not answer: {type(error).__name__}."]}
    problems = state["problems"]
    return JsonResponse({"ready": not problems} | state, status=503 if problems else 200)


def work(*, now: datetime) -> dict[str, Any]:
    """When each sweep last worked, how many bonuses are overdue, and what is wrong."""
    health = jobs.health(now, timetable.EVERY)
    return {
        "problems": [*(_complaint(job) for job in health if job.is_overdue), *_what_keeps_failing(health)],
        "overdue_bonuses": overdue_bonuses(now=now),
        "jobs": {
            job.job: {"every_seconds": int(job.every.total_seconds()), "age_seconds": _seconds(job)}
            for job in health
        },
    }


def overdue_bonuses(*, now: datetime) -> int:
    """How many bonuses are unpaid though their window is over, by the calendar of each program's zone."""
    terms_of_zone: defaultdict[ZoneInfo, list[int]] = defaultdict(list)
    for schedule in PayoutSchedule.objects.select_related("terms"):
        terms_of_zone[schedule.zone].append(schedule.terms_id)
    return sum(
        Bonus.objects.unpaid()
        .filter(terms__in=terms, window_closes_on__lt=now.astimezone(zone).date())
        .count()
        for zone, terms in terms_of_zone.items()
    )


def _seconds(job: jobs.Health) -> int | None:
    return None if job.age is None else int(job.age.total_seconds())


def _what_keeps_failing(health: list[jobs.Health]) -> list[str]:
    """Work that is done again and again in vain, and books that are wrong: somebody must look."""
    in_vain = FailingPart.objects.filter(tries__gte=jobs.MOST_TRIES).values("job").annotate(parts=Count("pk"))
    return [
        *(f"{row['job']}: {row['parts']} failed {jobs.MOST_TRIES} times or more." for row in in_vain),
        *(
            f"{job.job}: the last run found {job.last.failed} breaches."
            for job in health
            if job.job == "verify_books" and job.last is not None and job.last.failed
        ),
    ]


def _complaint(job: jobs.Health) -> str:
    found = "has never run" if job.age is None else f"last worked {_seconds(job)} s ago"
    return (
        f"{job.job} {found}, and should every {int(job.every.total_seconds())} s. Do a worker and beat run?"
    )
