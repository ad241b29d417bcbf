"""What two people do with a batch: put up, approve, refuse, void."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib.auth.models import User
from django.db.models import Count, OuterRef, Q, Subquery, Sum
from django.db.models.functions import Coalesce

from payouts import batches, due
from payouts.models import Bonus, PayoutBatch
from payouts.rules.lifecycle import BatchStatus, BonusStatus
from referrals.admin.columns import grouped
from referrals.admin.steps import SeenForm, Step

PREPARE, APPROVE = "payouts.prepare_payoutbatch", "payouts.approve_payoutbatch"
DRAFTED = [BatchStatus.DRAFT, BatchStatus.AWAITING_APPROVAL]
PAYABLE = Q(status__in=[BonusStatus.ACTIVATED, BonusStatus.APPROVED, BonusStatus.PAID])


def _of_the_batch(what: Any) -> Coalesce:
    """Summed apart for each batch, so that a list of batches costs one query."""
    drafted = Q(batch__status__in=DRAFTED)
    counted = Bonus.objects.filter(PAYABLE & (~drafted | ~due.BLOCKED), batch=OuterRef("pk")).order_by()
    return Coalesce(Subquery(counted.values("batch").annotate(found=what).values("found")), 0)


@dataclass(frozen=True, slots=True)
class Content:
    """How many bonuses of how many referrers, and what they come to in minor units."""

    bonuses: int
    referrers: int
    amount_minor: int


@dataclass(frozen=True, slots=True)
class Sums:
    """What a batch would pay now, or did, and what would leave it because it is held or waits."""

    total: Content
    waiting: Content


SUMS = {"payable_bonuses": _of_the_batch(Count("pk")), "payable_minor": _of_the_batch(Sum("amount_minor"))}
"""What ``counted_in`` says of one batch, as columns of a list."""


def look_at(batch: PayoutBatch) -> Any:
    """Count once what a batch holds: the page, its buttons and their sums all speak of ``batch.sums``."""
    counted = {"total": counted_in(batch), "waiting": PAYABLE & ~counted_in(batch)}
    told = Bonus.objects.filter(batch=batch).aggregate(
        **{f"{name}_bonuses": Count("pk", filter=which) for name, which in counted.items()},
        **{
            f"{name}_referrers": Count("enrollment", distinct=True, filter=which)
            for name, which in counted.items()
        },
        **{f"{name}_minor": Sum("amount_minor", filter=which, default=0) for name, which in counted.items()},
    )
    sums = [
        Content(told[f"{name}_bonuses"], told[f"{name}_referrers"], told[f"{name}_minor"]) for name in counted
    ]
    batch.sums = Sums(*sums)  # type: ignore[attr-defined]
    return batch


def shown(batch: PayoutBatch, amount_minor: int) -> str:
    return f"{batch.currency} {grouped(amount_minor, batch.currency)}"


def referrers(batch: PayoutBatch) -> Any:
    """What the batch pays to each referrer, the largest sum first."""
    rows = Bonus.objects.filter(batch=batch).order_by().values("enrollment", "enrollment__referrer__name")
    rows = rows.annotate(
        bonuses=Count("pk", filter=counted_in(batch)),
        total_minor=Sum("amount_minor", filter=counted_in(batch), default=0),
        left_out=Count("pk", filter=~counted_in(batch)),
    )
    return rows.order_by("-total_minor", "enrollment")


def counted_in(batch: PayoutBatch) -> Q:
    """Which of its bonuses count: of a draft, what neither is held nor waits."""
    return PAYABLE & ~due.BLOCKED if batch.status in DRAFTED else PAYABLE


def _in_sum(batch: Any) -> str:
    return shown(batch, batch.sums.total.amount_minor)


def seen(batch: Any) -> str:
    """What the person at the button looked at: the status, the content that was put up, and its sum."""
    now = batch.sums.total
    return f"{batch.status}.{batch.content_sha256[:16]}.{now.bonuses}.{now.amount_minor}"


def _put_up(batch: PayoutBatch, by: User, at: datetime, told: dict[str, Any]) -> str:
    batches.put_up(batch, by=by, at=at)
    return f"{_in_sum(look_at(batch))} wait for another person to approve them."


def _approve(batch: PayoutBatch, by: User, at: datetime, told: dict[str, Any]) -> str:
    batches.approve(batch, by=by, at=at)
    return f"{_in_sum(look_at(batch))} are approved; the next run pays them."


def _refuse(batch: PayoutBatch, by: User, at: datetime, told: dict[str, Any]) -> str:
    batches.refuse(batch, by=by, at=at)
    return f"{batch} is a draft again."


def _void(batch: PayoutBatch, by: User, at: datetime, told: dict[str, Any]) -> str:
    batches.void(batch, by=by, at=at)
    return f"{batch} is void; what was not paid is free for another batch."


def _nothing_to_put_up(batch: Any, user: User) -> str | None:
    return None if batch.sums.total.bonuses else "Nothing in it can be approved now."


def _cannot_approve(batch: PayoutBatch, user: User) -> str | None:
    if batch.people_needed >= 2 and batch.prepared_by_id == user.pk:
        return "You prepared this batch: another person approves it."
    if batch.people_needed >= 3:
        mine = [user.pk, batch.prepared_by_id]
        if Bonus.objects.filter(PAYABLE, batch=batch, qualified_by__in=mine).exists():
            return "One of you qualified an account in it: a third person is needed."
    return None


def _in(status: BatchStatus) -> Any:
    return lambda batch: batch.status == status


STEPS = [
    Step(
        "approve",
        verb=lambda batch: f"Approve {_in_sum(batch)}",
        explains="Every line is looked at once more; the next run pays them.",
        permissions=[APPROVE],
        take=_approve,
        is_offered=_in(BatchStatus.AWAITING_APPROVAL),
        why_not=_cannot_approve,
        form=SeenForm,
        sees=seen,
        is_next=True,
    ),
    Step(
        "put-up",
        verb=lambda batch: f"Put up {_in_sum(batch)} for approval",
        explains="Another person is asked to approve; what is held goes on into the next draft.",
        permissions=[PREPARE],
        take=_put_up,
        is_offered=_in(BatchStatus.DRAFT),
        why_not=_nothing_to_put_up,
        form=SeenForm,
        sees=seen,
        is_next=True,
    ),
    Step(
        "refuse",
        verb="Refuse",
        explains="The batch is a draft again.",
        permissions=[PREPARE, APPROVE],
        take=_refuse,
        is_offered=_in(BatchStatus.AWAITING_APPROVAL),
        form=SeenForm,
        sees=seen,
    ),
    Step(
        "void",
        verb="Void",
        explains="The approval is taken back; what was not paid is free for another batch.",
        permissions=[APPROVE],
        take=_void,
        is_offered=_in(BatchStatus.APPROVED),
        form=SeenForm,
        sees=seen,
    ),
]
