"""The front page: what this is, and who comes in where."""

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from payouts.demo import cast


@require_safe
def front(request: HttpRequest) -> HttpResponse:
    """Show what this is and where each kind of reader goes on."""
    context: dict[str, object] = {
        "second_factor": settings.REQUIRE_SECOND_FACTOR,
        "codes_by_mail": settings.ACCOUNT_LOGIN_BY_CODE_ENABLED,
    }
    # Whoever runs it with DEBUG=yes and the demo's data wants to log in as all of them.
    if settings.DEBUG and (log_ins := cast.shown()):
        context |= {"log_ins": log_ins, "password": cast.PASSWORD}
    return render(request, "front.html", context)
