"""What visitors meet: links that lead on, the hosted sign-up page, and a kind word where nothing is."""

import re
import secrets
from collections.abc import Callable, Mapping
from datetime import datetime
from decimal import Decimal
from functools import wraps
from http.cookies import Morsel
from typing import Any
from urllib.parse import urlencode

from babel.numbers import format_currency
from django.conf import settings
from django.db import Error, InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone
from django.views import View
from django.views.decorators.http import require_http_methods, require_safe

from payouts.models import Reward
from referrals import clicks, intake, links
from referrals.forms import SignUpForm
from referrals.models import Program, Terms
from referrals.rules import money
from referrals.rules.identity import registrable_domain
from referrals.rules.landing import HANDED_ON, landing_host
from referrals.rules.words import Asked, Beneficiary, CriterionSource, TestKind

VISITOR = "visitor"
"""The cookie by which we know a visitor again: a random id, nothing else."""
VISITOR_ID = re.compile(r"[A-Za-z0-9_-]{22}")
NOT_KEPT = {"Cache-Control": "no-store", "X-Robots-Tag": "noindex"}


class OpenLink(View):
    """A referral link: counts the click and leads to the program's landing page, or to our own."""

    def get(self, request: HttpRequest, slug: str) -> HttpResponse:
        at = timezone.now()
        try:
            target = clicks.targets.of(slug.rstrip("/"), at=at)
        except Error:
            return _away(request)
        if target is None:
            return _nowhere(request, at=at)
        if target.address and target.host != request.get_host().lower():
            address = target.address
        else:
            address = f"{reverse('links:join', args=[target.program])}?{urlencode({HANDED_ON: target.link})}"
        response = HttpResponseRedirect(address, headers=NOT_KEPT)
        if request.method == "GET":
            self.record(request, response, target, at=at)
        return response

    def record(
        self, request: HttpRequest, response: HttpResponse, target: links.Target, *, at: datetime
    ) -> None:
        """Count the click, and know the visitor again unless the browser says that this is not wanted."""
        visitor = ""
        if "1" not in (request.META.get("HTTP_SEC_GPC"), request.META.get("HTTP_DNT")):
            visitor = _visitor(request) or secrets.token_urlsafe(16)
            response.cookies[VISITOR] = _cookie(visitor, seconds=target.remembered_seconds)
        clicks.waiting.add(links.Opened(target.link_id, visitor, at))


def on_offer(view: Callable[..., HttpResponse]) -> Callable[[HttpRequest, str], HttpResponse]:
    """Show a page of a program that takes in sign-ups; of any other there is none."""

    @wraps(view)
    def page(request: HttpRequest, program: str) -> HttpResponse:
        now = timezone.now()
        try:
            row = Program.objects.filter(slug=program).select_related("host").order_by("pk").first()
            terms = links.terms_for_sign_up(row, at=now) if row else None
            return view(request, row, terms, now=now) if terms else _nowhere(request, at=now)
        except intake.ProgramNotActive:
            return _nowhere(request, at=now)
        except (OperationalError, InterfaceError):
            return _away(request)

    return page


@require_http_methods(["GET", "HEAD", "POST"])
@on_offer
def join(request: HttpRequest, program: Program, terms: Terms, *, now: datetime) -> HttpResponse:
    """The hosted sign-up page of a program."""
    came_by = _link_in_force(request, program, at=now)
    code = request.GET.get("code", "")[:64]
    form = SignUpForm(
        request.POST if request.method == "POST" else None,
        program=program,
        terms=terms,
        at=now,
        came_by=came_by,
        initial={"code": code or came_by},
    )
    thanks = redirect("links:thank_you", program=program.slug)
    if request.method == "POST" and form.is_a_bots:
        return thanks
    if form.is_valid():
        # The links that this visitor opened a moment ago.
        clicks.waiting.flush()
        # Who takes away the code that was filled in was not brought by anybody.
        removed = bool(form.initial["code"]) and not form.cleaned_data["code"]
        told = form.told(visitor="" if removed else _visitor(request))
        intake.sign_up(program, told=told, told_at=now)
        return thanks
    context = {
        "us": _us(program),
        "form": form,
        "benefits": [_in_words(reward) for reward in _benefits(terms)],
        "kind": terms.referred_kind,
        "we_call": _we_call(terms),
        "brought": bool(form.initial["code"]),
    }
    return _page(request, "join", context)


