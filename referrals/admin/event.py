"""Facts from the host, and those that two people took out of account."""

from datetime import datetime, timedelta
from typing import Any

from django.db.models import Q
from django.http import HttpRequest
from django.utils import timezone

from referrals import scopes
from referrals.admin.base import ReadOnlyAdmin, ReadOnlyInline, SimpleListFilter, register
from referrals.admin.columns import AMOUNT_COLUMNS, amount
from referrals.models import AccountEvent, EventVoid
from referrals.scopes import Programs

PARKED_FOR = timedelta(days=30)
SEARCHED = ["host_account__exact", "event_id__exact"]


class VoidInline(ReadOnlyInline):
    model = EventVoid
    fields = ["voided_at", "voided_by", "approved_by"]
    related = ["voided_by", "approved_by"]


def parked_of_late(rows: Any, now: datetime) -> Any:
    """Facts of the last days about accounts that no program knows; older ones are hardly waited for."""
    return rows.filter(received_at__gt=now - PARKED_FOR).parked()


class ParkedFilter(SimpleListFilter):
    """Facts that wait for their account to sign up."""

    title = "state"
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("parked", f"Parked in the last {PARKED_FOR.days} days")]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        return parked_of_late(queryset, timezone.now()) if self.value() else queryset


@register(AccountEvent)
class AccountEventAdmin(ReadOnlyAdmin):
    when_empty = "The host product tells facts by its API: subscriptions, payments, refunds."
    list_display = ["event_id", "type", "host_account", "occurred_at", "received_at"]
    list_display += [amount, "product", "client"]
    list_filter = [ParkedFilter, "type", "currency", "host"]
    list_select_related = ["client__host"]
    search_fields = SEARCHED
    exclude = AMOUNT_COLUMNS
    readonly_fields = [amount]
    inlines = [VoidInline]

    def of_programs(self, programs: Programs) -> Q:
        return scopes.events(programs)


@register(EventVoid)
class EventVoidAdmin(ReadOnlyAdmin):
    list_display = ["event", "voided_at", "voided_by", "approved_by"]
    list_select_related = ["event", "voided_by", "approved_by"]
    search_fields = [f"event__{field}" for field in SEARCHED]

    def of_programs(self, programs: Programs) -> Q:
        return scopes.events(programs, "event__")
