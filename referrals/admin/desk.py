"""The call desk: the queue of reviews, the page on which one is done, and the steps around a decision."""

from datetime import datetime
from typing import Any, cast
from urllib.parse import urlencode

from django import forms
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db.models import Count, OuterRef, Q, Subquery
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils import timezone

from payouts import reversals
from referrals import proposals, qualification, reviews
from referrals.admin import queue, review_form
from referrals.admin.base import SEE_CONTACT, ReadOnlyAdmin
from referrals.admin.claims import (
    CLAIMS,
    DECIDE,
    REOPEN,
    ClaimAdmin,
    is_open,
    review_of,
    when_next,
    with_review,
)
from referrals.admin.review_form import ReviewForm
from referrals.admin.steps import CONFLICT, ReasonForm, Step
from referrals.filters import ReviewFilter
from referrals.models import CallOutcome, Criterion, Decision, ReferredAccount, Review
from referrals.rules.lifecycle import CLOSED, AccountStatus
from referrals.rules.refusal import Refused
from referrals.rules.words import CriterionSource, Result

READ_NOTES = "referrals.view_note"


class WaiverForm(ReasonForm):
    """Which check shall not count."""

    criterion = forms.ChoiceField(label="Check", widget=forms.Select(attrs={"class": "staff-input"}))
    field_order = ["criterion", "reason"]

    def look_at(self, row: ReferredAccount) -> None:
        named = [(c.code, c.question or c.code.replace("_", " ")) for c in row.terms.criteria.all()]
        cast(forms.ChoiceField, self.fields["criterion"]).choices = named


def _undo(account: ReferredAccount, by: User, at: datetime, told: dict[str, Any]) -> str:
    qualification.undo(account, by=by, at=at)
    return f"The decision about {account} is undone: it is in review again."


def _not_the_decider(account: ReferredAccount, user: User) -> str | None:
    decision = account.pending_decision
    if decision is None or decision.decided_by_id == user.pk or user.has_perm(REOPEN):
        return None
    return f"{decision.decided_by} decided this: only the same person or a senior undoes it."


def _reopen(account: ReferredAccount, by: User, at: datetime, told: dict[str, Any]) -> str:
    qualification.reopen(account, by=by, at=at, note=told["reason"])
    return f"{account} is in review again."


def _stays_closed(account: ReferredAccount, user: User) -> str | None:
    reason = account.rejection_reason
    return None if reason is None or reason.reopenable else f"It stays closed: {reason.internal_text}"


def _revoke(account: ReferredAccount, by: User, at: datetime, told: dict[str, Any]) -> str:
    """Revoke; where a bonus rests on the qualification, propose it to a second person."""
    reason = told["reason"]
    try:
        reversals.revoke(account, by=by, at=at, reason=reason)
    except reversals.SecondPersonNeeded:
        asked = {"reason": reason}
        proposal = proposals.propose("revoke", target=str(account.pk), arguments=asked, by=by, at=at)
        return f"A bonus rests on {account}: proposal {proposal.pk} waits for another person to confirm it."
    return f"The qualification of {account} is revoked: it is in review again."


def _waive(account: ReferredAccount, by: User, at: datetime, told: dict[str, Any]) -> str:
    asked = {"criterion": told["criterion"], "note": told["reason"]}
    proposal = proposals.propose("waive", target=str(account.pk), arguments=asked, by=by, at=at)
    return f"Proposal {proposal.pk} waits for a senior to confirm it."


STEPS = [
    Step(
        "undo",
        verb="Undo",
        explains="The decision does not take effect; the account is in review again.",
        permissions=[DECIDE],
        take=_undo,
        is_offered=lambda account: account.pending_decision_id is not None,
        why_not=_not_the_decider,
        then="review",
    ),
    Step(
        "reopen",
        verb="Reopen",
        explains="The account is in review again and expires no more; its history stays.",
        permissions=[REOPEN],
        take=_reopen,
        is_offered=lambda account: account.status in CLOSED,
        why_not=_stays_closed,
        form=ReasonForm,
        then="review",
    ),
    Step(
        "revoke",
        verb="Revoke",
        explains="The account is in review again; unpaid bonuses wait. Once there is a bonus,"
        " a second person confirms.",
        permissions=[REOPEN],
        take=_revoke,
        is_offered=lambda account: account.status == AccountStatus.QUALIFIED,
        form=ReasonForm,
        then="review",
    ),
    Step(
        "waive",
        verb="Waive a check",
        explains="Once a senior confirms, the check no longer counts against this account.",
        permissions=[DECIDE],
        take=_waive,
        is_offered=lambda account: (
            account.status == AccountStatus.IN_REVIEW and account.pending_decision_id is None
        ),
        form=WaiverForm,
        then="review",
    ),
]


class DeskAdmin(ClaimAdmin, ReadOnlyAdmin):
    """Referred accounts with the pages of the call desk."""

    steps = [*STEPS, *CLAIMS]

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        own = [
            path("reviews/", view(self.reviews_view), name=self.address_name("reviews")),
            path("<int:pk>/review/", view(self.review_view), name=self.address_name("review")),
        ]
        return [*own, *super().get_urls()]

    def reviews_view(self, request: HttpRequest) -> HttpResponse:
        """The queue: a tab of it, filtered and searched."""
        if not self.has_view_permission(request) or not request.user.has_perm(DECIDE):
            raise PermissionDenied
        now, user = timezone.now(), cast(User, request.user)
        asked = ReviewFilter(request.GET, queryset=Review.objects.all(), request=request, now=now)
        tabs = {tab.code: tab for tab in [*queue.TABS, queue.DECIDED]}
        tab = tabs.get(request.GET.get("tab", ""), queue.TO_CALL)
        counts = queue.counts(asked.qs, user, as_of=now)
        paginator = Paginator(queue.rows(asked.qs, tab, user, as_of=now), self.list_per_page)
        # Counted above with all the others.
        paginator.count = counts[tab.code]
        page = paginator.get_page(request.GET.get("page"))
        context = self._context(
            request,
            title="Reviews",
            page=page,
            lines=queue.lines(page, as_of=now, decided=tab is queue.DECIDED),
            tab=tab,
            tabs=[(each, counts[code]) for code, each in tabs.items()],
            asked=asked,
            to_call=None if asked.is_narrowed else counts[queue.TO_CALL.code],
            when_next="" if page.object_list else when_next(now),
            now=now,
            undoable=self._undoable(request, now),
        )
        return TemplateResponse(request, "admin/referrals/referredaccount/reviews.html", context)

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
        context = self._context(request, title=str(account), refusals=refusals, **shown)
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
            "undoable": [other for other in self._undoable(request, now) if other.pk != account.pk],
        }

    def _undoable(self, request: HttpRequest, now: datetime) -> list[ReferredAccount]:
        return list(queue.undoable(cast(User, request.user), as_of=now)[:3])

    def _context(self, request: HttpRequest, **shown: Any) -> dict[str, Any]:
        return {**self.admin_site.each_context(request), **shown}


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
