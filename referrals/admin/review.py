"""The work of qualifying accounts: reviews, calls, decisions and notes."""

from typing import Any

from django.http import HttpRequest
from django.utils import timezone

from referrals.admin.base import Admin, EmptyFieldListFilter, ReadOnlyAdmin, register
from referrals.admin.columns import company, found_at
from referrals.models import Call, Decision, Note, Review

outcome = found_at("outcome.label", label="outcome")
reason = found_at("reason.internal_text", label="reason")
OF_THE_ACCOUNT = ["account__host_account__exact", "^account__company_name"]


@register(Review)
class ReviewAdmin(ReadOnlyAdmin):
    of_program = "program"
    list_display = [company, "round", "opened_at", "closed_at", "holder", "held_until", "call_back_at"]
    list_filter = ["account__program", ("closed_at", EmptyFieldListFilter)]
    list_select_related = ["account", "holder"]
    search_fields = OF_THE_ACCOUNT


@register(Call)
class CallAdmin(ReadOnlyAdmin):
    of_program = "account__program"
    list_display = [company, "called_at", outcome, "connected", "called_by", "round"]
    list_filter = ["connected", "account__program"]
    list_select_related = ["account", "outcome", "called_by"]
    search_fields = OF_THE_ACCOUNT


@register(Decision)
class DecisionAdmin(ReadOnlyAdmin):
    of_program = "account__program"
    list_display = [company, "result", reason, "decided_by", "decided_at", "takes_effect_at"]
    list_filter = ["result", "account__program"]
    list_select_related = ["account", "reason", "decided_by"]
    search_fields = OF_THE_ACCOUNT


@register(Note)
class NoteAdmin(Admin):
    """Unlike the trail beside them, notes may be changed and erased."""

    of_program = "account__program"
    list_display = [company, "about", "text", "written_by", "written_at"]
    list_select_related = ["account", "written_by"]
    search_fields = OF_THE_ACCOUNT
    autocomplete_fields = ["account"]
    fixed = ["account"]
    readonly_fields = ["written_by", "written_at"]

    def save_model(self, request: HttpRequest, obj: Note, form: Any, change: bool) -> None:  # noqa: FBT001
        if not change:
            obj.written_by_id, obj.written_at = request.user.pk, timezone.now()
        super().save_model(request, obj, form, change)