@require_safe
@on_offer
def thank_you(request: HttpRequest, program: Program, terms: Terms, *, now: datetime) -> HttpResponse:
    """What happens next: the same for everybody, whether we knew the company or not."""
    return _page(request, "thank_you", {"us": _us(program), "we_call": _we_call(terms)})


def _link_in_force(request: HttpRequest, program: Program, *, at: datetime) -> str:
    """The link in the address of the page, if it leads to this program; else ''."""
    target = clicks.targets.of(request.GET.get(HANDED_ON, ""), at=at)
    return target.link if target and target.program == program.slug else ""


def _cookie(visitor: str, *, seconds: int) -> Morsel[str]:
    """What Django's ``set_cookie`` makes, at half its price: it was the dearest part of counting a click."""
    cookie: Morsel[str] = Morsel()
    cookie.set(VISITOR, visitor, visitor)
    secure = settings.SESSION_COOKIE_SECURE
    attributes: dict[str, Any] = {"max-age": seconds, "secure": secure, "httponly": True}
    cookie.update(attributes | {"path": "/", "samesite": "Lax"})
    return cookie


def _visitor(request: HttpRequest) -> str:
    found = request.COOKIES.get(VISITOR, "")
    return found if VISITOR_ID.fullmatch(found) else ""


def _us(program: Program) -> str:
    """By what visitors know us: the domain of the landing page, else the name of the product."""
    return registrable_domain(landing_host(program.landing_url)) or program.host.name


def _we_call(terms: Terms) -> bool:
    """Do staff ask every company something?"""
    return terms.criteria.filter(source=CriterionSource.STAFF, asked=Asked.ALWAYS).exists()


def _benefits(terms: Terms) -> list[Reward]:
    rows = Reward.objects.filter(terms=terms, beneficiary=Beneficiary.REFERRED).select_related("terms")
    return list(rows.prefetch_related("requires__milestone__tests"))


def _in_words(reward: Reward) -> dict[str, object]:
    """What a template needs to say what the referred account gets."""
    amount = ""
    if reward.amount_minor is not None:
        currency = reward.terms.currency
        amount = format_currency(
            Decimal(money.to_text(reward.amount_minor, currency)), currency, locale="en_US"
        )
    conditions = [
        milestone.label
        for milestone in (required.milestone for required in reward.requires.all())
        if any(test.kind != TestKind.SIGNED_UP for test in milestone.tests.all())
    ]
    return {
        "kind": reward.kind,
        "amount": amount,
        "months": reward.quantity,
        "product": reward.product.replace("_", " "),
        "condition": " · ".join(conditions),
    }


def _nowhere(request: HttpRequest, *, at: datetime) -> HttpResponse:
    """One answer for what never was, has ended or is not open: nobody learns which."""
    offers = [{"us": _us(program), "program": program} for program in links.open_programs(at=at)]
    context = {"offers": offers}
    return _page(request, "nowhere", context, status=404)


def _away(request: HttpRequest) -> HttpResponse:
    """The database is away; what this process knows of links goes on working."""
    response = _page(request, "away", {}, status=503)
    response["Retry-After"] = "10"
    return response


def _page(
    request: HttpRequest, name: str, context: Mapping[str, object], *, status: int = 200
) -> HttpResponse:
    content = render_to_string(f"links/{name}.html", dict(context), request)
    return HttpResponse(content, status=status, headers=NOT_KEPT)
