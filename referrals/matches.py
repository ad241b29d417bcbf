"""
Accounts that look like their referrer: a senior looks at them before they are qualified.

The checks see the match when an account is told, and tell a signal when its review opens. A correction that
takes the match away tells it, too: what was typed anew does not make it another company.
"""

from collections.abc import Collection, Sequence
from datetime import datetime

from django.contrib.auth.models import User
from django.db.models import QuerySet

from referrals import notes
from referrals.models import ReferredAccount, Signal
from referrals.rules.refusal import Refused
from referrals.rules.words import SignalKind

KIND = SignalKind.SELF_REFERRAL


class SeniorFirst(Refused):
    """It looks like its referrer, and the person who qualifies it is no senior."""

    code = "senior_first"


def of(account: ReferredAccount) -> list[str]:
    """In what an account is as its referrer, in words."""
    raised = {
        "account": account.account_match,
        "e-mail": account.email_match,
        "domain": account.domain_match,
    }
    return [what for what, is_raised in raised.items() if is_raised]


def opened(account: ReferredAccount, *, at: datetime) -> bool:
    """Its review opens: tell a match; is it for a senior, for this or for another open signal?"""
    if of(account):
        _tell(account, by=None, at=at)
    return Signal.objects.filter(account=account, settled_at__isnull=True).exists()


def corrected(
    account: ReferredAccount, *, was: Sequence[str], fields: Collection[str], by: User, at: datetime
) -> bool:
    """
    Tell a match that a correction made or took away; was it told newly?

    :param was: in what the account was as its referrer before
    :param fields: what was corrected
    """
    now = of(account)
    if set(now) == set(was):
        return False
    if gone := [what for what in was if what not in now]:
        names = ", ".join(sorted(field.replace("_", " ") for field in fields)).replace("email", "e-mail")
        text = f"Same {' and '.join(gone)} as the referrer: matched before the correction of {names}."
        notes.write(account, about="matched", text=text, by=by, at=at)
    return _tell(account, by=by, at=at)


def decided(account: ReferredAccount, *, by: User, at: datetime) -> None:
    """A decision counts: it says what the match meant."""
    _open(account).update(settled_by=by, settled_at=at)


def refuse_told(account: ReferredAccount) -> None:
    """
    Only a senior qualifies what looks like its referrer.

    :raises SeniorFirst: if nobody has settled it
    """
    if _open(account).exists():
        raise SeniorFirst(why_senior_first(account))


def why_senior_first(account: ReferredAccount) -> str:
    """Why a senior looks at the account first."""
    if same := of(account):
        return f"A senior looks first: same {' and '.join(same)} as the referrer."
    return "A senior looks first: it was as the referrer before a correction."


def _tell(account: ReferredAccount, *, by: User | None, at: datetime) -> bool:
    """Open the signal, unless it is open."""
    _, is_new = Signal.objects.get_or_create(
        account=account, kind=KIND, settled_at=None, defaults={"raised_by": by, "raised_at": at}
    )
    return is_new


def _open(account: ReferredAccount) -> QuerySet[Signal]:
    return Signal.objects.filter(account=account, kind=KIND, settled_at__isnull=True)
