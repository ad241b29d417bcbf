"""
Signals: why a senior looks at an account before it is qualified.

A signal decides nothing. While one is open nobody qualifies the account; refusing it stays possible, and a
senior says with a note what the signal meant.
"""

from datetime import datetime

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import QuerySet

from referrals import notes, reviews
from referrals.models import ReferredAccount, Signal
from referrals.rules.lifecycle import AccountStatus
from referrals.rules.refusal import Refused
from referrals.rules.words import SignalKind


class SignalOpen(Refused):
    """A signal says that a senior looks at the account first."""

    code = "signal_open"


class NotSignalled(Refused):
    """There is no open signal of this kind."""

    code = "not_signalled"


class AlreadySignalled(Refused):
    """A signal of this kind is open."""

    code = "already_signalled"


class NothingToStop(Refused):
    """The account is not in review: a signal would stop nothing."""

    code = "nothing_to_stop"


@transaction.atomic
def put(account: ReferredAccount, *, kind: SignalKind, by: User, at: datetime, note: str) -> Signal:
    """
    Say why a senior looks at an account; whoever has it gives it back, but for a senior.

    :raises NothingToStop: if the account is not in review, or a decision about it waits
    :raises AlreadySignalled: if a signal of this kind is open
    """
    # The row is what a decision swaps: either the decision sees this signal, or this sees the decision.
    account = ReferredAccount.objects.select_for_update(of=("self",)).get(pk=account.pk)
    if account.status != AccountStatus.IN_REVIEW or account.pending_decision_id is not None:
        raise NothingToStop(f"{account} is not in review, or has just been decided.")
    if _open(account).filter(kind=kind).exists():
        raise AlreadySignalled(f"“{kind.label}” is told already; a senior looks at it.")
    signal = Signal.objects.create(account=account, kind=kind, raised_by=by, raised_at=at)
    notes.write(account, about=f"signal {kind.lower()}", text=note, by=by, at=at)
    reviews.hand_to_seniors(account, by=by)
    return signal


@transaction.atomic
def settle(account: ReferredAccount, *, kind: SignalKind, by: User, at: datetime, note: str) -> None:
    """
    Say what a signal meant: it stops nobody any more.

    :raises NotSignalled: if none of this kind is open
    """
    # As in put(): what is told meanwhile is either seen here, or sees that nobody waits for a senior.
    ReferredAccount.objects.select_for_update(of=("self",)).get(pk=account.pk)
    if not _open(account).filter(kind=kind).update(settled_by=by, settled_at=at):
        raise NotSignalled(f"“{kind.label}” is not open about {account}.")
    notes.write(account, about=f"settled {kind.lower()}", text=note, by=by, at=at)
    if not _open(account).exists():
        reviews.hand_back_to_all(account)


def refuse_open(account: ReferredAccount) -> None:
    """
    Nobody qualifies an account about which somebody has told a signal that is open.

    What looks like its referrer a senior qualifies at once: ``matches.refuse_told`` refuses it to others.

    :raises SignalOpen: then, with what the signals say
    """
    told = _open(account).exclude(kind=SignalKind.SELF_REFERRAL)
    if kinds := [SignalKind(kind).label for kind in told.values_list("kind", flat=True)]:
        raise SignalOpen(f"A senior looks at this first: {', '.join(kinds)}. Until then it is not qualified.")


def _open(account: ReferredAccount) -> QuerySet[Signal]:
    return Signal.objects.filter(account=account, settled_at__isnull=True)
