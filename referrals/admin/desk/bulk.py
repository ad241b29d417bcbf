"""
What is done to many companies at once: a page that shows to whom, and who drops out and why, then the step.

The answer to the step tells each company's result. Sent again, it does nothing more: what is done drops out.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from typing import Any, cast

from django import forms
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils import timezone

from payouts import giving_up
from referrals import assignments, bulk
from referrals.admin.desk.assigning import PersonChoice
from referrals.admin.desk.claims import DECIDE, ClaimAdmin
from referrals.admin.desk.review_form import OTHER
from referrals.admin.desk.saved_view import query_of
from referrals.admin.steps import CONFLICT
from referrals.models import Decision, Review
from referrals.names import of_person
from referrals.rules.refusal import Refused
from referrals.rules.row_numbers import row_number

LEAD = "referrals.lead_referredaccount"
BULK_DECIDE = "referrals.bulkdecide_referredaccount"
AT_ONCE = 50
"""As many as stand on a page of the queue."""
SELECT = {"class": "staff-input"}
BUSINESS_DAYS = "business_days"
"""Beside what was typed: of terms, the business days after which they give somebody up."""

Told = dict[str, Any]


class NothingAsked(forms.Form):
    """There is nothing to say about it."""

    def __init__(self, data: Any, *, found: Sequence[Review]) -> None:
        super().__init__(data)


class PersonForm(forms.Form):
    """Whose work it shall be."""

    to = PersonChoice(
        queryset=User.objects.none(), label="Assign to", widget=forms.Select(SELECT), empty_label="Choose"
    )

    def __init__(self, data: Any, *, found: Sequence[Review]) -> None:
        super().__init__(data)
        programs = {review.program_id for review in found}
        cast(forms.ModelChoiceField, self.fields["to"]).queryset = assignments.people_of(programs)


class RefusalForm(forms.Form):
    """One reason for all."""

    reason = forms.ChoiceField(label="One reason for all", widget=forms.Select(SELECT))
    note = forms.CharField(
        label="Internal note, kept with each", max_length=500, required=False, widget=forms.TextInput(SELECT)
    )

    def __init__(self, data: Any, *, found: Sequence[Review]) -> None:
        super().__init__(data)
        offered = [(reason.code, reason.internal_text) for reason in bulk.reasons_of(found)]
        cast(forms.ChoiceField, self.fields["reason"]).choices = [("", "Choose"), *offered]

    def clean(self) -> dict[str, Any]:
        told = self.cleaned_data
        if told.get("reason") == OTHER and not told.get("note"):
            self.add_error("note", "This reason says nothing by itself: write what it is.")
        return told


@dataclass(frozen=True, slots=True)
class Action:
    """What can be done to many companies at once."""

    code: str
    label: str
    explains: str
    permission: str
    take: Callable[[Review, User, datetime, Told], str]
    """Does it to one company, and returns what is now true."""
    why_not: Callable[[Review, User, datetime, Told], str]
    """Why a company drops out; '': it does not."""
    form: type[NothingAsked | PersonForm | RefusalForm] = NothingAsked


def _release(review: Review, by: User, at: datetime, told: Told) -> str:
    return f"Given back; {bulk.release(review, by=by, at=at)} had it."


def _assign(review: Review, by: User, at: datetime, told: Told) -> str:
    assigned = assignments.assign(Review.objects.filter(pk=review.pk), told["to"], by=by, at=at)
    if not assigned.count:
        raise bulk.DropsOut("It waits for nobody any more.")
    goes_on = f" {of_person(assigned.held[0].holder)} goes on with it first." if assigned.held else ""
    return f"It is {of_person(told['to'])}'s work now.{goes_on}"


def _why_not_assigned(review: Review, by: User, at: datetime, told: Told) -> str:
    if review.closed_at is not None or review.account.pending_decision_id is not None:
        return "It waits for nobody any more."
    to = told.get("to")
    return (
        f"It is {of_person(to)}'s work already." if to is not None and review.assigned_to_id == to.pk else ""
    )


def _refuse(review: Review, by: User, at: datetime, told: Told) -> str:
    return _decided(bulk.refuse(review, reason=told["reason"], note=told["note"], by=by, at=at))


def _mark_unreachable(review: Review, by: User, at: datetime, told: Told) -> str:
    return _decided(bulk.mark_unreachable(review, by=by, at=at, business_days=told[BUSINESS_DAYS]))


def _decided(decision: Decision) -> str:
    if decision.takes_effect_at <= decision.decided_at:
        return "Not qualified."
    return (
        f"Not qualified. Takes effect at {decision.takes_effect_at:%H:%M} UTC; until then it can be undone."
    )


ACTIONS = [
    Action(
        "release",
        label="Release",
        explains="Nobody has these companies any more: the next caller gets them. What their holders have"
        " typed and not stored stays on their page.",
        permission=DECIDE,
        take=_release,
        why_not=lambda review, by, at, told: bulk.why_not_released(review, by, at=at),
    ),
    Action(
        "unreachable",
        label="Mark unreachable",
        explains="These companies are not qualified, for the reason that their program names: they were"
        " called as often and for as long as it says, each time in vain. It can be undone, and reopened"
        " later.",
        permission=DECIDE,
        take=_mark_unreachable,
        why_not=lambda review, by, at, told: bulk.why_not_unreachable(
            review, by, at=at, business_days=told[BUSINESS_DAYS]
        ),
    ),
    Action(
        "assign",
        label="Assign",
        explains="These companies come first when that person asks for the next one, and are served to"
        " nobody else.",
        permission=LEAD,
        take=_assign,
        why_not=_why_not_assigned,
        form=PersonForm,
    ),
    Action(
        "refuse",
        label="Not qualified",
        explains="Each of these companies is refused for the same reason, and each decision can be undone.",
        permission=BULK_DECIDE,
        take=_refuse,
        why_not=lambda review, by, at, told: bulk.why_not_refused(
            review, by, reason=told.get("reason", ""), at=at
        ),
        form=RefusalForm,
    ),
]


@dataclass(slots=True)
class Row:
    """A company that was chosen, and what becomes of it."""

    review: Review
    why_not: str = ""
    done: str = ""


@dataclass(slots=True)
class Preview:
    """What will be done, what was done, and what drops out."""

    rows: list[Row] = field(default_factory=list)

    @property
    def going(self) -> list[Row]:
        return [row for row in self.rows if not row.why_not]

    @property
    def dropped(self) -> list[Row]:
        return [row for row in self.rows if row.why_not]


class BulkAdmin(ClaimAdmin):
    """Referred accounts to many of which the same can be done."""

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.bulk_view)
        return [path("reviews/bulk/", view, name=self.address_name("bulk")), *super().get_urls()]

    def bulk_view(self, request: HttpRequest) -> HttpResponse:
        """Show what will be done to what was chosen; confirmed, do it and tell each result."""
        if not self.has_view_permission(request) or not request.user.has_perm(DECIDE):
            raise PermissionDenied
        back = f"{self.queue_address()}?{query_of(QueryDict(request.POST.get('back', '')))}"
        action = next((each for each in ACTIONS if each.code == request.POST.get("action")), None)
        # Confirmed is what the page said that it is done to.
        field = "going" if "confirmed" in request.POST else "chosen"
        typed = (row_number(text) for text in request.POST.getlist(field)[:AT_ONCE])
        numbers = [number for number in typed if number is not None]
        if action is None or not numbers:
            if request.method == "POST":
                self.message_user(request, "Nothing was done: choose companies first, by their boxes.")
            return redirect(back)
        if not request.user.has_perm(action.permission):
            raise PermissionDenied
        return self._chosen_page(request, action, numbers, back)

    def _chosen_page(
        self, request: HttpRequest, action: Action, numbers: list[int], back: str
    ) -> HttpResponse:
        now, user = timezone.now(), cast(User, request.user)
        found = list(bulk.chosen(numbers, user))
        is_asked = "confirmed" in request.POST or "look" in request.POST
        form = action.form(request.POST if is_asked else None, found=found)
        # What is still to be chosen, such as a reason, lets nobody drop out yet.
        is_known = not form.fields or (is_asked and form.is_valid())
        told = form.cleaned_data if is_asked and form.is_valid() else {}
        preview = Preview([Row(review) for review in found])
        is_done = is_known and "confirmed" in request.POST and (not form.fields or bool(told))
        # Asked for once for all companies of the same terms.
        told = {**told, BUSINESS_DAYS: cache(giving_up.business_days_of)}
        for row in preview.rows if is_known else []:
            if is_done:
                _take(row, action, by=user, at=now, told=told)
            else:
                row.why_not = action.why_not(row.review, user, now, told)
        shown = {
            "title": f"{action.label}: {len(found)} {'company' if len(found) == 1 else 'companies'}",
            "action": action,
            "form": form,
            "preview": preview,
            "is_known": is_known,
            "is_done": is_done,
            "back": back,
            "view": back.partition("?")[2],
        }
        page = "admin/desk/bulk.html"
        status = CONFLICT if form.errors else 200
        return TemplateResponse(
            request, page, {**self.admin_site.each_context(request), **shown}, status=status
        )


def open_to(user: Any) -> list[Action]:
    """What this person may do to many companies at once."""
    return [action for action in ACTIONS if user.has_perm(action.permission)]


def _take(row: Row, action: Action, *, by: User, at: datetime, told: Told) -> None:
    row.why_not = action.why_not(row.review, by, at, told)
    if row.why_not:
        return
    try:
        row.done = action.take(row.review, by, at, told)
    except Refused as refusal:
        row.why_not = str(refusal)
