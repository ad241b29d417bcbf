"""Staff work with money and with other people's data, so a password alone does not let them in."""

from collections.abc import Callable

from allauth.mfa.models import Authenticator
from allauth.mfa.utils import is_mfa_enabled
from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from config.responses import ADMIN

FACTORS = [Authenticator.Type.TOTP, Authenticator.Type.WEBAUTHN]


class SecondFactor:
    """
    Send staff who have no second factor to where they set one up, before they see the admin.

    That who has one also used it is the log-in's part: the admin has none but allauth's.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if (
            settings.REQUIRE_SECOND_FACTOR
            and request.path_info.startswith(ADMIN)
            and request.user.is_authenticated
            and request.user.is_staff
            and not is_mfa_enabled(request.user, FACTORS)
        ):
            messages.warning(request, "The admin opens once your log-in has a second factor.")
            return redirect("mfa_index")
        return self.get_response(request)
