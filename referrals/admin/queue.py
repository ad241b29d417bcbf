"""The queue of the call desk: accounts that wait for a person, the oldest first. Questions, no steps."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice

from django.contrib.auth.models import User
from django.db.models import Count, F, OuterRef, Q, QuerySet, Subquery

from referrals.models import Call, ReferredAccount
from referrals.rules.lifecycle import AccountStatus
from referrals.rules.words import Flag

LOOKED_AHEAD = 500
"""So many of the oldest are looked at for the next one to call."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """An account of the queue, as its line shows it."""

    account: ReferredAccount
    call_from: datetime | None
    """Not before; ``None``: now."""
    flags: list[str]


def waiting() -> QuerySet[ReferredAccount]:
    """Accounts in review that nobody has decided, the oldest first, with their calls of this round."""
    last = Call.objects.filter(account=OuterRef("pk"), round=OuterRef("review_round")).order_by("-pk")
    this_round = Q(calls__round=F("review_round"))
    return (
        ReferredAccount.objects.awaiting_a_decision()
        .filter(status=AccountStatus.IN_REVIEW)
        .annotate(
            tries=Count("calls", filter=this_round),
            last_called_at=Subquery(last.values("called_at")[:1]),
            retry_after_hours=Subquery(last.values("outcome__retry_after_hours")[:1]),
        )
        .select_related("program")
        .order_by("signed_up_at", "pk")
    )


def lines(accounts: Iterable[ReferredAccount], *, as_of: datetime) -> list[Waiting]:
    """These accounts of the queue as the page shows them."""
    return [_line(account, as_of=as_of) for account in accounts]


def next_to_call(*, as_of: datetime, after: ReferredAccount | None = None) -> ReferredAccount | None:
    """The oldest that may be called now, another than the one just worked on."""
    oldest: Iterator[ReferredAccount] = islice(waiting(), LOOKED_AHEAD)
    callable_now = (account for account in oldest if _line(account, as_of=as_of).call_from is None)
    return next((account for account in callable_now if account != after), None)


def undoable(user: User, *, as_of: datetime) -> QuerySet[ReferredAccount]:
    """Accounts that this person has decided and could still undo, the latest first."""
    mine = ReferredAccount.objects.filter(
        pending_decision__decided_by=user, pending_decision__takes_effect_at__gt=as_of
    )
    return mine.select_related("pending_decision").order_by("-pending_decision")


def _line(account: ReferredAccount, *, as_of: datetime) -> Waiting:
    called_at, hours = account.last_called_at, account.retry_after_hours  # type: ignore[attr-defined]
    call_from = called_at + timedelta(hours=hours) if called_at and hours else None
    raised = zip(Flag, (account.account_match, account.email_match, account.domain_match), strict=True)
    return Waiting(
        account=account,
        call_from=call_from if call_from and call_from > as_of else None,
        flags=[
            flag.replace("referrer_", "").replace("_match", "") for flag, is_raised in raised if is_raised
        ],
    )
