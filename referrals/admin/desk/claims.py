"""Who has a company: taking it, giving it back, taking it over, and asking for the next one."""

from datetime import datetime
from typing import Any, cast

from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.db.models import FilteredRelation, Q, QuerySet
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.views.decorators.http import require_POST

from referrals import first_decider, reviews, scopes
from referrals.admin.steps import CONFLICT, ReasonForm, Step, StepAdmin
from referrals.models import ReferredAccount, Review
from referrals.rules.lifecycle import AccountStatus
from referrals.rules.row_numbers import row_number

DECIDE = "referrals.decide_referredaccount"
REOPEN = "referrals.reopen_referredaccount"


def with_review(accounts: QuerySet[ReferredAccount]) -> QuerySet[ReferredAccount]:
    """Accounts with their open review and who holds it; of all reviews of an account at most one is open."""
    is_open = FilteredRelation("reviews", condition=Q(reviews__closed_at__isnull=True))
    joined = ["open_review__holder"]
    return accounts.annotate(open_review=is_open).select_related(*joined)


def review_of(account: ReferredAccount) -> Review | None:
    """The open review of an account that was read with ``with_review``."""
    # Django leaves the attribute out where the join finds nothing.
    return getattr(account, "open_review", None)


def holds(account: ReferredAccount, user: User, *, at: datetime) -> bool:
    """This person has the company now."""
    review = review_of(account)
    return review is not None and reviews.is_held(review, at=at) and review.holder_id == user.pk


def is_open(account: ReferredAccount) -> bool:
    """It waits for somebody to decide."""
    in_review = account.status == AccountStatus.IN_REVIEW and account.pending_decision_id is None
    return in_review and review_of(account) is not None


def _decided_first(account: ReferredAccount, user: User) -> str | None:
    """Why nobody who refused a company takes it after an appeal."""
    # Before anybody has reopened it there was no appeal, and nothing to ask.
    if review_of(account) is None or not account.review_round:
        return None
    return first_decider.why_not(account) if first_decider.is_appealed(account, user) else None


def _take(account: ReferredAccount, by: User, at: datetime, told: dict[str, Any]) -> str:
    review = cast(Review, review_of(account))
    reviews.claim(review, by, at=at)
    return f"{account} is yours."


def _take_over(account: ReferredAccount, by: User, at: datetime, told: dict[str, Any]) -> str:
    review = cast(Review, review_of(account))
    reviews.take_over(review, by, reason=told["reason"], at=at)
    return f"You have {account} now; {review.holder or 'nobody'} had it."


def _not_the_holder(account: ReferredAccount, user: User) -> str | None:
    review = review_of(account)
    return None if review is not None and review.holder_id == user.pk else f"You do not have {account}."


def _release(account: ReferredAccount, by: User, at: datetime, told: dict[str, Any]) -> str:
    reviews.release(cast(Review, review_of(account)), by)
    return f"You have given {account} back."


CLAIMS = [
    Step(
        "take",
        verb="Take it",
        explains="You have the company for half an hour, and longer while its page is open.",
        permissions=[DECIDE],
        take=_take,
        is_offered=is_open,
        why_not=_decided_first,
        is_next=True,
        then="review",
    ),
    Step(
        "take_over",
        verb="Take over",
        explains="You have the company; whoever has it now can store nothing more about it.",
        permissions=[REOPEN],
        take=_take_over,
        is_offered=is_open,
        why_not=_decided_first,
        form=ReasonForm,
        then="review",
    ),
    Step(
        "release",
        verb="Release",
        explains="Nobody has the company any more: the next caller gets it.",
        permissions=[DECIDE],
        take=_release,
        is_offered=is_open,
        why_not=_not_the_holder,
        then="review",
    ),
]


class ClaimAdmin(StepAdmin):
    """Referred accounts of which callers take one after the other."""

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        own = [
            path("reviews/next/", view(self.next_view), name=self.address_name("next")),
            path("<int:pk>/renew/", view(require_POST(self.renew_view)), name=self.address_name("renew")),
        ]
        return [*own, *super().get_urls()]

    def next_view(self, request: HttpRequest) -> HttpResponse:
        """Take the next company and show it; without one, the queue says when the next one opens."""
        if not self.has_view_permission(request) or not request.user.has_perm(DECIDE):
            raise PermissionDenied
        if request.method != "POST":
            # Whoever had to log in anew comes back here; nothing is taken by looking.
            return redirect(self.queue_address())
        after = row_number(request.POST.get("after", ""))
        left = None if after is None else ReferredAccount.objects.filter(pk=after).first()
        return redirect(self.claim_next(request, at=timezone.now(), after=left))

    def renew_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Hold on to a company while its page is open: asked for by the page itself."""
        if not request.user.has_perm(DECIDE):
            raise PermissionDenied
        now = timezone.now()
        mine = scopes.within(Review.objects.order_by("-round"), cast(User, request.user))
        review = get_object_or_404(mine, account=pk, closed_at__isnull=True)
        try:
            reviews.renew(review, cast(User, request.user), at=now)
        except reviews.LeaseOver as over:
            return JsonResponse({"told": str(over)}, status=CONFLICT)
        return JsonResponse({"seconds": int(reviews.LEASE.total_seconds())})

    def claim_next(self, request: HttpRequest, *, at: datetime, after: ReferredAccount | None = None) -> str:
        """The address of the next company, which is taken; of the queue if there is none."""
        review = reviews.claim_next(cast(User, request.user), at=at, after=after)
        if review is not None:
            return self.address("review", review.account)
        self.message_user(request, f"Nobody can be called now. {when_next(cast(User, request.user), at)}")
        return self.queue_address()

    def queue_address(self) -> str:
        return reverse(f"admin:{self.address_name('reviews')}")


def when_next(person: User, at: datetime) -> str:
    """When there is something to do again for this person, in words."""
    opens_at = reviews.next_opening(person, at=at)
    if opens_at is None:
        return "No other company waits for a call."
    return f"The next company can be called from {opens_at:%a %b} {opens_at.day}, {opens_at:%H:%M} UTC."
