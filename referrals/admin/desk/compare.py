"""Two companies side by side: what is the same, what differs, and what somebody who looked says."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils import timezone

from referrals import likeness, reviews
from referrals.admin.base import SEE_CONTACT
from referrals.admin.desk import alike
from referrals.admin.desk.claims import CLAIMS, DECIDE, REOPEN, holds, is_open, review_of, with_review
from referrals.admin.desk.queue_page import QueuePage
from referrals.admin.steps import CONFLICT, Button
from referrals.likeness import Company
from referrals.models import Comparison, ExistingCustomer, ReferredAccount, Review
from referrals.names import of_person
from referrals.rules.identity import LOOK_ALIKE_FROM, name_likeness
from referrals.rules.lifecycle import AccountStatus
from referrals.rules.refusal import Refused
from referrals.rules.words import Verdict

HIDDEN = "not shown to you"
NOT_TOLD, SAME, ALIKE, DIFFERENT = "- not told", "= same", "≈ alike", "≠ different"


@dataclass(frozen=True, slots=True)
class Line:
    """One thing that is compared."""

    label: str
    one: str
    other: str
    told: str
    """Sign and word; '' where there is nothing to compare."""


class ComparePage(QueuePage):
    """Referred accounts with the pages on which two companies are compared."""

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        own = [
            path("<int:pk>/compare/", view(self.compare_view), name=self.address_name("compare")),
            path(
                "<int:pk>/compare/<str:kind>/<int:other>/",
                view(self.comparison_view),
                name=self.address_name("comparison"),
            ),
        ]
        return [*own, *super().get_urls()]

    def compare_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Find a company that somebody named on the phone, to compare it."""
        user = self._who_compares(request)
        account = self._compared_account(request, pk)
        text, compared = request.GET.get("q", ""), likeness.compared_with(account)
        found = likeness.search(account, text, seen_by=user)
        as_found = (likeness.beside(account, each) for each in found)
        shown = {
            "title": f"Compare {account}",
            "account": account,
            "text": text,
            "found": [alike.line(account, each, compared.get(each.known, "")) for each in as_found],
            "alike": []
            if text
            else alike.lines(
                account, likeness.look_alikes(account, compared=compared, seen_by=user), compared
            ),
        }
        page = "admin/desk/compare.html"
        return TemplateResponse(request, page, self.context(request, **shown))

    def comparison_view(self, request: HttpRequest, pk: int, kind: str, other: int) -> HttpResponse:
        """Show two companies side by side; on POST, keep whether they are one."""
        user = self._who_compares(request)
        account, now = self._compared_account(request, pk), timezone.now()
        company, refusals = self._other(request, account, kind, other), []
        if request.method == "POST":
            if request.POST.get("verdict") not in Verdict.values():
                refusals = ["Press one of the two buttons: same company, or different company."]
            else:
                verdict = Verdict(request.POST["verdict"])
                try:
                    likeness.say(account, company, verdict=verdict, by=user, at=now)
                except Refused as refusal:
                    refusals = [str(refusal)]
                else:
                    told = "the same company" if verdict is Verdict.SAME else "different companies"
                    self.message_user(request, f"{account} and {alike.name_of(company)} are {told}.")
                    return redirect(request.path)
        return self._comparison_page(request, account, company, now, refusals)

    def _comparison_page(
        self,
        request: HttpRequest,
        account: ReferredAccount,
        company: Company,
        now: datetime,
        refusals: list[str],
    ) -> HttpResponse:
        user = cast(User, request.user)
        history = _history(account, company)
        shown = {
            "title": f"{account} and {alike.name_of(company)}",
            "account": account,
            "other": company,
            "other_name": alike.name_of(company),
            "is_what": alike.what_it_is(company),
            "lines": _lines(account, company, _reaches(account, company, user, now)),
            "buttons": self._taking(account, user, now) or self._taking_other(company, user, now),
            "why_not": _why_not_said(account, company, user, now),
            "history": history,
            "latest": history[0].verdict if history else "",
            "refusals": refusals,
        }
        page = "admin/desk/comparison.html"
        status = CONFLICT if refusals else 200
        return TemplateResponse(request, page, self.context(request, **shown), status=status)

    def _taking(self, account: ReferredAccount, user: User, now: datetime) -> list[Button]:
        """The step by which this person comes to have the company; without it nobody says what it is."""
        if not is_open(account) or holds(account, user, at=now):
            return []
        wanted = "take_over" if reviews.is_held(cast(Review, review_of(account)), at=now) else "take"
        steps = [step for step in CLAIMS if step.name == wanted and step.is_open_to(user)]
        return [
            self.button(step, account, user, step.make_form(account, auto_id=f"{step.name}_%s"))
            for step in steps
        ]

    def _taking_other(self, other: Company, user: User, now: datetime) -> list[Button]:
        """The same for the other one, if it is in review, too; a senior need not have it."""
        needs_none = isinstance(other, ExistingCustomer) or user.has_perm(REOPEN)
        return [] if needs_none else self._taking(cast(ReferredAccount, other), user, now)

    def _who_compares(self, request: HttpRequest) -> User:
        if not self.has_view_permission(request) or not request.user.has_perm(DECIDE):
            raise PermissionDenied
        return cast(User, request.user)

    def _compared_account(self, request: HttpRequest, pk: int) -> ReferredAccount:
        joined = ["program", "enrollment__referrer"]
        found: ReferredAccount = get_object_or_404(
            with_review(self.get_queryset(request)).select_related(*joined), pk=pk
        )
        return found

    def _other(self, request: HttpRequest, account: ReferredAccount, kind: str, other: int) -> Company:
        if kind == likeness.ACCOUNT and other != account.pk:
            found = self._compared_account(request, other)
            if found.program.host_id == account.program.host_id:
                return found
        if kind == likeness.CUSTOMER:
            return get_object_or_404(ExistingCustomer, pk=other, host=account.program.host_id)
        raise Http404


