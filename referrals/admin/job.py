"""What background work did, whether it is late, and a button to run a sweep at once."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.shortcuts import redirect
from django.urls import URLPattern, path, reverse
from django.utils import timezone

from payouts import sweeps
from payouts.rules import timetable
from referrals import jobs
from referrals.admin.base import (
    EmptyFieldListFilter,
    ReadOnlyAdmin,
    SimpleListFilter,
    display,
    register,
    section,
)
from referrals.jobs import Health
from referrals.models import FailingPart, JobRun

MAY_RUN = "referrals.change_jobrun"
MOST_FAILING = 20
UNITS = [("day", 86_400), ("hour", 3_600), ("minute", 60), ("second", 1)]


@dataclass(frozen=True, slots=True)
class Line:
    """A job as its page shows it."""

    job: str
    name: str
    every: str
    state: str
    is_well: bool
    is_awaited: bool
    last: JobRun | None
    age: str
    next: str
    run_address: str


class DidSomething(SimpleListFilter):
    """Most runs find nothing to do; these are the others."""

    title = "what it did"
    parameter_name = "did"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("something", "Did or failed at something")]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        return queryset.exclude(done=0, failed=0) if self.value() else queryset


@register(FailingPart)
class FailingPartAdmin(ReadOnlyAdmin):
    """What failed in the last execution of a job, and how often in a row; healed, it is gone."""

    list_display = ["part", "job", "tries", "since", "last_at"]
    list_filter = ["job"]
    search_fields = ["part"]
    fieldsets = [section(None, "part", "job", "tries", ("since", "last_at"), "error")]


@register(JobRun)
class JobRunAdmin(ReadOnlyAdmin):
    """The jobs with how they are doing, and below them every execution that is kept."""

    list_before_template = "admin/referrals/jobrun/jobs.html"
    when_empty = "A row appears with every run: is there a worker, a beat, or a tick every minute?"
    list_display = ["name", "started_at", "took", "examined", "done", "failed"]
    list_filter = [DidSomething, "job", ("error", EmptyFieldListFilter)]
    search_fields = ["^job"]
    fieldsets = [
        section(None, "job", "as_of", ("started_at", "ended_at", "took"), "next_due_at"),
        section("What it did", ("examined", "done", "failed"), "error"),
    ]

    @display(description="job", ordering="job")
    def name(self, run: JobRun) -> str:
        return _named(run.job)

    @display(description="took")
    def took(self, run: JobRun) -> str:
        if run.ended_at is None:
            return _unfinished(run, now=timezone.now())
        return f"{(run.ended_at - run.started_at).total_seconds():.1f} s"

    @display(description="due again")
    def next_due_at(self, run: JobRun) -> datetime | None:
        every = timetable.EVERY.get(run.job)
        return run.started_at + every if every else None

    def get_urls(self) -> list[URLPattern]:
        run_now = self.admin_site.admin_view(self.run_view)
        return [path("run/<slug:job>/", run_now, name="referrals_jobrun_run"), *super().get_urls()]

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        lines = []
        if self.has_view_permission(request):
            lines = [_line(job) for job in jobs.health(timezone.now(), timetable.EVERY)]
        shown = {
            "title": "Jobs",
            "jobs": lines,
            "failing": FailingPart.objects.all()[:MOST_FAILING] if lines else [],
            "may_run": request.user.has_perm(MAY_RUN),
        }
        return super().changelist_view(request, {**shown, **(extra_context or {})})

    def run_view(self, request: HttpRequest, job: str) -> HttpResponse:
        """On POST, run one sweep in this process, and show its row."""
        if not self.has_view_permission(request) or not request.user.has_perm(MAY_RUN):
            raise PermissionDenied
        if job not in sweeps.SWEEPS:
            raise Http404(f"There is no job {job}.")
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        now = timezone.now()
        try:
            run = sweeps.run(job, as_of=now, clock=timezone.now)
        except Exception as error:
            self.message_user(request, f"{job} broke off: {type(error).__name__}: {error}", level="ERROR")
            return redirect("admin:referrals_jobrun_changelist")
        level = "WARNING" if run.failed else "SUCCESS"
        self.message_user(request, f"{job}: {_in_figures(run)}.", level=level)
        return redirect("admin:referrals_jobrun_change", run.pk)


def _line(health: Health) -> Line:
    return Line(
        job=health.job,
        name=_named(health.job),
        every=_every(health),
        state=_state(health),
        is_well=not health.is_overdue and not (health.last and health.last.failed),
        is_awaited=health.is_awaited,
        last=health.last,
        age="never" if health.last is None else f"{_in_words(health.now - health.last.started_at)} ago",
        next="now" if health.next_at <= health.now else f"in {_in_words(health.next_at - health.now)}",
        run_address=reverse("admin:referrals_jobrun_run", args=[health.job]),
    )


def _named(job: str) -> str:
    return job.replace("_", " ").capitalize()


def _state(health: Health) -> str:
    """One sentence: is all well, and if not, what is wrong."""
    last = health.last
    if health.is_awaited:
        return "Not run yet. If that stays: is there a worker, a beat, or a tick every minute?"
    if last is None:
        return "Has never run: is there a worker, a beat, or a tick every minute?"
    if health.is_overdue:
        did = "has never come to an end" if health.age is None else f"did last {_in_words(health.age)} ago"
        return f"Late: it should work {_every(health)}, and {did}."
    if last.ended_at is None:
        return f"{_unfinished(last, now=health.now).capitalize()}."
    if last.failed:
        return f"Runs, but {last.failed} failed."
    return "On time."


def _unfinished(run: JobRun, *, now: datetime) -> str:
    return "running" if now - run.started_at < jobs.LONGEST_RUN else "broken off: its process was killed"


def _in_figures(run: JobRun) -> str:
    return f"examined {run.examined}, done {run.done}, failed {run.failed}"


def _every(health: Health) -> str:
    return f"every {_in_words(health.every).removeprefix('1 ')}"


def _in_words(time: timedelta) -> str:
    """A length of time in one unit: 45 seconds, 90 minutes, 30 hours, 18 days."""
    seconds = max(0, int(time.total_seconds()))
    # The largest unit of which there are two, or which fits.
    unit, length = next(
        (unit, length) for unit, length in UNITS if seconds >= 2 * length or seconds == length or length == 1
    )
    number = seconds // length
    return f"{number} {unit}{'' if number == 1 else 's'}"
