"""
Single lines of a batch: stopped until a person lets them go, or left to the next draft.

Both wait for whoever moves the batch, and look at it again when they have its bonuses.
"""

from collections.abc import Collection
from datetime import datetime

from django.contrib.auth.models import User
from django.db import transaction

from payouts import batches, holds
from payouts.insertion import listed
from payouts.models import BatchNote, Bonus, Hold, PayoutBatch
from payouts.models.bonus import BonusQuerySet
from payouts.rules.lifecycle import UNPAID, BatchRemark, BatchStatus
from referrals.rules.refusal import Refused


class NotInBatch(Refused):
    """A bonus is not in the batch, or not unpaid, any more."""

    code = "not_in_batch"


class NoDraft(Refused):
    """What is put up is fixed: nothing is taken out of it."""

    code = "no_draft"


@transaction.atomic
def hold(batch: PayoutBatch, chosen: Collection[int], *, reason: str, by: User, at: datetime) -> None:
    """
    Stop lines of a batch until somebody lifts the hold, whether it is a draft, put up or approved.

    A draft leaves them out when it is put up; what is put up is no longer what it was.

    :param chosen: numbers of bonuses
    :raises NotInBatch: if one of them is not in it, or paid or cancelled
    """
    bonuses = _locked(batch, chosen)
    Hold.objects.bulk_create(
        Hold(bonus_id=pk, reason=reason, placed_at=at, placed_by=by) for pk in sorted(chosen)
    )
    if bonuses.update(on_hold=True) != len(chosen):
        raise holds.AlreadyPaid("One of them was paid meanwhile: it can be reversed, not held.")


@transaction.atomic
def exclude(batch: PayoutBatch, chosen: Collection[int], *, reason: str, by: User, at: datetime) -> None:
    """
    Leave lines of a draft to the next one.

    :param chosen: numbers of bonuses
    :raises NoDraft: if the batch was put up
    :raises NotInBatch: if one of them is not in it any more
    """
    bonuses = _locked(batch, chosen)
    # Putting up locks the same bonuses: either it sees them gone, or this sees it put up.
    batch.refresh_from_db()
    if batch.status != BatchStatus.DRAFT:
        raise NoDraft(f"{batch} is no draft any more: hold the line, or refuse the batch.")
    BatchNote.objects.bulk_create(
        BatchNote(
            batch=batch,
            bonus_id=pk,
            about=BatchRemark.EXCLUDED,
            text=reason,
            written_by=by,
            written_at=at,
        )
        for pk in sorted(chosen)
    )
    bonuses.update(batch=batches.following_draft(batch, at=at))


def _locked(batch: PayoutBatch, chosen: Collection[int]) -> BonusQuerySet:
    """These bonuses, with which nothing else happens until the transaction ends."""
    bonuses = Bonus.objects.filter(pk__in=listed(sorted(chosen)), batch=batch, status__in=UNPAID)
    found = list(bonuses.order_by("pk").select_for_update().values_list("pk", flat=True))
    if len(found) != len(chosen):
        raise NotInBatch(f"One of them is not in {batch} any more, or is paid. Nothing was done: look again.")
    return bonuses
