"""The review page: evidence, checklist and decision, and the steps around it."""

from datetime import datetime
from typing import Any, cast

from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import Count, OuterRef, Prefetch, Q, Subquery, prefetch_related_objects
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils import timezone

from referrals import corrections, likeness, matches, reviews
from referrals.admin.base import SEE_CONTACT
from referrals.admin.desk import alike, call_facts, kept_answers, past, review_form
from referrals.admin.desk.assigning import ASSIGNING
from referrals.admin.desk.calling_days import with_calling_days
from referrals.admin.desk.claims import (
    CLAIMS,
    DECIDE,
    REOPEN,
    is_open,
    review_of,
    with_review,
)
from referrals.admin.desk.compare import ComparePage
from referrals.admin.desk.decision_steps import DECISION_STEPS
from referrals.admin.desk.evidence_steps import EVIDENCE_STEPS, as_shown_to, with_open_signals
from referrals.admin.desk.review_form import ReviewForm
from referrals.admin.steps import CONFLICT
from referrals.models import (
    Criterion,
    CriterionResult,
    Decision,
    ReferredAccount,
    Signal,
)
from referrals.rules.lifecycle import AccountStatus
from referrals.rules.refusal import Refused
from referrals.rules.words import AnswerSource, CriterionSource, Result, SignalKind

MATCH = SignalKind.SELF_REFERRAL
READ_NOTES = "referrals.view_note"

DECISIONS = Decision.objects.select_related("decided_by", "reason")


