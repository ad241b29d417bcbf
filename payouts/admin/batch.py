"""Batches: what was approved together, with what each referrer gets of it."""

from typing import Any

from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.safestring import SafeString

from payouts.admin import batch_steps
from payouts.models import BatchChange, Bonus, Payout, PayoutBatch
from referrals.admin.base import (
    PartOfAnother,
    PlainInline,
    ReadOnlyAdmin,
    display,
    link_to_list,
    register,
)
from referrals.admin.columns import amount, amount_of, became, grouped, status
from referrals.admin.steps import StepAdmin

total = amount_of("payable_minor", label="sum")

PER_PAGE = 50
LINES = 500
"""So many referrers stand on one page of a batch, with so many lines; all of them are one click away."""


class BatchChangeInline(PlainInline):
    model = BatchChange
    fields = ["changed_at", became, "changed_by"]
    related = ["changed_by"]


@register(PayoutBatch)
class PayoutBatchAdmin(StepAdmin, ReadOnlyAdmin):
    of_program = "program"
    steps = batch_steps.STEPS
    change_form_outer_before_template = "admin/payouts/payoutbatch/content.html"
    when_empty = "Bonuses that are due are put into a batch by the next run."
    list_display = ["number", "program", "run_on", "kind", "bonuses_in_it", total, status]
    list_display += ["prepared_by", "approved_by"]
    list_filter = ["status", "program", "kind", "automatic"]
    list_select_related = ["program", "prepared_by", "approved_by"]
    date_hierarchy = "run_on"
    search_fields = ["program__slug__exact"]
    readonly_fields = ["bonuses", "payouts"]
    exclude = ["content_sha256"]
    inlines = [BatchChangeInline]

    def get_queryset(self, request: HttpRequest) -> QuerySet[PayoutBatch]:
        """Batches with what they would pay now, or did."""
        return super().get_queryset(request).annotate(**batch_steps.SUMS)

    @display(description="batch", ordering="pk")
    def number(self, batch: PayoutBatch) -> str:
        return f"Batch {batch.pk}"

    @display(description="bonuses")
    def bonuses_in_it(self, batch: Any) -> int:
        return batch.payable_bonuses

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """The page of a batch: its sum, its referrers with their lines, and what two people do with it."""
        seen = self.get_queryset(request).select_related("program", "prepared_by", "approved_by")
        batch = seen.filter(pk=object_id).first() if object_id.isdecimal() else None
        shown = _content(batch_steps.look_at(batch), page=request.GET.get("page")) if batch else {}
        shown["buttons"] = batch and self.buttons(batch, request.user)
        return super().change_view(request, object_id, form_url, {**(extra_context or {}), **shown})

    def load(self, request: HttpRequest, pk: int) -> Any:
        return batch_steps.look_at(super().load(request, pk))

    @display(description="bonuses")
    def bonuses(self, batch: PayoutBatch) -> SafeString:
        return link_to_list(Bonus, "All its bonuses", batch=batch.pk)

    @display(description="payouts")
    def payouts(self, batch: PayoutBatch) -> SafeString:
        return link_to_list(Payout, "All its payouts", batch=batch.pk)


@register(BatchChange)
class BatchChangeAdmin(PartOfAnother):
    of_program = "batch__program"
    list_display = ["__str__", "batch", "changed_at", "changed_by"]
    list_filter = ["new_status"]
    list_select_related = ["batch__program", "changed_by"]


def _content(batch: Any, *, page: str | None) -> dict[str, Any]:
    """What the page shows of a batch: sums, and the referrers of one page with their lines."""
    total, waiting = batch.sums.total, batch.sums.waiting
    referrers = Paginator(batch_steps.referrers(batch), PER_PAGE).get_page(page)
    joined = ["account", "reward", "enrollment__referrer"]
    of_these = Bonus.objects.filter(batch=batch, enrollment__in=[row["enrollment"] for row in referrers])
    lines: dict[int, list[Bonus]] = {}
    for bonus in of_these.select_related(*joined).order_by("pk")[:LINES]:
        lines.setdefault(bonus.enrollment_id, []).append(bonus)
    return {
        "batch": batch,
        "total": total,
        "total_shown": batch_steps.shown(batch, total.amount_minor),
        "waiting": waiting,
        "waiting_shown": batch_steps.shown(batch, waiting.amount_minor),
        "page": referrers,
        "referrers": [
            {
                **row,
                "sum": grouped(row["total_minor"], batch.currency),
                "lines": [(bonus, amount(bonus)) for bonus in lines.get(row["enrollment"], [])],
            }
            for row in referrers
        ],
    }
