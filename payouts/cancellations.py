"""Bonuses that will not be paid: cancelled with a reason, their booking reversed."""

from datetime import datetime

from django.db import transaction
from django.db.models import QuerySet

from payouts import ledger, trail
from payouts.insertion import listed
from payouts.models import Bonus
from payouts.rules.lifecycle import (
    QUALIFICATION_REVOKED,
    UNPAID,
    AccountKind,
    BonusStatus,
    TransferKind,
)
from referrals import evaluation
from referrals.models import Program, ReferredAccount
from referrals.rules.lifecycle import AccountStatus

CHUNK = 5_000


class CancelledMeanwhile(Exception):
    """Somebody else moved one of the bonuses: the chunk is rolled back and tried again later."""


def cancel_each(bonuses: QuerySet[Bonus], *, reason: str, at: datetime) -> int:
    """Cancel these unpaid bonuses, chunk by chunk; returns how many."""
    cancelled = 0
    while chunk := _cancel_chunk(bonuses, reason=reason, at=at):
        cancelled += chunk
    return cancelled


def cancel_of_refused(*, as_of: datetime, program: Program | None = None) -> int:
    """Cancel the unpaid bonuses of accounts that were refused."""
    refused = Bonus.objects.unpaid().filter(account__status=AccountStatus.NOT_QUALIFIED)
    if program is not None:
        refused = refused.filter(terms__program=program)
    return cancel_each(refused, reason=QUALIFICATION_REVOKED, at=as_of)


@transaction.atomic
def _cancel_chunk(bonuses: QuerySet[Bonus], *, reason: str, at: datetime) -> int:
    claimed = list(
        bonuses.order_by("pk")
        .select_for_update(skip_locked=True, of=("self",))
        .values_list("pk", flat=True)[:CHUNK]
    )
    if not claimed:
        return 0
    chunk = Bonus.objects.filter(pk__in=listed(claimed), status__in=UNPAID)
    trail.log_each(chunk, new=BonusStatus.CANCELLED, at=at, reason=reason)
    ledger.post_for_each(
        chunk,
        kind=TransferKind.CANCELLED,
        debit=AccountKind.PAYABLE,
        credit=AccountKind.EXPENSE,
        posted_at=at,
        reverses=TransferKind.ACTIVATED,
    )
    _look_again(claimed, at=at)
    if chunk.update(status=BonusStatus.CANCELLED, cancel_reason=reason) != len(claimed):
        raise CancelledMeanwhile(f"One of {len(claimed)} bonuses moved while they were cancelled.")
    return len(claimed)


def _look_again(claimed: list[int], *, at: datetime) -> None:
    """
    What a cancelled bonus made room for is worked out anew: the account's own rewards, and
    those of the referrer's other accounts where the reward has a cap.
    """
    cancelled = Bonus.objects.filter(pk__in=claimed)
    evaluation.look_again(cancelled.values_list("account", flat=True), at=at)
    capped = cancelled.filter(reward__cap__isnull=False).values("enrollment")
    evaluation.look_again(
        ReferredAccount.objects.filter(enrollment__in=capped, status=AccountStatus.QUALIFIED).values_list(
            "pk", flat=True
        ),
        at=at,
    )
