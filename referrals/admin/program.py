"""Programs, and what belongs to a program rather than to a version of its terms."""

from typing import Any, ClassVar

from django import forms
from django.db import models
from django.http import HttpRequest

from payouts.rules.program_document import schema
from payouts.rules.program_document.keys import Keys
from payouts.rules.program_document.problems import Place
from referrals.admin.base import Admin, KeptAdmin, ReadOnlyInline, register
from referrals.admin.columns import status
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
class ProgramAdmin(KeptAdmin):
    form = ProgramForm
    when_empty = "Load a program file to begin."
    list_display = ["name", "slug", "host", status, "currency", "time_zone", "people_needed"]
    list_filter = ["status", "host"]
    list_select_related = ["host"]
    search_fields = ["^slug", "^name"]
    autocomplete_fields = ["host"]
    fixed = ["host", "slug", "currency", "time_zone"]
    formfield_overrides = {models.URLField: {"assume_scheme": "https"}}
    inlines = [TermsInline]


@register(CallOutcome)
class CallOutcomeAdmin(KeptAdmin):
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
    form = ShareTextForm
    list_display = ["program", "language", "channel", "position", "text"]
    list_filter = ["program", "language", "channel"]
    list_select_related = ["program"]
    search_fields = ["program__slug__exact"]
    autocomplete_fields = ["program"]
    ordering = ["program", "position"]
    fixed = ["program"]
