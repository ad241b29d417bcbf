"""Batches: what was approved together, with what each referrer gets of it."""

from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.safestring import SafeString

from payouts.admin import batch_page, batch_steps
from payouts.admin.batch_drafting import Drafting
from payouts.admin.batch_export import BatchExport
from payouts.models import (
    ApprovalTier,
    BatchApproval,
    BatchChange,
    BatchLine,
    BatchNote,
    Bonus,
    Payout,
    PayoutBatch,
    PayoutLimit,
)
from referrals.admin.base import (
    PartOfAnother,
    PlainInline,
    ReadOnlyAdmin,
    display,
    link_to_list,
    register,
)
from referrals.admin.columns import amount_of, became, person_at, status
from referrals.admin.steps import StepAdmin

total = amount_of("payable_minor", label="sum")
put_up_amount = amount_of("amount_minor", "batch.currency")
tier_amount = amount_of("from_minor", "program.currency", label="from")
limit_amount = amount_of("per_referrer_minor", "program.currency", label="to one referrer")


class BatchChangeInline(PlainInline):
    model = BatchChange
    fields = ["changed_at", became, person_at("changed_by")]
    related = ["changed_by"]


@register(PayoutBatch)
class PayoutBatchAdmin(Drafting, BatchExport, StepAdmin, ReadOnlyAdmin):
    of_program = "program"
    steps = [*batch_steps.STEPS, *batch_steps.LINE_STEPS]
    list_before_template = "admin/payouts/payoutbatch/drafting.html"
    change_form_outer_before_template = "admin/payouts/payoutbatch/content.html"
    when_empty = "Bonuses that are due are put into a batch by the next run."
    list_display = ["number", "program", "run_on", "kind", "bonuses_in_it", total, status]
    list_display += [person_at("prepared_by"), person_at("approved_by")]
    list_filter = ["status", "program", "kind", "automatic"]
    list_select_related = ["program", "prepared_by", "approved_by"]
    date_hierarchy = "run_on"
    search_fields = ["program__slug__exact"]
    readonly_fields = ["bonuses", "payouts"]
    exclude = ["content_sha256", "turn"]
    inlines = [BatchChangeInline]

    def get_queryset(self, request: HttpRequest) -> QuerySet[PayoutBatch]:
        """Batches with what they would pay now, or did."""
        return super().get_queryset(request).select_related("program").annotate(**batch_steps.SUMS)

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
        joined = self.get_queryset(request).select_related("program", "prepared_by", "approved_by")
        seen = joined.annotate(**batch_page.BESIDES)
        batch = self.row_of_page(request, object_id, seen)
        shown: dict[str, Any] = {}
        if batch:
            shown = batch_page.content(batch_page.look_at(batch), page=request.GET.get("page"))
            buttons = self.buttons(batch, request.user)
            shown["choosing"] = batch_page.choosing(buttons)
            shown["buttons"] = [button for button in buttons if button not in shown["choosing"]]
        return super().change_view(request, object_id, form_url, {**(extra_context or {}), **shown})

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        may_draft = request.user.has_perm(batch_steps.PREPARE)
        return super().changelist_view(request, {"may_draft": may_draft, **(extra_context or {})})

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
    list_display = ["__str__", "batch", "changed_at", person_at("changed_by")]
    list_filter = ["new_status"]
    list_select_related = ["batch__program", "changed_by"]


@register(BatchLine)
class BatchLineAdmin(PartOfAnother):
    """What was put up, as it was put up."""

    of_program = "batch__program"
    list_display = ["bonus", "batch", "turn", put_up_amount]
    list_select_related = ["batch__program", "bonus"]
    exclude = ["amount_minor"]
    readonly_fields = [put_up_amount]


@register(BatchApproval)
class BatchApprovalAdmin(PartOfAnother):
    of_program = "batch__program"
    list_display = [person_at("person"), "batch", "turn", "at"]
    list_select_related = ["batch__program", "person"]


@register(BatchNote)
class BatchNoteAdmin(PartOfAnother):
    of_program = "batch__program"
    list_display = ["text", "about", "batch", "bonus", person_at("written_by"), "written_at"]
    list_filter = ["about"]
    list_select_related = ["batch__program", "bonus", "written_by"]


@register(ApprovalTier)
class ApprovalTierAdmin(PartOfAnother):
    """Changed by a step on the page of the program."""

    of_program = "program"
    list_display = ["program", "people", tier_amount]
    list_select_related = ["program"]
    exclude = ["from_minor"]
    readonly_fields = [tier_amount]


@register(PayoutLimit)
class PayoutLimitAdmin(PartOfAnother):
    """Changed by a step on the page of the program."""

    of_program = "program"
    list_display = ["program", limit_amount]
    list_select_related = ["program"]
    exclude = ["per_referrer_minor"]
    readonly_fields = [limit_amount]
