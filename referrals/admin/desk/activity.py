"""The report of caller activity: leads see all of their programs, everybody else the own line."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from typing import cast

from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.http import urlencode
from django.utils.translation import ngettext

from referrals import activity, exports
from referrals.activity import Done
from referrals.admin.base import Admin
from referrals.admin.desk.claims import DECIDE
from referrals.admin.desk.reports import LEAD, PeriodForm

HEADINGS = [
    "Program",
    "From",
    "To",
    "Person",
    "Week from",
    "Calls",
    "Connected",
    "Decisions",
    "Undone",
    "Mean hours to decision",
    "Second looks",
    "Agreed",
]


class ActivityPages(Admin):
    """Referred accounts with the report of what callers did."""

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.activity_view)
        name = f"{self.opts.app_label}_{self.opts.model_name}_activity"
        return [path("reviews/activity/", view, name=name), *super().get_urls()]

    def activity_view(self, request: HttpRequest) -> HttpResponseBase:
        """Calls and decisions per person and week; with ``format=csv``, as a file."""
        user, now = cast(User, request.user), timezone.now()
        sees_all = user.has_perm(LEAD)
        if not sees_all and not user.has_perm(DECIDE):
            raise PermissionDenied
        form = PeriodForm(request.GET.dict(), person=user, now=now)
        first, last = form.days
        program = form.chosen_program
        weeks = activity.per_week(
            user,
            begins=_begins(first),
            ends=_begins(last + timedelta(days=1)),
            program=program,
            person=None if sees_all else user,
        )
        if request.GET.get("format") == "csv":
            many = ngettext("%(count)s line", "%(count)s lines", len(weeks)) % {"count": len(weeks)}
            told = f"{program or 'all programs'}, {first} to {last}, {many}"
            exports.log(user, of="Caller activity", told=told)
            lines = _rows(weeks, str(program or "all"), first, last)
            return exports.as_csv(f"caller-activity-{first}-{last}.csv", HEADINGS, lines)
        people = activity.per_person(weeks)
        total = Done("All", 0)
        for each in people:
            total.add(each)
        context = {
            **self.admin_site.each_context(request),
            "title": "Caller activity",
            "program": program,
            "form": form,
            "period": urlencode(form.asked),
            "first_day": first,
            "last_day": last,
            "people": people,
            "weeks": weeks,
            "total": total,
            "sees_all": sees_all,
            "now": now,
        }
        return TemplateResponse(request, "admin/desk/activity.html", context)


def _begins(day: date) -> datetime:
    return datetime.combine(day, time.min, tzinfo=UTC)


def _rows(weeks: list[Done], program: str, first: date, last: date) -> Iterator[list[object]]:
    for done in weeks:
        hours = "" if done.mean_hours is None else round(done.mean_hours, 1)
        numbers = [done.calls, done.connected, done.decided, done.undone, hours, done.looked_at, done.agreed]
        yield [program, first, last, done.person, done.week, *numbers]
