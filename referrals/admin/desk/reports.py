"""Reports of the desk: how often a second look came to what was decided, per caller and per reason."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, cast
from urllib.parse import urlencode

from django import forms
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db.models import Count, F, QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils import timezone

from referrals import scopes, second_looks
from referrals.admin.base import ReadOnlyAdmin
from referrals.admin.desk.claims import DECIDE, REOPEN
from referrals.admin.steps import StepAdmin
from referrals.models import Program, SecondLook
from referrals.names import of_person, of_program
from referrals.rules.lifecycle import AccountStatus
from referrals.rules.row_numbers import row_number

LEAD = "referrals.lead_referredaccount"
PERIOD = timedelta(days=90)
EARLIEST = date(2000, 1, 1)
AHEAD = timedelta(days=366)
"""Further away lies nothing that a report tells of; the last day of the calendar has no day after it."""
OF_PROGRAM = "decision__account__program"
QUALIFIED = "qualified"
"""What stands for the reason of a decision that needs none."""


class ProgramChoice(forms.ModelChoiceField):
    """One of these programs, as staff call it."""

    def label_from_instance(self, program: Program) -> str:
        return of_program(program)


class PeriodForm(forms.Form):
    """Of which program and which days; days are of UTC, the last one included."""

    program = ProgramChoice(
        Program.objects.none(),
        required=False,
        empty_label="All programs",
        widget=forms.Select(attrs={"class": "staff-input"}),
    )
    since = forms.DateField(
        label="From",
        widget=forms.DateInput(attrs={"type": "date", "class": "staff-input"}, format="%Y-%m-%d"),
    )
    until = forms.DateField(
        label="To", widget=forms.DateInput(attrs={"type": "date", "class": "staff-input"}, format="%Y-%m-%d")
    )

    def __init__(self, asked: Mapping[str, Any], *, person: User, now: datetime) -> None:
        ordinary = {"since": (now - PERIOD).date(), "until": now.date()}
        given = {name: asked[name] for name in ("program", *ordinary) if asked.get(name)}
        super().__init__({**ordinary, **given})
        programs = cast("forms.ModelChoiceField[Program]", self.fields["program"])
        programs.queryset = scopes.within(Program.objects.order_by("slug"), person, "pk")
        self.ordinary, self.latest = ordinary, (now + AHEAD).date()

    def clean(self) -> dict[str, Any]:
        told = self.cleaned_data
        for name in ("since", "until"):
            if told.get(name) and not EARLIEST <= told[name] <= self.latest:
                self.add_error(name, f"Choose a day from {EARLIEST} to {self.latest}.")
        since, until = told.get("since"), told.get("until")
        if since and until and until < since:
            self.add_error("until", "The last day lies before the first one.")
        return told

    @property
    def days(self) -> tuple[date, date]:
        """The first and the last day; of a period that makes no sense, the ordinary one."""
        if not self.is_valid():
            return self.ordinary["since"], self.ordinary["until"]
        return self.cleaned_data["since"], self.cleaned_data["until"]

    @property
    def chosen_program(self) -> Program | None:
        return self.cleaned_data.get("program") if self.is_valid() else None

    @property
    def asked(self) -> dict[str, str]:
        """How the same period and program are asked for in an address."""
        first, last = self.days
        program = self.chosen_program
        days = {"since": first.isoformat(), "until": last.isoformat()}
        return days if program is None else {**days, "program": str(program.pk)}


@dataclass(frozen=True, slots=True)
class Line:
    """How often a second look came to what was decided."""

    label: str
    only: dict[str, str]
    """How the list of just these is asked for."""
    looked_at: int
    agreed: int

    @property
    def rate(self) -> str:
        return f"{100 * self.agreed / self.looked_at:.0f}\N{NO-BREAK SPACE}%" if self.looked_at else "-"


class ReportPages(StepAdmin, ReadOnlyAdmin):
    """Second looks with the report about them, and the list that is behind its numbers."""

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        own = [
            path("agreement/", view(self.agreement_view), name=self.address_name("agreement")),
            path("looked-at/", view(self.looked_at_view), name=self.address_name("looked_at")),
        ]
        return [*own, *super().get_urls()]

    def agreement_view(self, request: HttpRequest) -> HttpResponse:
        """How often two people came to the same, per caller and per reason of the first."""
        form, found = self._asked(request)
        callers = per_caller(found)
        looked_at, agreed = (
            sum(line.looked_at for line in callers),
            sum(line.agreed for line in callers),
        )
        return self._report(
            request,
            "agreement.html",
            form,
            title="How often a second look agrees",
            tables=[("Caller", callers), ("First decision", per_reason(found))],
            total=Line("All", {}, looked_at, agreed),
        )

    def looked_at_view(self, request: HttpRequest) -> HttpResponse:
        """The second looks that a number of the report counts, each with both decisions."""
        form, found = self._asked(request)
        caller, reason = request.GET.get("caller", ""), request.GET.get("reason", "")
        if (person := row_number(caller)) is not None:
            found = found.filter(decision__decided_by=person)
        if reason == QUALIFIED:
            found = found.filter(decision__result=AccountStatus.QUALIFIED)
        elif reason:
            found = found.filter(decision__reason__code=reason)
        joined = ["decision__account__program", "decision__decided_by", "decision__reason"]
        rows = found.select_related(*joined, "looked_by", "reason").order_by("-looked_at", "-pk")
        page = Paginator(rows, self.list_per_page).get_page(request.GET.get("page"))
        return self._report(
            request,
            "looked_at.html",
            form,
            title="Second looks taken",
            page=page,
            kept={"caller": caller, "reason": reason},
            narrowed=_narrowed(caller, reason, cast(User, request.user)),
        )

    def _asked(self, request: HttpRequest) -> tuple[PeriodForm, QuerySet[SecondLook]]:
        """The period that is asked for, and the second looks of it that this person may see."""
        user = cast(User, request.user)
        sees_all = user.has_perm(LEAD) or user.has_perm(REOPEN)
        if not sees_all and not user.has_perm(DECIDE):
            raise PermissionDenied
        form = PeriodForm(request.GET.dict(), person=user, now=timezone.now())
        first, last = form.days
        found = SecondLook.objects.filter(
            looked_at__gte=_begins(first), looked_at__lt=_begins(last + timedelta(days=1))
        )
        if form.chosen_program is not None:
            found = found.filter(**{OF_PROGRAM: form.chosen_program})
        if not sees_all:
            # Everybody may see how the own decisions did.
            found = found.filter(decision__decided_by=user)
        return form, scopes.within(found, user, OF_PROGRAM)

    def _report(self, request: HttpRequest, template: str, form: PeriodForm, **shown: Any) -> HttpResponse:
        user = cast(User, request.user)
        first, last = form.days
        return self.shown(
            request,
            template,
            form=form,
            period=urlencode(form.asked),
            first_day=first,
            last_day=last,
            now=timezone.now(),
            sees_all=user.has_perm(LEAD) or user.has_perm(REOPEN),
            **shown,
        )

    def shown(self, request: HttpRequest, template: str, *, status: int = 200, **shown: Any) -> HttpResponse:
        """A page of these."""
        context = {**self.admin_site.each_context(request), **shown}
        return TemplateResponse(request, f"admin/desk/second_looks/{template}", context, status=status)


def per_caller(found: QuerySet[SecondLook]) -> list[Line]:
    """A line for each person whose decisions were looked at again."""
    person, name = "decision__decided_by", "decision__decided_by__username"
    counted = list(_counted(found, person, name).order_by(name))
    people = User.objects.in_bulk([row[person] for row in counted])
    return [
        Line(of_person(people[row[person]]), {"caller": str(row[person])}, row["looked"], row["agreed"])
        for row in counted
    ]


def per_reason(found: QuerySet[SecondLook]) -> list[Line]:
    """A line for each reason of the first decision; those that qualified are one."""
    code = "decision__reason__code"
    return [
        Line(
            (row[code] or QUALIFIED).replace("_", " "),
            {"reason": row[code] or QUALIFIED},
            row["looked"],
            row["agreed"],
        )
        for row in _counted(found, code).order_by(F(code).asc(nulls_first=True))
    ]


def _counted(found: QuerySet[SecondLook], *by: str) -> QuerySet[SecondLook, dict[str, Any]]:
    agreed = Count("pk", filter=second_looks.AGREES)
    return found.order_by().values(*by).annotate(looked=Count("pk"), agreed=agreed)


def _narrowed(caller: str, reason: str, viewer: User) -> str:
    """To what a list is narrowed, in words."""
    number = row_number(caller)
    seen = User.objects.filter(scopes.colleagues(viewer))
    person = None if number is None else seen.filter(pk=number).first()
    words = [f"decisions of {of_person(person)}"] if person else []
    return " · ".join([*words, *([reason.replace("_", " ")] if reason else [])])


def _begins(day: date) -> datetime:
    return datetime.combine(day, time.min, tzinfo=UTC)
