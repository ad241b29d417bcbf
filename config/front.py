"""The front page: what this is, and who comes in where."""

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe


@require_safe
def front(request: HttpRequest) -> HttpResponse:
    """Show what this is and where each kind of reader goes on."""
    context = {
        "second_factor": settings.REQUIRE_SECOND_FACTOR,
        "codes_by_mail": settings.ACCOUNT_LOGIN_BY_CODE_ENABLED,
    }
    return render(request, "front.html", context)
