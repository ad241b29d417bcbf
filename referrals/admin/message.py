"""Mails that were written: to whom, what, whether they are sent, and what went wrong."""

from datetime import datetime
from typing import Any, cast

from django.contrib.auth.models import User
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from referrals import escalation, messages
from referrals.admin.base import ReadOnlyAdmin, SimpleListFilter, display, register, section
from referrals.admin.steps import Step, StepsOnTop
from referrals.models import Message
from referrals.rules.refusal import Refused

STATES = {
    "waiting": ("Waits to be sent", Q(sent_at__isnull=True, tries__lt=messages.MOST_TRIES)),
    "given_up": ("Could not be sent", messages.GIVEN_UP),
    "sent": ("Sent", Q(sent_at__isnull=False)),
}


class AlreadySent(Refused):
    """Nothing is left to try."""

    code = "already_sent"


class StateFilter(SimpleListFilter):
    """What became of a mail."""

    title = "state"
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(code, label) for code, (label, _) in STATES.items()]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        chosen = STATES.get(self.value() or "")
        return queryset.filter(chosen[1]) if chosen else queryset


def _try_again(message: Message, by: User, at: datetime, told: dict[str, Any]) -> str:
    if not messages.try_again(message):
        raise AlreadySent("This mail is sent by now.")
    return "The mail is sent within a minute, if the server takes it; it has five tries again."


@register(Message)
class MessageAdmin(StepsOnTop, ReadOnlyAdmin):
    contact = ["address"]
    when_empty = "A mail appears here when something is told to somebody: companies over their SLA to leads."
    list_before_template = "admin/referrals/message/mails.html"
    list_display = ["subject", "state", "address", "written_at", "sent_at", "tries"]
    list_filter = [StateFilter, "kind"]
    search_fields = ["^address", "subject"]
    fieldsets = [
        section(None, "subject", "recipient", "address", "as_written"),
        section("Sending", "state", ("written_at", "sent_at"), ("tries", "claimed_at"), "error"),
    ]
    steps = [
        Step(
            "try_again",
            verb="Try again",
            explains="The mail is sent within a minute, if the server takes it.",
            permissions=["referrals.change_jobrun"],
            take=_try_again,
            is_offered=lambda message: message.sent_at is None and message.tries > 0,
        )
    ]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Message]:
        return super().get_queryset(request) & messages.seen_by(cast(User, request.user))

    @display(description="state")
    def state(self, message: Message) -> str:
        if message.sent_at is not None:
            return "✓ sent" if messages.is_server_set() else "✓ shown in the log"
        if message.tries >= messages.MOST_TRIES:
            return "✗ could not be sent"
        return f"… tried {message.tries} of {messages.MOST_TRIES} times" if message.tries else "○ waits"

    @display(description="text")
    def as_written(self, message: Message) -> SafeString:
        return format_html('<div class="staff-mail">{}</div>', message.text)

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        shown: dict[str, Any] = {"title": "Mails"}
        if self.has_view_permission(request):
            shown["is_server_set"] = messages.is_server_set()
            shown["can_be_sent"] = messages.can_be_sent()
            shown["untold"] = escalation.untold(as_of=timezone.now())
        return super().changelist_view(request, {**shown, **(extra_context or {})})
