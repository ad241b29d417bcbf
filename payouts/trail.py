"""The trail of bonuses, set by set: who moved them from which status to which, when and why."""

from datetime import datetime

from django.contrib.auth.models import User
from django.db.models import F, IntegerField, QuerySet, Value

from payouts.insertion import insert_from
from payouts.models import Bonus, BonusChange
from payouts.rules.lifecycle import BonusStatus


def log_each(
    bonuses: QuerySet[Bonus],
    *,
    new: BonusStatus,
    at: datetime,
    old: BonusStatus | None = None,
    by: User | None = None,
    approved_by: User | None = None,
    reason: str = "",
) -> int:
    """
    Write a row of the trail for every bonus, before its status is changed.

    :param old: where it came from, if not from the status that it has
    """
    values = {
        "bonus": F("pk"),
        "old_status": F("status") if old is None else Value(old.value),
        "new_status": Value(new.value),
        "changed_at": Value(at),
        "changed_by": Value(by.pk if by else None, output_field=IntegerField()),
        "approved_by": Value(approved_by.pk if approved_by else None, output_field=IntegerField()),
        "reason": Value(reason),
    }
    return insert_from(bonuses, into=BonusChange, values=values)
