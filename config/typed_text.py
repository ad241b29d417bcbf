"""
What somebody typed outlives the log-in: a form that comes too late is given back, to be sent again.

One press after the log-in is enough for the person whose session it was: the form that is given back carries
a ticket. It is ours by its signature, and good for that person, that address and those fields, in the browser
that has the cookie set with it, and no longer than a session lasts. A log-in changes the usual token of every
form, so without a ticket the form comes back once more, and says who is logged in.
"""

import json
import re
from collections.abc import Callable
from hashlib import sha256
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.core import signing
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.cache import add_never_cache_headers
from django.utils.crypto import get_random_string
from django.views.decorators.http import require_safe

from config.responses import ADMIN

FORBIDDEN = 403
TICKET, COOKIE, TAKEN = "given_back_ticket", "given_back", "_was_given_back"
ANSWER = "answer_"
UNANSWERED = {"", "?"}
CHOSEN = {"outcome", "result", "reason", "verdict", "criterion", "kind", "call_back_preset"}
"""Fields in which one of some codes is chosen."""
CODE = re.compile("[A-Z]+(_[A-Z]+)*|[a-z]+(_[a-z]+)*")
TOKEN = "csrfmiddlewaretoken"  # noqa: S105  the name of a field
LOG_INS = {"login", "logout"}
OF_THE_FORM = ("_", "version", "seen", "source_", "chosen", "going", "confirmed", "back", "after")
"""How the names of fields begin that nobody has typed."""


class GivenBack:
    """
    Take a form that was given back, by its ticket; stands before the check of the usual token.

    Where anything of the ticket is not as it was given, that check decides as for every other form.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        answer = self.get_response(request)
        if getattr(request, TAKEN, False):
            # Once is enough.
            answer.delete_cookie(COOKIE, path=ADMIN, samesite="Strict")
        return answer

    def process_view(self, request: HttpRequest, view: Any, *arguments: Any) -> None:
        """Say that the check is done, for a form with a good ticket."""
        if request.method != "POST" or not request.path_info.startswith(ADMIN):
            return
        ticket = request.POST.get(TICKET, "")
        if not ticket or not request.user.is_authenticated or not _is_of_this_site(request):
            return
        if _whose(request, ticket) == str(request.user.pk):
            setattr(request, TAKEN, True)
            request.csrf_processing_done = True  # type: ignore[attr-defined]


class TypedText:
    """
    Give back what is posted to the admin by somebody whose session has ended.

    The way to the log-in, which the admin answers with, would lose it.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_view(self, request: HttpRequest, view: Any, *arguments: Any) -> HttpResponse | None:
        """Look at the form when it is known not to be forged: that check comes first."""
        return None if request.user.is_authenticated or not _is_worth_it(request) else _given_back(request)


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """Give back a form of an earlier session, whose token is no longer good; refuse one of another site."""
    if _is_worth_it(request) and _is_of_this_site(request):
        return _given_back(request)
    return render(request, "403_csrf.html", status=FORBIDDEN)


@require_safe
@login_required
def logged_in_again(request: HttpRequest) -> HttpResponse:
    """Say to somebody who logged in beside a form that waits where to go on."""
    return render(request, "logged_in_again.html")


def _is_worth_it(request: HttpRequest) -> bool:
    """It is a form of the admin that holds something, and no password."""
    match = request.resolver_match
    return (
        request.method == "POST"
        and request.path_info.startswith(ADMIN)
        and (match is None or match.url_name not in LOG_INS)
        and not any("password" in name for name in request.POST)
        and any(name != TOKEN and value for name, value in request.POST.items())
    )


def _is_of_this_site(request: HttpRequest) -> bool:
    """The browser itself says that the form stood on a page of ours; if it says nothing, it did not."""
    origin = request.headers.get("Origin")
    if origin is None:
        scheme, host = urlsplit(request.headers.get("Referer", ""))[:2]
        origin = f"{scheme}://{host}"
    own = f"{request.scheme}://{request.get_host()}"
    return origin in {own, *settings.CSRF_TRUSTED_ORIGINS}


def _given_back(request: HttpRequest) -> HttpResponse:
    fields = _fields(request)
    typed = [
        (_in_words(name), _chosen_in_words(name, text)) for name, text in fields if _is_typed(name, text)
    ]
    cookie = request.COOKIES.get(COOKIE) or get_random_string(32)
    whose = _whose_it_was(request)
    ticket = signing.dumps(_ticket(request, whose, cookie), salt=COOKIE) if whose else ""
    # What took long to write stands first.
    context = {
        "fields": fields,
        "typed": sorted(typed, key=lambda field: " " not in field[1].strip()),
        "ticket": ticket,
    }
    answer = render(request, "typed_text.html", context, status=FORBIDDEN)
    if ticket:
        answer.set_cookie(
            COOKIE,
            cookie,
            max_age=settings.SESSION_SECONDS,
            path=ADMIN,
            secure=settings.SESSION_COOKIE_SECURE,
            httponly=True,
            samesite="Strict",
        )
    # Whoever goes back to it later shall meet it with a token that is good then.
    add_never_cache_headers(answer)
    return answer


def _fields(request: HttpRequest) -> list[tuple[str, str]]:
    """The fields of the form, but for what was added to check it."""
    posted = request.POST.lists()
    return [(name, value) for name, values in posted if name not in {TOKEN, TICKET} for value in values]


def _whose_it_was(request: HttpRequest) -> str:
    """The number of the person whose session has ended; empty: nobody knows, or somebody is logged in."""
    if request.user.is_authenticated:
        return ""
    # Sent again before the log-in, the form still has its ticket.
    was_of = getattr(request.session, "was_of", None) or _whose(request, request.POST.get(TICKET, ""))
    return str(was_of or "")


def _whose(request: HttpRequest, ticket: str) -> str | None:
    """For whom a ticket is good; ``None``: it is not good for this form in this browser."""
    cookie = request.COOKIES.get(COOKIE)
    try:
        told = signing.loads(ticket, salt=COOKIE, max_age=settings.SESSION_SECONDS)
    except signing.BadSignature:
        return None
    whose = told["whose"]
    return whose if cookie and told == _ticket(request, whose, cookie) else None


def _ticket(request: HttpRequest, whose: str, cookie: str) -> dict[str, str]:
    """What a ticket says: whose it is, and of which form in which browser."""
    fields = sha256(json.dumps(_fields(request)).encode()).hexdigest()
    browser = sha256(cookie.encode()).hexdigest()
    return {"whose": whose, "address": request.get_full_path(), "fields": fields, "browser": browser}


def _is_typed(name: str, text: str) -> bool:
    return text.strip() not in UNANSWERED and not name.startswith(OF_THE_FORM) and not name.endswith("_FORMS")


def _in_words(name: str) -> str:
    words = name.removeprefix(ANSWER).replace("_", " ")
    return f"Answer to “{words}”" if name.startswith(ANSWER) else words.capitalize()


def _chosen_in_words(name: str, text: str) -> str:
    """What was chosen by its code, as people read it; what was typed stays as it is."""
    return text.replace("_", " ").capitalize() if name in CHOSEN and CODE.fullmatch(text) else text