def _reaches(account: ReferredAccount, other: Company, user: User, now: datetime) -> tuple[bool, bool]:
    """
    May this person see how somebody at the one, and at the other, is reached?

    Whoever does not have the company that is compared sees neither: they would tell of each other.
    """
    if not user.has_perm(SEE_CONTACT) or not holds(account, user, at=now):
        return False, False
    is_account = isinstance(other, ReferredAccount)
    in_review = is_account and cast(ReferredAccount, other).status == AccountStatus.IN_REVIEW
    return True, not in_review or holds(cast(ReferredAccount, other), user, at=now)


def _why_not_said(account: ReferredAccount, other: Company, user: User, now: datetime) -> str:
    """Why this person cannot say now whether the two are one; empty: it can be said."""
    if not likeness.may_say(account, other, user):
        return "None of the two is in review: a senior says whether they are one company."
    if why_not := _why_not_had(account, user, now):
        return why_not
    needs_none = isinstance(other, ExistingCustomer) or user.has_perm(REOPEN)
    return "" if needs_none else _why_not_had(cast(ReferredAccount, other), user, now)


def _why_not_had(account: ReferredAccount, user: User, now: datetime) -> str:
    """Why this person cannot say what a company is; empty: the person has it, or nobody needs to."""
    review = review_of(account)
    if review is None or holds(account, user, at=now):
        return ""
    if account.pending_decision_id is not None:
        return f"{account} is decided about: undo the decision first."
    if reviews.is_held(review, at=now):
        return f"{of_person(review.holder)} has {account}, until {review.held_until:%H:%M} UTC, and says it."
    return f"Take {account} first: whoever has it says it."


def _lines(account: ReferredAccount, other: Company, reaches: tuple[bool, bool]) -> list[Line]:
    name = _compared("Name", alike.name_of(account), alike.name_of(other))
    if name.told == DIFFERENT and name_likeness(account.company_name, other.company_name) >= LOOK_ALIKE_FROM:
        name = Line(name.label, name.one, name.other, ALIKE)
    is_account = isinstance(other, ReferredAccount)
    of_accounts: dict[str, Any] = {
        label: getattr(other, field) if is_account else ""
        for label, field in [("Website", "website"), ("Country", "country")]
    }
    return [
        name,
        _compared("Domain", account.domain, other.domain),
        _reached("E-mail", (account.email, other.email), (account.email, other.email), reaches),
        _reached("Phone", (account.phone, other.phone), (account.phone_key, other.phone_key), reaches),
        _compared("Registration number", account.registration, other.registration),
        _compared("Website", account.website, of_accounts["Website"]),
        _compared("Country", account.country, of_accounts["Country"]),
        Line("Since", _since(account), _since(other), ""),
        Line("Referrer", _referrer(account), _referrer(other), ""),
        Line("Status", account.get_status_display(), _status(other), ""),
    ]


def _compared(label: str, one: str, other: str) -> Line:
    return Line(label, one or "-", other or "-", _told(one, other))


def _reached(label: str, texts: tuple[str, str], keys: tuple[str, str], reaches: tuple[bool, bool]) -> Line:
    """How somebody is reached: whether it is the same is told to everybody who compares."""
    one, other = (
        (text or "-") if may_see or not text else HIDDEN for text, may_see in zip(texts, reaches, strict=True)
    )
    return Line(label, one, other, _told(*keys))


def _told(one: str, other: str) -> str:
    if not one or not other:
        return NOT_TOLD
    return SAME if one.casefold().rstrip("/") == other.casefold().rstrip("/") else DIFFERENT


def _since(company: Company) -> str:
    if isinstance(company, ReferredAccount):
        return f"signed up {alike.day(company.signed_up_at)}"
    return alike.day(company.customer_since) if company.customer_since else "always"


def _referrer(company: Company) -> str:
    return str(company.enrollment.referrer) if isinstance(company, ReferredAccount) else "-"


def _status(company: Company) -> str:
    return company.get_status_display() if isinstance(company, ReferredAccount) else "Customer"


def _history(account: ReferredAccount, other: Company) -> list[Comparison]:
    """How often the two were compared, from whichever side; the latest first, which counts."""
    rows = Comparison.objects.select_related("compared_by").order_by("-pk")
    if isinstance(other, ExistingCustomer):
        return list(rows.filter(account=account, customer=other))
    return list(rows.filter(account=account, other=other) | rows.filter(account=other, other=account))
