"""The only writer of a payout after it was made: many at once, each with its row of the trail."""

from collections.abc import Sequence
from datetime import datetime

from django.contrib.auth.models import User
from django.db.models import F, IntegerField, Value

from payouts import ledger
from payouts.insertion import insert_from, listed
from payouts.models import Fee, Payout, PayoutChange
from payouts.rules.lifecycle import (
    GIVES_FEES_BACK,
    PAYOUT_SOURCES,
    AccountKind,
    PayoutStatus,
    TransferKind,
)
from referrals.rules.refusal import Refused


class PayoutMoved(Refused):
    """A payout is no longer what it was when it was looked at."""

    code = "payout_moved"


def move(
    payouts: Sequence[int],
    *,
    old: PayoutStatus,
    new: PayoutStatus,
    at: datetime,
    by: User | None,
    approved_by: User | None = None,
) -> None:
    """
    Take these payouts from one status to another, all or none; what it means for the books is booked.

    Belongs into the caller's transaction.

    :raises PayoutMoved: if one of them is not in the old status any more, or no step leads there from it
    """
    if not payouts:
        return
    chosen = Payout.objects.filter(pk__in=listed(payouts))
    moved = chosen.filter(status=old).update(status=new) if old in PAYOUT_SOURCES[new] else 0
    if moved != len(payouts):
        raise PayoutMoved(
            f"{len(payouts) - moved} of {len(payouts)} payouts are no longer {old.label.lower()}, or cannot"
            f" become {new.label.lower()} from it. Nothing was done: look again."
        )
    insert_from(
        chosen,
        into=PayoutChange,
        values={
            "payout": F("pk"),
            "old_status": Value(old.value),
            "new_status": Value(new.value),
            "changed_at": Value(at),
            "changed_by": Value(by.pk if by else None, output_field=IntegerField()),
            "approved_by": Value(approved_by.pk if approved_by else None, output_field=IntegerField()),
        },
    )
    if new == PayoutStatus.CONFIRMED:
        ledger.post_for_each_payout(
            chosen,
            kind=TransferKind.CONFIRMED,
            debit=AccountKind.CLEARING,
            credit=AccountKind.BANK,
            posted_at=at,
        )
    elif old == PayoutStatus.CONFIRMED:
        ledger.post_for_each_payout(
            chosen,
            kind=TransferKind.RETURNED,
            debit=AccountKind.BANK,
            credit=AccountKind.CLEARING,
            posted_at=at,
            reverses=TransferKind.CONFIRMED,
        )
    if new in GIVES_FEES_BACK:
        # After what came back was booked: that was less by the fee.
        ledger.post_for_each_fee(
            Fee.objects.standing().filter(payout__in=listed(payouts)),
            kind=TransferKind.FEE_BACK,
            debit=AccountKind.FEES,
            credit=AccountKind.CLEARING,
            posted_at=at,
            reverses=TransferKind.FEE,
        )


def shrink(payout: Payout, *, by_minor: int, at: datetime) -> None:
    """
    Take an amount off a payout that waits; one of which nothing is left is cancelled.

    Belongs into the caller's transaction, which books it.

    :raises PayoutMoved: if it waits no more, or has changed since it was looked at
    """
    left = payout.amount_minor - by_minor
    status = PayoutStatus.PREPARED if left else PayoutStatus.CANCELLED
    seen = Payout.objects.filter(pk=payout.pk, status=PayoutStatus.PREPARED, amount_minor=payout.amount_minor)
    if not seen.update(amount_minor=left, status=status):
        raise PayoutMoved(f"{payout} is no longer what it was. Nothing was done: look again.")
    PayoutChange.objects.create(
        payout=payout, old_status=PayoutStatus.PREPARED, new_status=status, changed_at=at
    )


def begin(payout: Payout) -> None:
    """Write the first row of a payout's trail."""
    PayoutChange.objects.create(
        payout=payout, old_status="", new_status=payout.status, changed_at=payout.created_at
    )
