"""*Refer a client*: what a referrer sees of each program, and the two steps: join it, withdraw."""

from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.contrib.auth.models import User
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from payouts import own_withdrawals, statements
from payouts.forms import PeriodForm, WithdrawalForm
from payouts.statements import period, standing, tax_form
from payouts.statements.paging import page_number
from payouts.statements.standing import Standing
from payouts.templatetags.refer import money as money_filter
from referrals import enrollment, exports
from referrals.models import Enrollment, Program, Referrer
from referrals.rules.lifecycle import EnrollmentStatus
from referrals.rules.refusal import Refused
from referrals.rules.words import ProgramStatus
from referrals.rules.zones import first_instant

NOT_WITHDRAWN = {
    "not_withdrawable": "This balance is for services: it cannot be withdrawn.",
    "below_withdrawal_minimum": "That is less than the least that can be withdrawn: {least}.",
    "insufficient_balance": "That is more than there is.",
    "wrong_field": "Write an amount above zero.",
}
"""Why nothing was withdrawn, in the words of the referrer's page."""

SENT_NEXT = {
    True: "We send it to you next.",
    False: "Tell support where to send it.",
}
"""What happens to it, by whether somebody has confirmed where it is sent."""

TOOK_PART = {EnrollmentStatus.ACTIVE, EnrollmentStatus.SUSPENDED, EnrollmentStatus.CLOSED}


class LoggedIn(HttpRequest):
    """A request of somebody who is logged in."""

    user: User


@require_safe
@never_cache
@login_required
def page(request: LoggedIn, program: str = "") -> HttpResponse:
    """A program of the referrer who is logged in: the first, or the one that the address names."""
    mine = statements.enrollments_of(request.user)
    if not mine and not program:
        referrer = Referrer.objects.filter(user=request.user).first()
        return render(request, "refer/nothing.html", without_program(referrer))
    programs = [(each, reverse("refer:program", args=[each.program.slug])) for each in mine]
    return render(request, "refer/page.html", page_of(request, mine, program=program, programs=programs))


def page_of(
    request: HttpRequest, mine: list[Enrollment], *, program: str, programs: list[tuple[Enrollment, str]]
) -> dict[str, Any]:
    """
    What the page of a referrer shows, whoever looks at it.

    :param mine: where the referrer takes part or is invited
    :param program: the slug of one of these, or '' for the first
    :param programs: the same with the address that each is shown at
    :raises Http404: if the referrer has no such program, or it has no terms yet
    """
    now = timezone.now()
    shown = next((each for each in mine if program in ("", each.program.slug)), None)
    terms = statements.terms_shown(shown, at=now) if shown else None
    if shown is None or terms is None:
        raise Http404
    offers = statements.offers_of(shown)
    context: dict[str, Any] = {
        "programs": programs,
        "enrollment": shown,
        "program": shown.program,
        "terms": terms,
        "offers": offers.get(terms.pk, []),
        "stands": standing.of(shown, terms=terms, at=now),
        "link": _address_of(request, shown),
        "can_withdraw": any(offer.reward.withdrawable for offer in offers.get(terms.pk, [])),
    }
    if shown.status in TOOK_PART:
        context["tax_form"] = tax_form.notice(shown, at=now)
        context["statement"] = statements.statement(
            shown,
            terms=terms,
            offers=offers,
            as_of=now,
            accounts=page_number(request.GET.get("accounts", "")),
            history=page_number(request.GET.get("history", "")),
        )
    return context


@require_POST
@login_required
def join(request: LoggedIn, program: str) -> HttpResponse:
    """Take part in a program, or accept its invitation."""
    referrer = get_object_or_404(Referrer, user=request.user)
    wanted = get_object_or_404(
        Program.objects.exclude(status=ProgramStatus.DRAFT), host=referrer.host_id, slug=program
    )
    invited = Enrollment.objects.filter(
        referrer=referrer, program=wanted, status=EnrollmentStatus.INVITED
    ).exists()
    try:
        enrollment.enroll(referrer, program=wanted, at=timezone.now(), invited=invited)
    except Refused:
        # What the reason is, the page says in the referrer's words.
        messages.error(request, "You cannot take part at the moment.")
        return redirect("refer:program", program=wanted.slug) if invited else redirect("refer:page")
    messages.success(request, "You take part. Your link and code are ready.")
    return redirect("refer:program", program=wanted.slug)


