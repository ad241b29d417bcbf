"""Log-in: who gets in, where to, and who is told apart when passwords are tried."""

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from django.http import HttpRequest
from django.urls import reverse


class AccountAdapter(DefaultAccountAdapter):
    """Log-ins are made by whoever may; staff come to the admin, referrers to their page."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False

    def get_login_redirect_url(self, request: HttpRequest) -> str:
        staff = request.user.is_authenticated and request.user.is_staff
        return reverse("admin:index") if staff else reverse("refer:page")


def name_tried(request: HttpRequest | None, credentials: dict[str, Any] | None) -> str | None:
    """The name or e-mail address that somebody tries to log in with."""
    given = credentials or (request.POST if request else {})
    name = given.get("username") or given.get("email") or given.get("login")
    # As much as a row of axes holds.
    return name.casefold()[:255] if name else None