class DeskAdmin(ComparePage):
    """Referred accounts with the pages of the call desk."""

    steps = [*DECISION_STEPS, *EVIDENCE_STEPS, *CLAIMS, *ASSIGNING]

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
        if posted and "all_yes" in request.POST:
            return self._all_yes(request, account, now)
        initial = kept_answers.of_request(request, account)
        form = ReviewForm(request.POST if posted else None, account=account, initial=initial, now=now)
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

    def _all_yes(self, request: HttpRequest, account: ReferredAccount, now: datetime) -> HttpResponse:
        """Answer every question with yes, and go on with what was typed; nothing is stored."""
        refusals = []
        try:
            with transaction.atomic():
                reviews.refuse_without_lease(account, cast(User, request.user), at=now)
        except Refused as refusal:
            refusals = [str(refusal)]
        answered = {**review_form.typed(request.POST), **review_form.all_yes(account)}
        form = ReviewForm(None, account=account, initial=answered, now=now)
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
        page = "admin/desk/review.html"
        status = CONFLICT if refusals or form.errors else 200
        return TemplateResponse(request, page, context, status=status)

    def for_review(self, request: HttpRequest, pk: int) -> Any:
        """An account, as a set, with all that the review page and its buttons speak of."""
        # What few accounts have, or what takes one value of a row, is no join here: with twenty tables
        # PostgreSQL planned longer than it read.
        joined = ["program__host", "terms__calling", "enrollment__referrer"]
        # Answers were given for a decision and count for that one alone.
        known = CriterionResult.objects.filter(criterion=OuterRef("pk"), account=pk, decision__isnull=True)
        criteria = Criterion.objects.annotate(known=Subquery(known.order_by("-pk").values("result")[:1]))
        brought = (
            ReferredAccount.objects.filter(enrollment=OuterRef("enrollment")).order_by().values("enrollment")
        )
        signals = Signal.objects.filter(account__enrollment=OuterRef("enrollment")).order_by()
        rows = self.get_queryset(request).filter(pk=pk)
        accounts = with_open_signals(
            review_form.with_version(with_calling_days(rows), for_person=cast(User, request.user))
        ).annotate(
            brought=Subquery(brought.annotate(count=Count("pk")).values("count")),
            brought_qualified=Subquery(
                brought.annotate(count=Count("pk", filter=Q(status=AccountStatus.QUALIFIED))).values("count")
            ),
            brought_refused=Subquery(
                brought.annotate(count=Count("pk", filter=Q(status=AccountStatus.NOT_QUALIFIED))).values(
                    "count"
                )
            ),
            brought_signals=Subquery(
                signals.values("account__enrollment").annotate(count=Count("pk")).values("count")
            ),
        )
        found = likeness.with_origin(with_review(accounts.select_related(*joined)))
        pending = Prefetch("pending_decision", DECISIONS)
        return found.prefetch_related(Prefetch("terms__criteria", criteria), pending, "rejection_reason")

    def load(self, request: HttpRequest, pk: int) -> Any:
        account = get_object_or_404(self.for_review(request, pk))
        account.terms.program = account.program
        if review := review_of(account):
            prefetch_related_objects([review], Prefetch("appeal_of", DECISIONS))
        return account

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
            follows = call_facts.after_call(
                account, outcome, call_back_at=form.cleaned_data["call_back_at"], now=as_of
            )
            self.message_user(request, f"{account}: {outcome.label}. {follows}")
            if outcome.final:
                answers = {code: "yes" if yes else "no" for code, yes in form.answers.items()}
                answers |= {
                    f"{review_form.SOURCE}{code}": source
                    for code, source in form.sources.items()
                    if source != AnswerSource.CALL
                }
                kept = kept_answers.in_address(account, cast(User, request.user), answers)
                return f"{self.address('review', account)}{kept}"
        return self.claim_next(request, at=as_of, after=account)

    def _evidence(
        self, request: HttpRequest, account: ReferredAccount, form: ReviewForm, now: datetime
    ) -> dict[str, Any]:
        """What the review page shows of an account."""
        user, review = cast(User, request.user), review_of(account)
        holder = review.holder if review is not None and reviews.is_held(review, at=now) else None
        is_mine = holder == user
        sees_contact = is_mine and user.has_perm(SEE_CONTACT)
        before = past.of(
            account, seen_by=user, with_notes=user.has_perm(READ_NOTES), with_contact=sees_contact
        )
        found = likeness.look_alikes(account, compared=before.compared, seen_by=user)
        senior_first = account.signals_self_referral and not user.has_perm(REOPEN)  # type: ignore[attr-defined]
        claims_on_it = likeness.claims(account, found, compared=before.compared)
        buttons = {button.step.name: button for button in self.buttons(account, user)}
        claims = {step.name: buttons.pop(step.name, None) for step in CLAIMS}
        about_evidence = [buttons.pop(step.name, None) for step in EVIDENCE_STEPS]
        return {
            "account": account,
            "paused": [account.program],
            "form": form,
            "is_open": is_open(account),
            "may_decide": user.has_perm(DECIDE),
            "review": review,
            "is_held": holder is not None,
            "is_mine": is_mine,
            "claims": claims,
            "evidence_steps": [as_shown_to(user, button) for button in about_evidence if button is not None],
            "take_over": [claims["take_over"]] if claims["take_over"] else [],
            "there": now.astimezone(reviews.zone_of_company(account)),
            "sees_contact": sees_contact,
            "checks": _checks(form),
            "past": before,
            "alike": alike.lines(account, found, before.compared),
            "same_company": alike.claim_lines(account, claims_on_it),
            "passes_now": bool(before.corrections) and corrections.passes_now(account, form.known),
            "waits_for_senior": bool(before.open_signals) and not user.has_perm(REOPEN),
            "same_as_referrer": matches.of(account),
            "not_qualified_yet": [
                *(_settle_first(signal, user) for signal in before.open_signals if signal.title != MATCH),
                *([matches.why_senior_first(account)] if senior_first else []),
                *form.failed_checks(),
            ],
            "not_now": call_facts.why_not_now(account, review, form.hours, now=now),
            "tries": call_facts.tries(account, review),
            "phone": call_facts.in_groups(account.phone, account.country) if sees_contact else "",
            "now": now,
            "buttons": list(buttons.values()),
            "undoable": [other for other in self.undoable(request, now) if other.pk != account.pk],
        }


def _settle_first(signal: past.Row, user: User) -> str:
    """Why nobody qualifies an account about which somebody has told a signal."""
    if user.has_perm(REOPEN):
        return f"Settle the signal first: {signal.more}."
    return f"A senior looks first: {signal.more}."


def _checks(form: ReviewForm) -> list[tuple[Criterion, str, bool]]:
    """The latest result of each automatic check, and whether it is good."""
    good = {Result.PASS, Result.WAIVED}
    return [
        (criterion, Result(form.known[criterion.code]).label, form.known[criterion.code] in good)
        for criterion in form.criteria
        if criterion.source == CriterionSource.AUTOMATIC and criterion.code in form.known
    ]
