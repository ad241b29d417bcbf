"""The page that drafts what is due now, without waiting for the next run."""

from datetime import date, datetime, timedelta
from typing import Any, cast
from zoneinfo import ZoneInfo

from django import forms
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils import timezone

from payouts import batches
from payouts.admin.batch_steps import PREPARE
from referrals import scopes
from referrals.admin.desk.reports import ProgramChoice
from referrals.admin.steps import CONFLICT, StepAdmin
from referrals.models import Program
from referrals.names import of_program
from referrals.rules.refusal import Refused
from referrals.rules.words import Release
from referrals.rules.zones import first_instant, local_date

EARLIEST = date(2000, 1, 1)


class DraftingForm(forms.Form):
    """For which program, and up to which day."""

    program = ProgramChoice(
        Program.objects.none(), widget=forms.Select(attrs={"class": "staff-input"}), empty_label=None
    )
    day = forms.DateField(
        label="Windows open by",
        widget=forms.DateInput(attrs={"type": "date", "class": "staff-input"}, format="%Y-%m-%d"),
        help_text="Today or earlier, in the zone of the program.",
    )

    def __init__(self, *given: Any, person: User, now: datetime, **more: Any) -> None:
        super().__init__(*given, **more)
        self.now = now
        asking = Program.objects.filter(terms__payout_schedule__release=Release.AFTER_APPROVAL).distinct()
        chosen: Any = self.fields["program"]
        chosen.queryset = scopes.within(asking, person, "pk").order_by("name", "pk")
        self.initial.setdefault("day", now.date())

    def clean(self) -> dict[str, Any]:
        told = self.cleaned_data
        program, day = told.get("program"), told.get("day")
        if program and day:
            today = local_date(self.now, ZoneInfo(program.time_zone))
            if not EARLIEST <= day <= today:
                self.add_error("day", f"Choose a day up to today, {today:%b} {today.day}, {today.year}.")
        return told

    @property
    def as_of(self) -> datetime:
        """Now, or the end of an earlier day in the zone of the program."""
        program, day = self.cleaned_data["program"], self.cleaned_data["day"]
        ends: datetime = first_instant(day + timedelta(days=1), ZoneInfo(program.time_zone))
        return min(self.now, ends - timedelta(microseconds=1))


class Drafting(StepAdmin):
    """Batches that can be drafted on demand."""

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.draft_view)
        return [path("draft/", view, name=self.address_name("draft")), *super().get_urls()]

    def draft_view(self, request: HttpRequest) -> HttpResponse:
        """Ask for program and day; on POST, draft what is due."""
        if not request.user.has_perm(PREPARE) or not self.has_view_permission(request):
            raise PermissionDenied
        user, now, posted = cast(User, request.user), timezone.now(), request.method == "POST"
        form = DraftingForm(request.POST if posted else None, person=user, now=now)
        if posted and form.is_valid():
            program = form.cleaned_data["program"]
            try:
                drafted = batches.draft(program, as_of=form.as_of, at=now)
            except Refused as refusal:
                form.add_error(None, str(refusal))
            else:
                named = f"{drafted} bonus{'' if drafted == 1 else 'es'} of {of_program(program)}"
                self.message_user(request, f"{named} {'is' if drafted == 1 else 'are'} in a draft.")
                return redirect("admin:payouts_payoutbatch_changelist")
        context = {**self.admin_site.each_context(request), "title": "Draft what is due now", "form": form}
        status = CONFLICT if posted and form.non_field_errors() else 200
        return TemplateResponse(request, "admin/payouts/payoutbatch/draft.html", context, status=status)
