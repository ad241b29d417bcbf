"""What people do with a batch: put up, approve, refuse, void; and with single lines of it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

from django import forms
from django.contrib.auth.models import User
from django.db.models import Count, OuterRef, Q, Subquery, Sum
from django.db.models.functions import Coalesce
from django.utils import timezone
from django.utils.translation import ngettext

from payouts import batch_content, batch_lines, batches, due
from payouts.batch_content import DRAFTED, PAYABLE
from payouts.models import BatchApproval, Bonus, PayoutBatch, PayoutSchedule
from payouts.rules.lifecycle import UNPAID, BatchStatus
from referrals.admin.columns import grouped
from referrals.admin.steps import ReasonForm, SeenForm, Step

PREPARE, APPROVE = "payouts.prepare_payoutbatch", "payouts.approve_payoutbatch"
HOLD = "payouts.hold_bonus"
ASKED_AGAIN = "You are asked for your password or code, unless you have just given it."
LINES = 500
"""So many lines stand on one page of a batch, and can be chosen there."""


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
    """What a batch would pay now, or did, and what it would not: held, waiting, or to be cancelled."""

    total: Content
    waiting: Content
    paying: Q
    """Which of its bonuses ``total`` counts."""
    referrers: int
    """All that have a line in it."""
    schedules: list[PayoutSchedule]
    as_of: datetime
    besides: dict[str, int]
    """What the page has counted with them."""


SUMS = {"payable_bonuses": _of_the_batch(Count("pk")), "payable_minor": _of_the_batch(Sum("amount_minor"))}
"""What ``counted_in`` says of one batch, as columns of a list."""


Besides = Callable[[Sequence[PayoutSchedule], Q, datetime], dict[str, Count]]


def look_at(batch: PayoutBatch, besides: Besides | None = None) -> Any:
    """
    Count once what a batch holds: the page, its buttons and their sums all speak of ``batch.sums``.

    :param besides: what else is counted with it, from its schedules, what will be paid of it, and the instant
    """
    now, schedules = timezone.now(), batch_content.schedules(batch)
    paying = batch_content.will_be_paid(batch, schedules, as_of=now)
    more = besides(schedules, paying, now) if besides else {}
    counted = {"total": paying, "waiting": PAYABLE & ~paying}
    told = Bonus.objects.filter(batch=batch).aggregate(
        referrers=Count("enrollment", distinct=True),
        **{f"{name}_bonuses": Count("pk", filter=which) for name, which in counted.items()},
        **{
            f"{name}_referrers": Count("enrollment", distinct=True, filter=which)
            for name, which in counted.items()
        },
        **{f"{name}_minor": Sum("amount_minor", filter=which, default=0) for name, which in counted.items()},
        **more,
    )
    total, waiting = (
        Content(told[f"{name}_bonuses"], told[f"{name}_referrers"], told[f"{name}_minor"]) for name in counted
    )
    found = {name: told[name] for name in more}
    batch.sums = Sums(  # type: ignore[attr-defined]
        total, waiting, paying, told["referrers"], schedules, now, found
    )
    return batch


def shown(batch: PayoutBatch, amount_minor: int) -> str:
    return f"{batch.currency} {grouped(amount_minor, batch.currency)}"


def referrers(batch: Any) -> Any:
    """What the batch pays to each referrer, the largest sum first."""
    paying = batch.sums.paying
    named = ["enrollment__referrer__name", "enrollment__referrer__host_account"]
    rows = Bonus.objects.filter(batch=batch).order_by().values("enrollment", *named)
    rows = rows.annotate(
        bonuses=Count("pk", filter=paying),
        total_minor=Sum("amount_minor", filter=paying, default=0),
        left_out=Count("pk", filter=~paying),
    )
    return rows.order_by("-total_minor", "enrollment")


def _in_sum(batch: Any) -> str:
    return shown(batch, batch.sums.total.amount_minor)


def seen(batch: Any) -> str:
    """What the person at the button looked at: the status, the content that was put up, and its sum."""
    now = batch.sums.total
    return f"{batch.status}.{batch.content_sha256[:16]}.{now.bonuses}.{now.amount_minor}"


class SeenWithReason(SeenForm, ReasonForm):
    """What the page showed, and why it is not to be."""


class ChosenLines(SeenForm, ReasonForm):
    """Lines of a batch, and why they are not paid with it."""

    bonus = forms.ModelMultipleChoiceField(
        Bonus.objects.none(),
        label="Lines",
        widget=forms.CheckboxSelectMultiple,
        error_messages={"required": "Choose at least one line.", "invalid_choice": "Look at the page again."},
    )
    field_order = ("bonus", "reason")

    def look_at(self, row: PayoutBatch) -> None:
        """Offer the unpaid lines of the batch: all can be told; the first are shown, where any are."""
        field: Any = self.fields["bonus"]
        field.queryset = Bonus.objects.filter(batch=row, status__in=UNPAID)
        field.widget.choices = partial(_offered, row)


def _offered(batch: PayoutBatch) -> list[tuple[int, str]]:
    lines = Bonus.objects.filter(batch=batch, status__in=UNPAID).order_by("enrollment_id", "pk")
    return [
        (bonus.pk, f"{bonus.enrollment.referrer}: {bonus.account}, {shown(batch, bonus.amount_minor)}")
        for bonus in lines.select_related("account", "enrollment__referrer")[:LINES]
    ]


def _chosen(told: dict[str, Any]) -> list[int]:
    return [bonus.pk for bonus in told["bonus"]]


def _lines(count: int) -> str:
    return ngettext("%(count)s line is", "%(count)s lines are", count) % {"count": count}


def _put_up(batch: PayoutBatch, by: User, at: datetime, told: dict[str, Any]) -> str:
    batches.put_up(batch, by=by, at=at)
    needed = batch.approvals_needed
    whom = "another person" if needed == 1 else f"{needed} other people"
    return f"{_in_sum(look_at(batch))} wait for {whom} to approve them."


def _approve(batch: PayoutBatch, by: User, at: datetime, told: dict[str, Any]) -> str:
    batches.approve(batch, by=by, at=at)
    if batch.status == BatchStatus.APPROVED:
        return f"{_in_sum(look_at(batch))} are approved; the next run pays them."
    given = BatchApproval.objects.filter(batch=batch, turn=batch.turn).count()
    missing = batch.approvals_needed - given
    return f"Your name stands under it; {missing} more {'is' if missing == 1 else 'are'} needed."


def _refuse(batch: PayoutBatch, by: User, at: datetime, told: dict[str, Any]) -> str:
    batches.refuse(batch, by=by, at=at, reason=told["reason"])
    return f"{batch} is a draft again."


def _void(batch: PayoutBatch, by: User, at: datetime, told: dict[str, Any]) -> str:
    batches.void(batch, by=by, at=at, reason=told["reason"])
    return f"{batch} is void; what was not paid is free for another batch."


def _hold(batch: PayoutBatch, by: User, at: datetime, told: dict[str, Any]) -> str:
    chosen = _chosen(told)
    batch_lines.hold(batch, chosen, reason=told["reason"], by=by, at=at)
    return f"{_lines(len(chosen))} on hold until somebody lifts the hold."


def _exclude(batch: PayoutBatch, by: User, at: datetime, told: dict[str, Any]) -> str:
    chosen = _chosen(told)
    batch_lines.exclude(batch, chosen, reason=told["reason"], by=by, at=at)
    return f"{_lines(len(chosen))} left to the next draft."


def _nothing_to_put_up(batch: Any, user: User) -> str | None:
    return None if batch.sums.total.bonuses else "Nothing in it can be approved now."


def approvals(batch: Any) -> list[BatchApproval]:
    """The names under what is put up now, read once for a page."""
    if not hasattr(batch, "names_under_it"):
        given = BatchApproval.objects.filter(batch=batch, turn=batch.turn)
        batch.names_under_it = list(given.select_related("person"))
    names: list[BatchApproval] = batch.names_under_it
    return names


def _cannot_approve(batch: PayoutBatch, user: User) -> str | None:
    if (batch.people_needed >= 2 or batch.approvals_needed > 1) and batch.prepared_by_id == user.pk:
        return "You prepared this batch: another person approves it."
    given = approvals(batch) if batch.approvals_needed > 1 else []
    approvers = [approval.person_id for approval in given]
    if user.pk in approvers:
        return "You approved this batch: another person has to approve it, too."
    if batch.people_needed >= 3:
        names = [user.pk, batch.prepared_by_id, *approvers]
        if Bonus.objects.filter(PAYABLE, batch=batch, qualified_by__in=names).exists():
            return "One of you qualified an account in it: a third person is needed."
    return None


def _in(status: BatchStatus) -> Any:
    return lambda batch: batch.status == status


HOLDABLE = [*DRAFTED, BatchStatus.APPROVED]

STEPS = [
    Step(
        "approve",
        verb=lambda batch: f"Approve {_in_sum(batch)}",
        explains=f"Every line is looked at once more; the next run pays them. {ASKED_AGAIN}",
        permissions=[APPROVE],
        take=_approve,
        is_offered=_in(BatchStatus.AWAITING_APPROVAL),
        why_not=_cannot_approve,
        form=SeenForm,
        sees=seen,
        is_next=True,
        asks_again=True,
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
        form=SeenWithReason,
        sees=seen,
    ),
    Step(
        "void",
        verb="Void",
        explains=f"The approval is taken back; what was not paid is free for another batch. {ASKED_AGAIN}",
        permissions=[APPROVE],
        take=_void,
        is_offered=_in(BatchStatus.APPROVED),
        form=SeenWithReason,
        sees=seen,
        asks_again=True,
    ),
]

LINE_STEPS = [
    Step(
        "hold-lines",
        verb="Hold",
        explains="They are not paid until somebody lifts the hold; what is put up becomes a draft again.",
        permissions=[HOLD],
        take=_hold,
        is_offered=lambda batch: batch.status in HOLDABLE,
        form=ChosenLines,
        sees=seen,
        is_apart=True,
    ),
    Step(
        "exclude-lines",
        verb="Exclude",
        explains="They leave this draft for the next one.",
        permissions=[PREPARE],
        take=_exclude,
        is_offered=_in(BatchStatus.DRAFT),
        form=ChosenLines,
        sees=seen,
        is_apart=True,
    ),
]
"""Steps about the lines that are chosen on the page."""
