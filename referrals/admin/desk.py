"""The review page: evidence, checklist and decision, and the steps around it."""

from datetime import datetime
from typing import Any, cast
from urllib.parse import urlencode

from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.db.models import Count, OuterRef, Q, Subquery
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils import timezone

from referrals import reviews
from referrals.admin import review_form
from referrals.admin.base import SEE_CONTACT
from referrals.admin.claims import (
    CLAIMS,
    DECIDE,
    is_open,
    review_of,
    with_review,
)
from referrals.admin.decision_steps import DECISION_STEPS
from referrals.admin.queue_page import QueuePage
from referrals.admin.review_form import ReviewForm
from referrals.admin.steps import CONFLICT
from referrals.models import CallOutcome, Criterion, Decision, ReferredAccount
from referrals.rules.lifecycle import AccountStatus
from referrals.rules.refusal import Refused
from referrals.rules.words import CriterionSource, Result

READ_NOTES = "referrals.view_note"


class DeskAdmin(QueuePage):
    """Referred accounts with the pages of the call desk."""

    steps = [*DECISION_STEPS, *CLAIMS]

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        own = [
            path("<int:pk>/review/", view(self.review_view), name=self.address_name("review")),
        ]
        return [*own, *super().get_urls()]

    def review_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Evidence beside the checklist; on POST, keep what was filled in."""
        posted = request.method == "POST"
        if not self.has_view_permission(request) or (posted and not request.user.has_perm(DECIDE)):
            raise PermissionDenied
        account, now = self.load(request, pk), timezone.now()
        if posted and "take_again" in request.POST:
            return self._take_again(request, account, now)
        form = ReviewForm(
            request.POST if posted else None, account=account, initial=request.GET.dict(), now=now
        )
        if posted and form.is_valid():
            try:
                decision = review_form.store(account, form, by=cast(User, request.user), at=now)
            except Refused as refusal:
                form.add_error(None, str(refusal))
                # What was stored meanwhile is shown with the refusal: the next press may rest on it.
                account = self.load(request, pk)
                form.look_again(account)
            else:
                return redirect(self._after(request, account, form, decision, as_of=now))
        return self._review_page(
            request, account, form, now, [str(error) for error in form.non_field_errors()]
        )

    def _take_again(self, request: HttpRequest, account: ReferredAccount, now: datetime) -> HttpResponse:
        """Take a company whose lease is over, and go on with what was typed."""
        review, refusals = review_of(account), []
        try:
            if review is None:
                raise reviews.ReviewClosed(f"{account} is not in review any more.")
            reviews.claim(review, cast(User, request.user), at=now)
        except Refused as refusal:
            refusals = [str(refusal)]
        account = self.load(request, account.pk)
        typed = review_form.typed(request.POST)
        form = ReviewForm(None, account=account, initial=typed, now=now)
        return self._review_page(request, account, form, now, refusals)

    def _review_page(
        self,
        request: HttpRequest,
        account: ReferredAccount,
        form: ReviewForm,
        now: datetime,
        refusals: list[str],
    ) -> HttpResponse:
        shown = self._evidence(request, account, form, now)
        context = self.context(request, title=str(account), refusals=refusals, **shown)
        page = "admin/referrals/referredaccount/review.html"
        status = CONFLICT if refusals or form.errors else 200
        return TemplateResponse(request, page, context, status=status)

    def for_review(self, request: HttpRequest) -> Any:
        """Accounts with all that the review page and its buttons speak of."""
        joined = ["program", "terms", "rejection_reason", "enrollment__referrer"]
        joined += ["pending_decision__decided_by", "pending_decision__reason"]
        brought = (
            ReferredAccount.objects.filter(enrollment=OuterRef("enrollment")).order_by().values("enrollment")
        )
        accounts = review_form.with_version(self.get_queryset(request)).annotate(
            brought=Subquery(brought.annotate(count=Count("pk")).values("count")),
            brought_qualified=Subquery(
                brought.annotate(count=Count("pk", filter=Q(status=AccountStatus.QUALIFIED))).values("count")
            ),
        )
        return with_review(accounts.select_related(*joined)).prefetch_related("terms__criteria")

    def load(self, request: HttpRequest, pk: int) -> Any:
        return get_object_or_404(self.for_review(request), pk=pk)

    def _after(
        self,
        request: HttpRequest,
        account: ReferredAccount,
        form: ReviewForm,
        decision: Decision | None,
        *,
        as_of: datetime,
    ) -> str:
        """Say what is now true; where to go on."""
        outcome = next((row for row in form.outcomes if row.code == form.cleaned_data["outcome"]), None)
        if decision is not None and decision.takes_effect_at <= as_of:
            self.message_user(request, f"{account} is {decision.get_result_display().lower()}.")
        if outcome is not None:
            self.message_user(request, f"{account}: {outcome.label}. {_what_follows(account, form, outcome)}")
            if outcome.final:
                answers = {code: "yes" if yes else "no" for code, yes in form.answers.items()}
                return f"{self.address('review', account)}?{urlencode(answers)}"
        return self.claim_next(request, at=as_of, after=account)

    def _evidence(
        self, request: HttpRequest, account: ReferredAccount, form: ReviewForm, now: datetime
    ) -> dict[str, Any]:
        """What the review page shows of an account."""
        user, review = request.user, review_of(account)
        holder = review.holder if review is not None and reviews.is_held(review, at=now) else None
        is_mine = holder == user
        buttons = {button.step.name: button for button in self.buttons(account, user)}
        claims = {step.name: buttons.pop(step.name, None) for step in CLAIMS}
        return {
            "account": account,
            "form": form,
            "is_open": is_open(account),
            "may_decide": user.has_perm(DECIDE),
            "review": review,
            "is_held": holder is not None,
            "is_mine": is_mine,
            "claims": claims,
            "take_over": [claims["take_over"]] if claims["take_over"] else [],
            "there": now.astimezone(reviews.zone_of_company(account)),
            "sees_contact": is_mine and user.has_perm(SEE_CONTACT),
            "checks": _checks(form),
            "calls": account.calls.select_related("outcome", "called_by").order_by("-pk"),
            "notes": account.notes.select_related("written_by") if user.has_perm(READ_NOTES) else [],
            "now": now,
            "buttons": list(buttons.values()),
            "undoable": [other for other in self.undoable(request, now) if other.pk != account.pk],
        }


def _checks(form: ReviewForm) -> list[tuple[Criterion, str, bool]]:
    """The latest result of each automatic check, and whether it is good."""
    good = {Result.PASS, Result.WAIVED}
    return [
        (criterion, row.get_result_display(), row.result in good)
        for criterion, row in form.results.items()
        if criterion.source == CriterionSource.AUTOMATIC
    ]


def _what_follows(account: ReferredAccount, form: ReviewForm, outcome: CallOutcome) -> str:
    """What happens after the result of a call, and when."""
    call_back_at = form.cleaned_data["call_back_at"]
    if call_back_at is None:
        return outcome.next_step
    zone = reviews.zone_of_company(account)
    there = call_back_at.astimezone(zone)
    return f"They are called back on {there:%a %b} {there.day} at {there:%H:%M}, their time ({zone.key})."
