"""What no page of ours can have asked for: text that no database keeps, and numbers that no row has."""

from collections.abc import Callable, Iterable
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import render

from config.responses import ADMIN
from referrals.rules.row_numbers import LONGEST, MOST

BAD_REQUEST = 400
NUL = "\0"
"""The one sign that PostgreSQL keeps in no text."""


class WellFormed:
    """
    Answer in words to an address or a form of the admin that somebody has crafted.

    Here and not on each page: the lists of the admin ask the database for whatever stands in an address.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.path_info.startswith(ADMIN) and any(NUL in text for text in _texts(request)):
            return render(request, "400.html", status=BAD_REQUEST)
        return self.get_response(request)

    def process_view(
        self, request: HttpRequest, view: Any, positional: Any, named: dict[str, Any]
    ) -> HttpResponse | None:
        """Of a number that no row has, no page is asked."""
        if request.path_info.startswith(ADMIN) and any(_is_no_row(value) for value in named.values()):
            raise Http404
        return None


def _texts(request: HttpRequest) -> Iterable[str]:
    yield request.path_info
    yield from _told(request.GET)
    if request.method == "POST":
        yield from _told(request.POST)


def _told(told: QueryDict) -> Iterable[str]:
    for name, values in told.lists():
        yield name
        yield from values


def _is_no_row(value: Any) -> bool:
    if isinstance(value, str):
        return len(value) > LONGEST and value.isdecimal()
    return isinstance(value, int) and value > MOST
