"""What the page of a batch shows: its sum, what to look at first, what changed, and its lines by referrer."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib.auth.models import User
from django.core.paginator import Paginator
from django.db.models import BooleanField, Case, Count, Exists, OuterRef, Q, Subquery, When
from django.db.models.functions import Coalesce
from django.urls import reverse
from django.utils.functional import cached_property

from payouts import batch_content, earlier_months, exceptional
from payouts.admin import batch_steps
from payouts.batch_content import DRAFTED
from payouts.exceptional import Asked, Finding, Found
from payouts.models import (
    BatchApproval,
    BatchLine,
    BatchNote,
    Bonus,
    PayoutLimit,
    PayoutSchedule,
)
from payouts.rules.lifecycle import UNPAID, BatchRemark, BatchStatus
from referrals.admin.columns import amount, grouped
from referrals.admin.steps import Button

PER_PAGE = 50
"""So many referrers stand on one page of a batch, all of them one click away."""
CHANGES = 20
"""So many lines that came or went are named."""
STAYED = "stayed"

LOOK_AT = {
    exceptional.REFERRER: ("referrals_referrer_change", lambda bonus: bonus.enrollment.referrer_id),
    exceptional.ACCOUNT: ("referrals_referredaccount_change", lambda bonus: bonus.account_id),
    exceptional.BONUS: ("payouts_bonus_change", lambda bonus: bonus.pk),
}
"""What there is to look at, to the name of its page and its number."""


BESIDES = {
    "limit_minor": Subquery(
        PayoutLimit.objects.filter(program=OuterRef("program")).values("per_referrer_minor")
    ),
    "excluded": Coalesce(
        Subquery(
            BatchNote.objects.filter(batch=OuterRef("pk"), about=BatchRemark.EXCLUDED)
            .order_by()
            .values("batch")
            .annotate(found=Count("pk"))
            .values("found")
        ),
        0,
    ),
    "was_said": Exists(BatchNote.objects.filter(batch=OuterRef("pk")).order_by()),
    "approved_at": Subquery(
        BatchApproval.objects.filter(batch=OuterRef("pk"), turn=OuterRef("turn"))
        .order_by("-pk")
        .values("at")[:1]
    ),
    "lines_put_up": Coalesce(
        Subquery(
            BatchLine.objects.filter(batch=OuterRef("pk"), turn=OuterRef("turn"))
            .order_by()
            .values("batch")
            .annotate(found=Count("pk"))
            .values("found")
        ),
        0,
    ),
}
"""What the page shows of a batch beside its columns, asked for with them."""


class _Counted(Paginator):
    """Pages of referrers that were counted with the sums."""

    def __init__(self, batch: Any) -> None:
        self.known = batch.sums.referrers
        super().__init__(batch_steps.referrers(batch), PER_PAGE)

    @cached_property
    def count(self) -> int:
        return int(self.known)


def look_at(batch: Any) -> Any:
    """Count what the batch holds, what is exceptional in it and what stayed, by one question."""

    def besides(schedules: Sequence[PayoutSchedule], paying: Q, now: datetime) -> dict[str, Count]:
        asked = Asked(batch, schedules, batch.limit_minor, now)
        stays = Count("pk", filter=batch_content.stays(batch, paying))
        return {**exceptional.counting(asked), STAYED: stays}

    return batch_steps.look_at(batch, besides)


def content(batch: Any, *, page: str | None) -> dict[str, Any]:
    """Everything above the stock part of the page, from a fixed number of questions."""
    sums = batch.sums
    lines = _Counted(batch).get_page(page)
    months = earlier_months.before(batch)
    return {
        "batch": batch,
        "total": sums.total,
        "total_shown": batch_steps.shown(batch, sums.total.amount_minor),
        "waiting": sums.waiting,
        "waiting_shown": batch_steps.shown(batch, sums.waiting.amount_minor),
        "page": lines,
        "referrers": _by_referrer(batch, lines),
        "choosable": UNPAID,
        "exceptions": _exceptions(batch),
        "months": [(month, grouped(month.amount_minor, batch.currency)) for month in months],
        "paid_before": any(month.amount_minor for month in months),
        "percent_above": earlier_months.percent_above(sums.total.amount_minor, months),
        "changed": _changed(batch),
        "as_of": sums.as_of,
        "approvals": _approvals(batch),
        "remarks": _remarks(batch),
        "excluded": batch.excluded,
        "is_open": batch.status in DRAFTED,
    }


def choosing(buttons: list[Button]) -> list[Button]:
    """Of the steps of a page, those about chosen lines."""
    names = {step.name for step in batch_steps.LINE_STEPS}
    return [button for button in buttons if button.step.name in names]


def _by_referrer(batch: Any, referrers: Any) -> list[dict[str, Any]]:
    """The referrers of one page with their lines."""
    of_these = Bonus.objects.filter(batch=batch, enrollment__in=[row["enrollment"] for row in referrers])
    joined = ["account", "reward", "enrollment__referrer"]
    lines: dict[int, list[Bonus]] = {}
    pays = Case(When(batch.sums.paying, then=True), default=False, output_field=BooleanField())
    of_these = of_these.annotate(pays=pays).select_related(*joined)
    for bonus in of_these.order_by("pk")[: batch_steps.LINES]:
        lines.setdefault(bonus.enrollment_id, []).append(bonus)
    return [_referrer(batch, row, lines.get(row["enrollment"], [])) for row in referrers]


def _referrer(batch: Any, row: dict[str, Any], lines: list[Bonus]) -> dict[str, Any]:
    """A referrer with the lines that stand on the page, and a link to all where some do not."""
    every = {"batch__id__exact": batch.pk, "enrollment__id__exact": row["enrollment"]}
    more = row["bonuses"] + row["left_out"] - len(lines)
    return {
        **row,
        "sum": grouped(row["total_minor"], batch.currency),
        "lines": [(bonus, amount(bonus)) for bonus in lines],
        "more": more,
        "all": reverse("admin:payouts_bonus_changelist", query=every) if more else "",
    }


def _exceptions(batch: Any) -> list[tuple[Found, list[tuple[Finding, str]]]]:
    """What to look at before it is approved, each with the page to look at."""
    if batch.status == BatchStatus.VOIDED:
        return []
    asked = Asked(batch, batch.sums.schedules, batch.limit_minor, batch.sums.as_of)
    counts = {name: count for name, count in batch.sums.besides.items() if name != STAYED}
    return [
        (found, [(finding, _address(found, finding)) for finding in found.findings])
        for found in exceptional.of_batch(asked, counts)
    ]


def _address(found: Found, finding: Finding) -> str:
    name, number = LOOK_AT[found.kind.look_at]
    return reverse(f"admin:{name}", args=[number(finding.bonus)])


def _changed(batch: Any) -> batch_content.Difference | None:
    """What came and went since it was put up; of what is approved or over nobody asks any more."""
    if batch.status not in DRAFTED:
        return None
    stayed = batch.sums.besides[STAYED]
    nothing = stayed == batch.sums.total.bonuses == batch.lines_put_up
    return batch_content.difference(batch, batch.sums.paying, most=CHANGES, is_none=nothing)


@dataclass(frozen=True, slots=True)
class Name:
    """Under a batch."""

    person: User
    at: datetime


def _approvals(batch: Any) -> list[Name]:
    """Who approved what was put up the last time."""
    if batch.status == BatchStatus.DRAFT or batch.approved_at is None:
        return []
    if batch.approvals_needed == 1 and batch.approved_by is not None:
        return [Name(batch.approved_by, batch.approved_at)]
    return [Name(approval.person, approval.at) for approval in batch_steps.approvals(batch)]


def _remarks(batch: Any) -> list[BatchNote]:
    """What was written when something left it, or it was refused or voided; the latest first."""
    if not batch.was_said:
        return []
    notes = BatchNote.objects.filter(batch=batch).select_related("written_by", "bonus__account")
    return list(notes.order_by("-pk")[:CHANGES])
