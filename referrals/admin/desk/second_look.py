"""
Second looks: what waits for one, the blind page on which it is taken, and both decisions side by side.

The blind page holds what was known when the decision was taken, and nothing of the decision itself: neither
result nor reason, answers, person, nor what was written with it.
"""

from typing import Any, cast

from django import forms
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import URLPattern, path, reverse
from django.utils import timezone

from referrals import evidence, first_decider, scopes, second_looks
from referrals.admin.base import register
from referrals.admin.columns import found_at
from referrals.admin.desk.claims import REOPEN
from referrals.admin.desk.reports import LEAD, OF_PROGRAM, ReportPages
from referrals.admin.desk.review_form import RESULTS
from referrals.admin.steps import CONFLICT
from referrals.models import Call, CriterionResult, Decision, Note, ReferredAccount, SecondLook
from referrals.rules.lifecycle import CLOSED, AccountStatus
from referrals.rules.refusal import Refused
from referrals.rules.words import CriterionSource, Result

FORBIDDEN = 403
READ_NOTES = "referrals.view_note"
OF_A_CALL = "call"
"""What a note is about that was written with a call, before anybody decided."""
JOINED = [
    "looked_by",
    "reason",
    "decision__decided_by",
    "decision__reason",
    "decision__account__program",
    "decision__account__terms",
    "decision__account__enrollment__referrer",
    "decision__account__rejection_reason",
]


class LookForm(forms.Form):
    """What the second person decides: one of two buttons, and the reason of a refusal."""

    result = forms.ChoiceField(choices=RESULTS)
    reason = forms.ChoiceField(
        required=False,
        label="Reason for not qualified",
        widget=forms.Select(attrs={"class": "staff-input"}),
    )

    def __init__(self, data: Any = None, *, account: ReferredAccount) -> None:
        super().__init__(data)
        reasons = account.terms.rejection_reasons.all()
        named = [(reason.code, reason.internal_text) for reason in reasons]
        cast(forms.ChoiceField, self.fields["reason"]).choices = [("", "Reason"), *named]

    def clean(self) -> dict[str, Any]:
        told = self.cleaned_data
        if told.get("result") == AccountStatus.NOT_QUALIFIED and not told.get("reason"):
            self.add_error("reason", "Choose a reason: without one it is no decision.")
        return told


