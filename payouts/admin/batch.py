"""Batches and payouts: what was approved together, and the money to each referrer in it."""

from django.utils.safestring import SafeString

from payouts.models import BatchChange, Bonus, Payout, PayoutBatch, PayoutChange
from referrals.admin.base import (
    PartOfAnother,
    ReadOnlyAdmin,
    ReadOnlyInline,
    display,
    link_to_list,
    register,
)
from referrals.admin.columns import AMOUNT_COLUMNS, amount, referrer


class BatchChangeInline(ReadOnlyInline):
    model = BatchChange
    fields = ["changed_at", "changed_by"]
    related = ["changed_by"]


class PayoutChangeInline(ReadOnlyInline):
    model = PayoutChange
    fields = ["changed_at", "changed_by"]
    related = ["changed_by"]


@register(PayoutBatch)
class PayoutBatchAdmin(ReadOnlyAdmin):
    list_display = ["id", "program", "run_on", "kind", "currency", "sequence", "status", "automatic"]
    list_display += ["prepared_by", "approved_by"]
    list_filter = ["status", "program", "kind", "automatic"]
    list_select_related = ["program", "prepared_by", "approved_by"]
    date_hierarchy = "run_on"
    search_fields = ["program__slug__exact"]
    readonly_fields = ["bonuses", "payouts"]
    inlines = [BatchChangeInline]

    @display(description="bonuses")
    def bonuses(self, batch: PayoutBatch) -> SafeString:
        return link_to_list(Bonus, "All its bonuses", batch=batch.pk)

    @display(description="payouts")
    def payouts(self, batch: PayoutBatch) -> SafeString:
        return link_to_list(Payout, "All its payouts", batch=batch.pk)


@register(Payout)
class PayoutAdmin(ReadOnlyAdmin):
    list_display = ["id", referrer, "batch", amount, "status", "attempt", "created_at"]
    list_filter = ["status", "batch__program"]
    list_select_related = ["enrollment__referrer", "batch__program"]
    search_fields = ["enrollment__referrer__host_account__exact", "^enrollment__referrer__name"]
    exclude = AMOUNT_COLUMNS
    readonly_fields = [amount, "bonuses"]
    inlines = [PayoutChangeInline]

    @display(description="bonuses")
    def bonuses(self, payout: Payout) -> SafeString:
        return link_to_list(Bonus, "All its bonuses", payout=payout.pk)


@register(BatchChange)
class BatchChangeAdmin(PartOfAnother):
    list_display = ["__str__", "batch", "changed_at", "changed_by"]
    list_filter = ["new_status"]
    list_select_related = ["batch__program", "changed_by"]


@register(PayoutChange)
class PayoutChangeAdmin(PartOfAnother):
    list_display = ["__str__", "payout", "changed_at", "changed_by"]
    list_filter = ["new_status"]
    list_select_related = ["payout__batch__program", "changed_by"]
