"""
Is it still the person who logged in? Before money is let go, who they are must have been shown just now.

The page that asks for the password, or for a code of the second factor, is allauth's: it keeps what was
posted here, and takes it up again when the answer is right. Bank data must not be kept in a session: there
the page comes back as it was typed, and the password is given in another tab.
"""

import time
from datetime import timedelta
from typing import cast
from urllib.parse import urlencode

from allauth.account.adapter import get_adapter
from allauth.account.authentication import get_authentication_records
from allauth.core.exceptions import ReauthenticationRequired
from django.contrib.auth.models import User
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html

from referrals.rules.refusal import Refused

FRESH = timedelta(minutes=5)


class LogInAnew(Refused):
    """This person can only show who they are by a log-in."""

    code = "log_in_anew"


class ShowFirst(Refused):
    """Nothing of what was posted may be kept: the password comes first, in another tab."""

    code = "show_first"


def is_fresh(request: HttpRequest) -> bool:
    """A password or a second factor was given within the last five minutes, at the log-in or since."""
    since = time.time() - FRESH.total_seconds()
    return any(record["at"] > since for record in get_authentication_records(request, request.user))


def require(request: HttpRequest) -> None:
    """
    Let nobody go on who has not shown who they are just now.

    :raises LogInAnew: if there is neither password nor second factor to ask for
    :raises ReauthenticationRequired: else; the middleware of allauth asks, and comes back
    """
    if not is_fresh(request):
        _refuse_without_means(request)
        raise ReauthenticationRequired


def require_first(request: HttpRequest) -> None:
    """
    The same where what was posted must not be kept: nothing of it reaches the session.

    The page shows the refusal beside what was typed; after the password it is pressed once more.

    :raises LogInAnew: if there is neither password nor second factor to ask for
    :raises ShowFirst: else, with the link that asks
    """
    if not is_fresh(request):
        _refuse_without_means(request)
        address = f"{reverse('account_reauthenticate')}?{urlencode({'next': request.path})}"
        raise ShowFirst(
            format_html(
                "Nothing was done: this needs your password of the last five minutes."
                ' <a href="{}" target="_blank">Give it in another tab</a>, then press the button here once'
                " more. What you typed is still here.",
                address,
            )
        )


def _refuse_without_means(request: HttpRequest) -> None:
    if not get_adapter().get_reauthentication_methods(cast(User, request.user)):
        raise LogInAnew("This needs a log-in of the last five minutes: log out, log in, and press it again.")