@require_safe
@never_cache
@login_required
def statement(request: LoggedIn, program: str) -> HttpResponseBase:
    """What the referrer had, what came and went, what is there; or a file: ``format=csv``, ``xlsx``."""
    mine = _taking_part(request, program)
    return statement_of(request, mine, "refer/statement.html", is_masked=True)


def statement_of(
    request: HttpRequest, mine: Enrollment, template: str, *, is_masked: bool, **shown: Any
) -> HttpResponseBase:
    """
    The statement of a referrer over the days that the address asks for, whoever looks at it.

    :param is_masked: companies by their first letter and legal form
    """
    form = PeriodForm(request.GET.dict(), program=mine.program, now=timezone.now())
    first, last = form.days
    zone = ZoneInfo(mine.program.time_zone)
    asked: Any = {
        "begins": first_instant(first, zone),
        "ends": first_instant(last + timedelta(days=1), zone),
        "is_masked": is_masked,
    }
    if (wanted := request.GET.get("format", "")) in exports.TABLES:
        rows = period.rows(mine, days=(first, last), **asked)
        name = f"statement-{mine.program.slug}-{first}-{last}"
        return exports.as_table(wanted, name, period.headings(mine), rows)
    context = {
        "enrollment": mine,
        "program": mine.program,
        "form": form,
        "first_day": first,
        "last_day": last,
        "asked": urlencode({"since": first.isoformat(), "until": last.isoformat()}),
        "formats": exports.TABLES,
        "statement": period.of_enrollment(mine, number=page_number(request.GET.get("page", "")), **asked),
    }
    return render(request, template, {**context, **shown})


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@login_required
def withdraw(request: LoggedIn, program: str) -> HttpResponse:
    """Take money out of the balance: what there is, how much, and what happens next."""
    mine = _taking_part(request, program)
    there = own_withdrawals.look_at(mine)
    form = WithdrawalForm(request.POST if request.method == "POST" else None, there=there)
    if form.is_valid():
        amount_minor, seen_minor = form.cleaned_data["amount"], form.cleaned_data["seen"]
        try:
            own_withdrawals.ask(mine, amount_minor=amount_minor, seen_minor=seen_minor, at=timezone.now())
        except Refused as refusal:
            least = money_filter(there.minimum_minor, there.currency)
            form.add_error(None, NOT_WITHDRAWN.get(refusal.code, str(refusal)).replace("{least}", least))
        else:
            shown = money_filter(amount_minor, there.currency)
            messages.success(request, f"{shown} left your balance. {SENT_NEXT[there.has_destination]}")
            return redirect("refer:program", program=mine.program.slug)
    context = {"enrollment": mine, "program": mine.program, "there": there, "form": form}
    context["tax_form"] = tax_form.notice(mine, at=timezone.now())
    status = 409 if form.non_field_errors() else 200
    return render(request, "refer/withdraw.html", context, status=status)


def _taking_part(request: LoggedIn, program: str) -> Enrollment:
    """Where the referrer takes part; nobody else's, and no mere invitation."""
    mine = statements.enrollments_of(request.user)
    found = next((each for each in mine if each.program.slug == program and each.status in TOOK_PART), None)
    if found is None:
        raise Http404
    return found


def without_program(referrer: Referrer | None) -> dict[str, Any]:
    """What somebody is told who takes part in nothing, or is no referrer at all."""
    offers = standing.offers(referrer, at=timezone.now()) if referrer else []
    return {"referrer": referrer, "offers": offers, "can_join": Standing.CAN_JOIN}


def _address_of(request: HttpRequest, enrollment: Enrollment) -> str:
    """The whole address of the link; '' for somebody who has none."""
    slug = enrollment.link  # type: ignore[attr-defined]
    return request.build_absolute_uri(reverse("links:open", args=[slug])) if slug else ""
