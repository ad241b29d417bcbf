"""Closed months: what is to be done before one is closed, what it held, and what changed since."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any, cast

from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone

from payouts import closing
from payouts.admin.books.forms import ProgramForm
from payouts.closing import Unsettled
from payouts.models import ClosedBalance, HostSpend, MonthClose
from referrals.admin.base import PartOfAnother, ReadOnlyAdmin, display, register
from referrals.admin.columns import amount_of, found_at, grouped, person_at
from referrals.admin.steps import CONFLICT, ReasonForm, Step, StepAdmin
from referrals.models import Program, Proposal
from referrals.rules.refusal import Refused

CLOSE = "payouts.close_monthclose"
TAKEN_BACK_SHOWN = 50

WORDS = {
    "open_batches": ("Batches are not paid yet", "Pay or void them."),
    "unknown_payouts": ("Nobody knows whether payouts arrived", "Ask the provider, then say so."),
    "overdue": ("Bonuses are overdue", "The next run pays them; look why it has not."),
    "waiting": (
        "Bonuses are overdue and wait",
        "On hold, or for their company or a minimum. The month can be closed.",
    ),
}
"""What is to be done, and how."""

debits = amount_of("debits_minor", label="debits")
credits = amount_of("credits_minor", label="credits")


def _propose_reopening(closed: MonthClose, by: User, at: datetime, told: dict[str, Any]) -> str:
    proposal = closing.propose_reopening(closed, by=by, at=at, reason=told["reason"])
    return f"Proposal {proposal.pk} waits for another person; {closed} stays closed until then."


def _is_last(closed: MonthClose) -> bool:
    standing = MonthClose.objects.standing().filter(program=closed.program_id)
    return closed.reopened_at is None and not standing.filter(month__gt=closed.month).exists()


def _is_proposed(closed: MonthClose, user: User) -> str | None:
    asked = closing.open_proposals("reopen_month", target=closed.pk).first()
    return f"Proposal {asked.pk} to open it again waits for another person." if asked else None


@register(MonthClose)
class MonthCloseAdmin(StepAdmin, ReadOnlyAdmin):
    of_program = "program"
    when_empty = "A month appears here once two people have closed it."
    list_display = [
        "month",
        "program",
        "state",
        "closed_at",
        person_at("closed_by"),
        person_at("confirmed_by"),
    ]
    list_filter = ["program"]
    list_select_related = ["program", "closed_by", "confirmed_by"]
    ordering = ["-month", "-pk"]
    change_form_outer_before_template = "admin/payouts/monthclose/closed.html"
    steps = [
        Step(
            "reopen",
            verb="Open again",
            explains="Another person confirms it. From then on, transfers can be posted into the month.",
            permissions=[CLOSE],
            take=_propose_reopening,
            is_offered=_is_last,
            why_not=_is_proposed,
            form=ReasonForm,
        ),
    ]

    @display(description="state")
    def state(self, closed: MonthClose) -> str:
        return "✓ closed" if closed.reopened_at is None else "↩ opened again"

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.months_view)
        return [path("months/", view, name=self.address_name("months")), *super().get_urls()]

    def months_view(self, request: HttpRequest) -> HttpResponse:
        """The month of a program that is closed next, and the closed ones; POST proposes to close it."""
        posted = request.method == "POST"
        if not self.has_view_permission(request) or (posted and not request.user.has_perm(CLOSE)):
            raise PermissionDenied
        user, now = cast(User, request.user), timezone.now()
        form = ProgramForm(request.POST if posted else request.GET.dict(), person=user, now=now)
        program, refusal = form.chosen, ""
        month = closing.next_month(program) if program else None
        if posted and program and month:
            try:
                told = _proposed(program, month, asked=request.POST, by=user, at=now)
            except Refused as refused:
                refusal = str(refused)
            else:
                self.message_user(request, told)
                return redirect(reverse("admin:payouts_monthclose_months", query={"program": program.pk}))
        found = closing.unsettled(program, month) if program and month else []
        context = {
            **self.admin_site.each_context(request),
            "title": "Months",
            "form": form,
            "program": program,
            "month": month,
            "is_over": program and month and now >= closing.end_of(program, month),
            "unsettled": [_in_words(each, program, month) for each in found] if program and month else [],
            "seen": _seen(found),
            "is_blocked": any(each.blocks for each in found),
            "proposal": program and month and _open_proposal(program, month),
            "closes": user.has_perm(CLOSE),
            "closed": self._closed(request, program),
            "refusal": refusal,
        }
        status = CONFLICT if refusal else 200
        return TemplateResponse(request, "admin/payouts/monthclose/months.html", context, status=status)

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """The page of a closed month: what it held, what changed since, and opening it again."""
        rows = self.get_queryset(request).select_related(*self.list_select_related)
        closed = rows.filter(pk=object_id).first() if object_id.isdecimal() else None
        shown = _page(closed) if closed else {}
        shown["buttons"] = closed and self.buttons(closed, request.user)
        return super().change_view(request, object_id, form_url, {**(extra_context or {}), **shown})

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """All that there is to say stands above, in words."""
        return []

    def _closed(self, request: HttpRequest, program: Program | None) -> QuerySet[MonthClose]:
        rows = self.get_queryset(request).filter(program=program)
        people = ["closed_by", "confirmed_by", "reopened_by", "reopening_confirmed_by"]
        return cast("QuerySet[MonthClose]", rows.select_related(*people).order_by("-month", "-pk"))


@register(ClosedBalance)
class ClosedBalanceAdmin(PartOfAnother):
    of_program = "close__program"
    list_display = ["kind", "close", "currency", debits, credits]
    list_filter = ["close__program", "kind"]
    list_select_related = ["close"]
    exclude = ["debits_minor", "credits_minor"]
    readonly_fields = [debits, credits]


@register(HostSpend)
class HostSpendAdmin(PartOfAnother):
    of_program = "spend__enrollment__program"
    when_empty = "What the host's software pays from balances appears here with its own ids."
    list_display = ["key", "client", found_at("spend.service", label="service")]
    list_filter = ["spend__enrollment__program"]
    list_select_related = ["client", "spend"]
    search_fields = ["key__exact"]
    exclude = ["told_sha256"]


def _proposed(program: Program, month: date, *, asked: Mapping[str, Any], by: User, at: datetime) -> str:
    """Propose what the page showed: this month, with what was to be done in it."""
    found = closing.unsettled(program, month)
    if (asked.get("month"), asked.get("seen")) != (month.isoformat(), _seen(found)):
        raise closing.NotTheNextMonth("This is no longer what you looked at. Nothing was done: look again.")
    proposal = closing.propose_closing(program, month=month, by=by, at=at)
    return f"Proposal {proposal.pk} waits for another person; {month:%B %Y} stays open until then."


def _open_proposal(program: Program, month: date) -> Proposal | None:
    asked = closing.open_proposals("close_month", target=program.pk).filter(arguments__month=f"{month:%Y-%m}")
    return asked.select_related("proposed_by").first()


def _seen(found: list[Unsettled]) -> str:
    """What the person at the button looked at."""
    return " ".join(f"{each.code}.{each.count}.{each.amount_minor}" for each in found)


def _in_words(each: Unsettled, program: Program, month: date) -> dict[str, Any]:
    what, how = WORDS[each.code]
    ends_at = closing.end_of(program, month)
    lists: dict[str, tuple[str, dict[str, str | int]]] = {
        "open_batches": (
            "payoutbatch",
            {"id__in": ",".join(f"{batch.pk}" for batch in closing.open_batches(program, month))},
        ),
        "unknown_payouts": (
            "payout",
            {
                "enrollment__program__id__exact": program.pk,
                "status__in": ",".join(closing.NOT_KNOWN),
                "created_at__lt": ends_at.isoformat(),
            },
        ),
    }
    left: dict[str, str | int] = {"left": f"{each.code}.{program.pk}.{month:%Y-%m}"}
    model, asked = lists.get(each.code, ("bonus", left))
    return {
        "what": what,
        "how": how,
        "count": each.count,
        "amount": f"{program.currency} {grouped(each.amount_minor, program.currency)}",
        "blocks": each.blocks,
        "address": reverse(f"admin:payouts_{model}_changelist", query=asked),
    }


def _page(closed: MonthClose) -> dict[str, Any]:
    taken_back = closing.taken_back_since(closed).select_related("bonus__account").order_by("posted_at", "pk")
    return {
        "closed": closed,
        "balances": closed.balances.order_by("currency", "pk"),
        "differences": closing.differences(closed),
        "is_as_closed": closing.is_as_closed(closed),
        "taken_back": taken_back[:TAKEN_BACK_SHOWN],
    }
