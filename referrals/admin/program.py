"""Programs, and what belongs to a program rather than to a version of its terms."""

from typing import Any, ClassVar

from django import forms
from django.db import models
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from payouts.rules.program_document import schema
from payouts.rules.program_document.keys import Keys
from payouts.rules.program_document.problems import Place
from referrals import calling_hours
from referrals.admin.base import Admin, KeptAdmin, ReadOnlyInline, register
from referrals.admin.calling_step import CALLING
from referrals.admin.columns import status
from referrals.admin.signing_step import SIGNING
from referrals.admin.signing_step import sentence as signing_sentence
from referrals.admin.steps import StepAdmin
from referrals.models import CallOutcome, Program, ShareText, Terms


class AsInAProgramFile(forms.ModelForm):
    """Holds what staff type to the rules of the program file, into which it is exported."""

    keys: ClassVar[Keys] = ()

    def clean(self) -> dict[str, Any]:
        cleaned = self.cleaned_data
        for key in self.keys:
            if key.name in cleaned:
                at, typed = Place(), cleaned[key.name]
                # Browsers end lines as files do not.
                cleaned[key.name] = typed.replace("\r\n", "\n") if isinstance(typed, str) else typed
                key.read(cleaned[key.name], at)
                for problem in at.problems:
                    self.add_error(key.name, problem.message)
        return cleaned


class ProgramForm(AsInAProgramFile):
    keys = schema.PROGRAM


class CallOutcomeForm(AsInAProgramFile):
    keys = schema.CALL_OUTCOME


class ShareTextForm(AsInAProgramFile):
    keys = schema.SHARE_TEXT


class TermsInline(ReadOnlyInline):
    model = Terms
    fields = ["effective_from", "published_at", "qualified_by", "sha256"]
    related = ["program"]
    ordering = ["-version"]


@register(Program)
class ProgramAdmin(StepAdmin, KeptAdmin):
    of_program = "pk"
    form = ProgramForm
    # When companies are called is changed by a step of its own: what is open follows.
    exclude = ["calls_from", "calls_until", "sla_calling_hours", "second_look_percent"]
    steps = [CALLING, SIGNING]
    change_form_outer_before_template = "admin/referrals/program/calling.html"
    when_empty = "Load a program file to begin."
    list_display = ["name", "slug", "host", status, "currency", "time_zone", "people_needed"]
    list_filter = ["status", "host"]
    list_select_related = ["host"]
    search_fields = ["^slug", "^name"]
    autocomplete_fields = ["host"]
    fixed = ["host", "slug", "currency", "time_zone"]
    formfield_overrides = {models.URLField: {"assume_scheme": "https"}}
    inlines = [TermsInline]

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """The page of a program: when it calls and who signs, in a sentence each, and what can be changed."""
        program = self.get_queryset(request).filter(pk=object_id).first() if object_id.isdecimal() else None
        shown: dict[str, Any] = {}
        if program is not None:
            sentence = calling_hours.sentence(program, at=timezone.now())
            shown = {"calling": sentence, "signing": signing_sentence(program)}
            shown["buttons"] = self.buttons(program, request.user)
        return super().change_view(request, object_id, form_url, {**(extra_context or {}), **shown})


@register(CallOutcome)
class CallOutcomeAdmin(KeptAdmin):
    of_program = "program"
    form = CallOutcomeForm
    list_display = ["code", "program", "label", "connected", "final", "retry_after_hours", "in_use"]
    list_filter = ["program", "in_use"]
    list_select_related = ["program"]
    search_fields = ["^code", "^label"]
    ordering = ["program", "position"]
    # How an outcome counts is the program file's; here it is worded.
    readonly_fields = ["program", "position", "code", "connected", "final", "retry_after_hours", "in_use"]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False


@register(ShareText)
class ShareTextAdmin(Admin):
    of_program = "program"
    form = ShareTextForm
    list_display = ["program", "language", "channel", "position", "text"]
    list_filter = ["program", "language", "channel"]
    list_select_related = ["program"]
    search_fields = ["program__slug__exact"]
    autocomplete_fields = ["program"]
    ordering = ["program", "position"]
    fixed = ["program"]
