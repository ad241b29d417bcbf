"""*Refer a client*: what a referrer sees of each program, and the one step there is, to join it."""

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.contrib.auth.models import User
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from payouts import statements
from payouts.statements import standing
from payouts.statements.standing import Standing
from referrals import enrollment
from referrals.models import Enrollment, Program, Referrer
from referrals.rules.lifecycle import EnrollmentStatus
from referrals.rules.refusal import Refused
from referrals.rules.words import ProgramStatus

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
    }
    if shown.status in TOOK_PART:
        context["statement"] = statements.statement(
            shown,
            terms=terms,
            offers=offers,
            as_of=now,
            accounts=_page_number(request, "accounts"),
            history=_page_number(request, "history"),
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


def without_program(referrer: Referrer | None) -> dict[str, Any]:
    """What somebody is told who takes part in nothing, or is no referrer at all."""
    offers = standing.offers(referrer, at=timezone.now()) if referrer else []
    return {"referrer": referrer, "offers": offers, "can_join": Standing.CAN_JOIN}


def _address_of(request: HttpRequest, enrollment: Enrollment) -> str:
    """The whole address of the link; '' for somebody who has none."""
    slug = enrollment.link  # type: ignore[attr-defined]
    return request.build_absolute_uri(reverse("links:open", args=[slug])) if slug else ""


def _page_number(request: HttpRequest, name: str) -> int:
    """The page that the address asks for; the first, if it asks for anything that is no page."""
    given = request.GET.get(name, "")
    return max(1, int(given)) if len(given) <= 5 and given.isascii() and given.isdigit() else 1
