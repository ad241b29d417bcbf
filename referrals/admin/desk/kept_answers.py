"""
What somebody had answered when the review page sent its reader to itself, such as after the result of a call.

It goes along in the address, and is signed: from a link that another person made, no answer is filled in.
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from django.contrib.auth.models import User
from django.core import signing
from django.http import HttpRequest
from django.utils.http import urlencode

from referrals.models import ReferredAccount

FIELD = "kept"
GOOD_FOR = timedelta(minutes=30)
"""As long as somebody has a company."""
SALT = "referrals.review.kept_answers"


def in_address(account: ReferredAccount, person: User, answers: Mapping[str, str]) -> str:
    """What stands behind the address of the review page; empty: nothing was answered."""
    if not answers:
        return ""
    told = {"account": account.pk, "person": person.pk, "answers": dict(answers)}
    return "?" + urlencode({FIELD: signing.dumps(told, salt=SALT, compress=True)})


def of_request(request: HttpRequest, account: ReferredAccount) -> dict[str, str]:
    """What this person had answered about this account; nothing, if it is another's or long ago."""
    try:
        told: dict[str, Any] = signing.loads(request.GET.get(FIELD, ""), salt=SALT, max_age=GOOD_FOR)
    except signing.BadSignature:
        return {}
    is_own = (told["account"], told["person"]) == (account.pk, request.user.pk)
    return told["answers"] if is_own else {}
