"""What somebody typed outlives the log-in: a form that comes too late is given back, to be sent again."""

from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.cache import add_never_cache_headers
from django.views.decorators.http import require_safe

from config.responses import ADMIN

FORBIDDEN = 403
TOKEN = "csrfmiddlewaretoken"  # noqa: S105  the name of a field
LOG_INS = {"login", "logout"}
OF_THE_FORM = ("_", "version", "seen", "source_", "chosen", "going", "confirmed", "back", "after")
"""How the names of fields begin that nobody has typed."""


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
    fields = [(name, value) for name, values in request.POST.lists() if name != TOKEN for value in values]
    typed = [(_in_words(name), text) for name, text in fields if _is_typed(name, text)]
    # What took long to write stands first.
    context = {"fields": fields, "typed": sorted(typed, key=lambda field: " " not in field[1].strip())}
    answer = render(request, "typed_text.html", context, status=FORBIDDEN)
    # Whoever goes back to it later shall meet it with a token that is good then.
    add_never_cache_headers(answer)
    return answer


def _is_typed(name: str, text: str) -> bool:
    return bool(text.strip()) and not name.startswith(OF_THE_FORM) and not name.endswith("_FORMS")


def _in_words(name: str) -> str:
    return name.removeprefix("answer_").replace("_", " ").capitalize()