@register(SecondLook)
class SecondLookAdmin(ReportPages):
    """Its own pages; the stock list says which were drawn and which are taken, nothing of the decision."""

    when_empty = "Second looks are drawn once a day, of the decisions that took effect."
    of_program = OF_PROGRAM
    list_display = [found_at("decision.account", label="company"), "drawn_at", "looked_at", "looked_by"]
    list_filter = [OF_PROGRAM]
    list_select_related = ["decision__account", "looked_by"]
    search_fields = ["^decision__account__company_name"]
    exclude = ["decision", "result", "reason"]

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        own = [
            path("waiting/", view(self.waiting_view), name=self.address_name("waiting")),
            path("<int:pk>/look/", view(self.look_view), name=self.address_name("look")),
        ]
        return [*own, *super().get_urls()]

    def waiting_view(self, request: HttpRequest) -> HttpResponse:
        """What waits for a second look by this person."""
        user = cast(User, request.user)
        if not user.has_perm(REOPEN):
            raise PermissionDenied
        found = scopes.within(second_looks.waiting(user), user, OF_PROGRAM)
        paginator = Paginator(found.select_related("decision__account__program"), self.list_per_page)
        page = paginator.get_page(request.GET.get("page"))
        first = page.object_list[0] if page.object_list else None
        return self.shown(
            request, "waiting.html", title="Second looks", page=page, first=first, waiting=paginator.count
        )

    def look_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """The evidence without the decision; on POST, store the second one. Afterwards: both."""
        user, row = cast(User, request.user), self._load(request, pk)
        if not user.has_perm(REOPEN) and row.looked_at is None:
            raise PermissionDenied
        posted, refusals = request.method == "POST", []
        form = LookForm(request.POST if posted else None, account=row.decision.account)
        if posted and not user.has_perm(REOPEN):
            raise PermissionDenied
        if posted and form.is_valid():
            try:
                row = second_looks.look(row, **form.cleaned_data, by=user, at=timezone.now())
            except Refused as refusal:
                refusals = [str(refusal)]
                row = self._load(request, pk)
            else:
                self.message_user(request, "Your second look is stored; it has changed nothing.")
                return redirect(self.address("look", row))
        if row.looked_at is not None:
            return self._compared(request, row, refusals)
        try:
            first_decider.refuse_own(row.decision, user)
        except first_decider.FirstDecider as refusal:
            return self.shown(
                request, "not_yours.html", status=FORBIDDEN, title="Second look", refusals=[str(refusal)]
            )
        status = CONFLICT if posted else 200
        return self.shown(
            request, "look.html", status=status, form=form, refusals=refusals, **_blind(row.decision, user)
        )

    def _load(self, request: HttpRequest, pk: int) -> SecondLook:
        rows = scopes.within(SecondLook.objects.all(), cast(User, request.user), OF_PROGRAM)
        return get_object_or_404(rows.select_related(*JOINED), pk=pk)

    def _compared(self, request: HttpRequest, row: SecondLook, refusals: list[str]) -> HttpResponse:
        """Both decisions, for seniors, team leads and whoever took the first one."""
        user, account = cast(User, request.user), row.decision.account
        is_senior = user.has_perm(REOPEN)
        if not is_senior and not user.has_perm(LEAD) and row.decision.decided_by != user:
            raise PermissionDenied
        step = _step(account) if is_senior and not row.agrees else ""
        return self.shown(
            request,
            "compared.html",
            status=CONFLICT if refusals else 200,
            title=f"Second look: {account}",
            row=row,
            account=account,
            refusals=refusals,
            step=step,
            step_address=step and reverse(f"admin:referrals_referredaccount_{step}", args=[account.pk]),
            is_senior=is_senior,
        )


def _step(account: ReferredAccount) -> str:
    """The step by which a senior takes the decision back: *revoke* or *reopen*; empty: there is none."""
    if account.status == AccountStatus.QUALIFIED:
        return "revoke"
    reason = account.rejection_reason
    stays = reason is not None and not reason.reopenable
    return "reopen" if account.status in CLOSED and not stays else ""


def _blind(decision: Decision, user: User) -> dict[str, Any]:
    """What was known of an account when it was decided about, and nothing of the decision."""
    account = decision.account
    criteria = account.terms.criteria.all()
    return {
        "title": f"Second look: {account}",
        "account": account,
        "questions": [criterion for criterion in criteria if evidence.is_asked(criterion, account)],
        "checks": _checks(decision),
        "calls": _calls(decision),
        "notes": _notes(decision) if user.has_perm(READ_NOTES) else [],
    }


def _checks(decision: Decision) -> list[tuple[CriterionResult, bool]]:
    """The result of each automatic check at that time, and whether it is good."""
    found = CriterionResult.objects.filter(
        account=decision.account_id,
        decision__isnull=True,
        criterion__source=CriterionSource.AUTOMATIC,
        found_at__lte=decision.decided_at,
    )
    latest = {row.criterion_id: row for row in found.select_related("criterion").order_by("pk")}
    good = {Result.PASS, Result.WAIVED}
    return [(row, row.result in good) for row in latest.values()]


def _calls(decision: Decision) -> QuerySet[Call]:
    """The calls until then; not who made them, for it may be who decided."""
    made = decision.account.calls.filter(called_at__lte=decision.decided_at)
    return made.select_related("outcome").order_by("-pk")


def _notes(decision: Decision) -> QuerySet[Note]:
    """What was written with the calls before; what was written with a decision tells which."""
    return decision.account.notes.filter(about=OF_A_CALL, written_at__lt=decision.decided_at)
