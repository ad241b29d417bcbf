"""Payment orders that go over the network: how each stands, every call about it, and who does what next."""

from datetime import datetime
from typing import Any, cast

from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from django.utils.safestring import SafeString

from payouts.admin.payments.roles import APPROVE, PREPARE
from payouts.models import PaymentCall, PaymentNotice, PaymentOrder
from payouts.payments import orders
from payouts.rails import sender_of
from payouts.rules.lifecycle import OrderStatus, PayoutStatus
from referrals.admin.base import (
    PartOfAnother,
    PlainInline,
    ReadOnlyAdmin,
    SimpleListFilter,
    display,
    link_to,
    register,
)
from referrals.admin.columns import AMOUNT_COLUMNS, amount, chip_of, found_at, person_at, status
from referrals.admin.steps import Step, StepAdmin

outcome = chip_of("outcome", label="outcome")
SHOWN_OF_CALLS = ["at", "kind", outcome, "detail", person_at("by")]


class StateFilter(SimpleListFilter):
    """Whether an order waits for a person."""

    title = "state"
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("undelivered", "Waits for a person")]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        return queryset.filter(orders.UNDELIVERED) if self.value() == "undelivered" else queryset


def order_of(row: Any) -> PaymentOrder | None:
    """The order of a row: of a payout, the latest, read once for a page; the row itself, if it is one."""
    if isinstance(row, PaymentOrder):
        return row
    if not hasattr(row, "latest_order"):
        row.latest_order = (
            row.orders.select_related("method").order_by("pk").last() if row.has_orders else None
        )
    return cast("PaymentOrder | None", row.latest_order)


def says(order: PaymentOrder) -> str:
    """How an order stands, and who does what next."""
    said = f" They said: {order.said}" if order.said else ""
    stuck = order.next_at is None
    match OrderStatus(order.status):
        case OrderStatus.WAITING if stuck:
            return (
                f"They have not taken it, and nobody tries any more.{said} Put that right and send it"
                " again, or let an approver give it up."
            )
        case OrderStatus.WAITING if order.turn:
            return f"They have not taken it; it is sent again by itself.{said}"
        case OrderStatus.WAITING:
            return "It is written, and sent by itself within a minute."
        case OrderStatus.CALLING:
            return "It is being sent at this moment."
        case OrderStatus.UNKNOWN if stuck:
            return (
                f"Nobody knows whether they have it, and asking them has not helped.{said} Ask them by phone;"
                " then two people say on the page of the payout whether it was sent."
            )
        case OrderStatus.UNKNOWN:
            return f"Nobody knows whether they have it: they are asked, and nothing is sent meanwhile.{said}"
        case OrderStatus.ACCEPTED if stuck:
            return f"They have it, and have not said that it arrived.{said} Ask by phone, then here again."
        case OrderStatus.ACCEPTED:
            return f"They have it. That it has arrived they tell, or are asked.{said}"
        case OrderStatus.CONFIRMED:
            return "They say that it has arrived."
        case OrderStatus.REFUSED if order.destination_id is None:
            return (
                f"The host refuses the credit, which stands in our books.{said} Settle it with the host, then"
                " send it again."
            )
        case OrderStatus.REFUSED:
            return f"They refuse it.{said} Put the destination right, then reissue the payout."
        case OrderStatus.RETURNED:
            return f"It came back.{said} Put the destination right, then reissue the payout."


def _ask(row: Any, by: User, at: datetime, told: dict[str, Any]) -> str:
    order = _existing(row)
    orders.let_ask(order, at=at)
    return f"{order}: they are asked within a minute. Look at this page again."


def _send(row: Any, by: User, at: datetime, told: dict[str, Any]) -> str:
    order = _existing(row)
    orders.let_send_again(order, sender=sender_of(order.method, at=at), by=by, at=at)
    return f"{order} is sent again within a minute, under the same key. Look at this page again."


def _give_up(row: Any, by: User, at: datetime, told: dict[str, Any]) -> str:
    order = _existing(row)
    orders.give_up(order, by=by, at=at)
    return f"{order} is given up. Its payout has failed: reissue it, by another destination if need be."


def _may_be_given_up(row: Any) -> bool:
    order = order_of(row)
    return order is not None and order.status == OrderStatus.WAITING and order.destination_id is not None


