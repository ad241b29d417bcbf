"""
Is it still the person who logged in? Before money is let go, who they are must have been shown just now.

The page that asks for the password, or for a code of the second factor, is allauth's: it keeps what was
posted here, and takes it up again when the answer is right.
"""

import time
from datetime import timedelta
from typing import cast

from allauth.account.adapter import get_adapter
from allauth.account.authentication import get_authentication_records
from allauth.core.exceptions import ReauthenticationRequired
from django.contrib.auth.models import User
from django.http import HttpRequest

from referrals.rules.refusal import Refused

FRESH = timedelta(minutes=5)


class LogInAnew(Refused):
    """This person can only show who they are by a log-in."""

    code = "log_in_anew"


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
    if is_fresh(request):
        return
    if not get_adapter().get_reauthentication_methods(cast(User, request.user)):
        raise LogInAnew("This needs a log-in of the last five minutes: log out, log in, and press it again.")
    raise ReauthenticationRequired
