"""Facts from the host, and those that two people took out of account."""

from referrals.admin.base import ReadOnlyAdmin, ReadOnlyInline, register
from referrals.admin.columns import AMOUNT_COLUMNS, amount
from referrals.models import AccountEvent, EventVoid

SEARCHED = ["host_account__exact", "event_id__exact"]


class VoidInline(ReadOnlyInline):
    model = EventVoid
    fields = ["voided_at", "voided_by", "approved_by"]
    related = ["voided_by", "approved_by"]


@register(AccountEvent)
class AccountEventAdmin(ReadOnlyAdmin):
    when_empty = "The host product tells facts by its API: subscriptions, payments, refunds."
    list_display = ["event_id", "type", "host_account", "occurred_at", "received_at"]
    list_display += [amount, "product", "client"]
    list_filter = ["type", "currency", "host"]
    list_select_related = ["client__host"]
    search_fields = SEARCHED
    exclude = AMOUNT_COLUMNS
    readonly_fields = [amount]
    inlines = [VoidInline]


@register(EventVoid)
class EventVoidAdmin(ReadOnlyAdmin):
    list_display = ["event", "voided_at", "voided_by", "approved_by"]
    list_select_related = ["event", "voided_by", "approved_by"]
    search_fields = [f"event__{field}" for field in SEARCHED]