def _existing(row: Any) -> PaymentOrder:
    order = order_of(row)
    if order is None:
        raise orders.StepNotAllowed(f"{row} does not go over the network.")
    return order


def _may_be_asked(row: Any) -> bool:
    order = order_of(row)
    return order is not None and order.status in {OrderStatus.UNKNOWN, OrderStatus.ACCEPTED}


def _may_be_sent(row: Any) -> bool:
    order = order_of(row)
    if order is None:
        return False
    refused_credit = order.status == OrderStatus.REFUSED and order.destination_id is None
    # Of a doubt the button is shown and says what comes first.
    return refused_credit or order.status in {OrderStatus.WAITING, OrderStatus.UNKNOWN}


def _why_not_sent(row: Any, user: User) -> str | None:
    order = order_of(row)
    if order is not None and order.status == OrderStatus.UNKNOWN:
        return "They may have it: ask them first. Only what they do not know is sent again."
    return None


STEPS = [
    Step(
        "ask",
        verb="Ask the provider",
        explains="They are asked what became of it. Nothing is sent.",
        permissions=[PREPARE, APPROVE],
        take=_ask,
        is_offered=_may_be_asked,
    ),
    Step(
        "send-again",
        verb="Send again",
        explains="It is sent under the same key: who has it already does not pay it twice.",
        permissions=[PREPARE],
        take=_send,
        is_offered=_may_be_sent,
        why_not=_why_not_sent,
    ),
    Step(
        "give-up",
        verb="Give up",
        explains="They have not taken it, and it is sent no more. Its payout has failed; it can be reissued.",
        permissions=[APPROVE],
        take=_give_up,
        is_offered=_may_be_given_up,
        asks_again=True,
    ),
]
"""On the page of an order, and of its payout."""


class OrderInline(PlainInline):
    """On the page of a payout."""

    model = PaymentOrder
    fields = ["order", status, "said", "tries", "next_at"]

    @display(description="order")
    def order(self, row: PaymentOrder) -> SafeString:
        return link_to(row)


class CallInline(PlainInline):
    model = PaymentCall
    fields = SHOWN_OF_CALLS
    related = ["by"]


class NoticeInline(PlainInline):
    model = PaymentNotice
    fields = ["told_at", outcome, "detail", "client"]
    related = ["client"]


@register(PaymentOrder)
class PaymentOrderAdmin(StepAdmin, ReadOnlyAdmin):
    of_program = "method__program"
    steps = STEPS
    change_form_outer_before_template = "admin/payouts/payment/steps.html"
    when_empty = "An order appears when a payout, or a credit of the host, is to go over the network."
    list_display = [
        "id",
        "payout",
        found_at("payout.enrollment.referrer", label="referrer"),
        "method",
        amount,
        status,
        "said",
        "next_at",
    ]
    list_filter = [StateFilter, "status", "method__program"]
    list_select_related = ["payout__enrollment__referrer", "method__program"]
    search_fields = ["key__exact", "reference__exact"]
    exclude = AMOUNT_COLUMNS
    readonly_fields = [amount]
    inlines = [CallInline, NoticeInline]

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """The page of an order, with every call about it and what can be done."""
        rows = self.get_queryset(request).select_related("method__program", "payout", "destination")
        row = self.row_of_page(request, object_id, rows)
        shown = {"buttons": row and self.buttons(row, request.user), "says": row and says(row)}
        return super().change_view(request, object_id, form_url, {**(extra_context or {}), **shown})


@register(PaymentCall)
class PaymentCallAdmin(PartOfAnother):
    of_program = "order__method__program"
    list_display = ["__str__", "order", *SHOWN_OF_CALLS]
    list_filter = ["kind", "outcome"]
    list_select_related = ["order", "by"]


@register(PaymentNotice)
class PaymentNoticeAdmin(PartOfAnother):
    of_program = "order__method__program"
    list_display = ["__str__", "order", "told_at", outcome, "detail", "client"]
    list_filter = ["outcome"]
    list_select_related = ["order", "client"]


ON_THE_WAY = {PayoutStatus.SENDING, PayoutStatus.UNKNOWN, PayoutStatus.FAILED, PayoutStatus.CREDITED}
"""How a payout stands of which its order says more."""
