"""Fees that referrers bear: what each payment was charged, what was sent, and what was given back."""

from typing import Any

from django.db.models import Max, Q, QuerySet, Sum
from django.http import HttpRequest

from payouts.models import Fee, PaymentFile, Payout, PayoutMethod
from payouts.payments import fees
from payouts.rules.fees import percent
from payouts.rules.lifecycle import PayoutStatus, TransferKind
from referrals.admin.base import PartOfAnother, PlainInline, display, register
from referrals.admin.columns import AMOUNT_COLUMNS, NOTHING, amount_of, grouped

charged = amount_of("charged_minor", label="charged on")
fee = amount_of(label="fee")


@display(description="of")
def payment(row: Fee) -> str:
    """The payment that it is the fee of."""
    return str(row.line or row.order or f"{row.arrival}".capitalize())


@display(description="given back")
def given_back(row: Any) -> Any:
    """When it was given back, because the payment came to nothing."""
    return row.given_back_at or NOTHING


def _with_given_back(rows: QuerySet[Fee]) -> QuerySet[Fee]:
    back = Q(transfers__kind=TransferKind.FEE_BACK)
    return rows.annotate(given_back_at=Max("transfers__posted_at", filter=back))


class FeeInline(PlainInline):
    model = Fee
    fields = ["charged_at", payment, charged, fee, given_back]
    related = ["line", "order", "arrival"]
    verbose_name_plural = "fees that the referrer bears"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Fee]:
        return _with_given_back(super().get_queryset(request))


@register(Fee)
class FeeAdmin(PartOfAnother):
    of_program = "payout__enrollment__program"
    when_empty = "A fee is kept from a payment where its way to pay states one that the referrer bears."
    list_display = ["charged_at", "payout", payment, charged, fee, given_back]
    list_select_related = ["payout", "line", "order", "arrival"]
    exclude = [*AMOUNT_COLUMNS, "charged_minor"]
    readonly_fields = [charged, fee]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Fee]:
        return _with_given_back(super().get_queryset(request))


@display(description="fee")
def of_payout(payout: Payout) -> str:
    """What a payout bears, or would by the way that its referrer is paid: gross, fee and net."""
    currency = payout.currency
    if borne := fees.standing(payout):
        gross, less = payout.amount_minor, borne.amount_minor
        sent = _money(gross - less, currency)
        return f"{_money(less, currency)} of {_money(gross, currency)}: {sent} is sent"
    if payout.status != PayoutStatus.PREPARED or not (charge := fees.expected(payout)):
        return NOTHING
    if charge.net_minor <= 0:
        return f"It would be {_money(charge.fee_minor, currency)}, and eat the payout whole: it is not sent"
    return f"It will be {_money(charge.fee_minor, currency)}: {_money(charge.net_minor, currency)} is sent"


@display(description="fee")
def of_payment(row: Any) -> str:
    """The fee of a line of a file, or of an order; the list joins it."""
    kept: Fee | None = getattr(row, "fee", None)
    return _money(kept.amount_minor, kept.currency) if kept else NOTHING


@display(description="fee")
def of_method(method: PayoutMethod) -> str:
    """What a way to pay states that the referrer bears."""
    currency = method.program.currency
    parts = [_money(method.fee_fixed_minor, currency)] if method.fee_fixed_minor else []
    if method.fee_basis_points:
        parts.append(percent(method.fee_basis_points))
    return " and ".join(parts) or NOTHING


def of_file(file: PaymentFile) -> str:
    """Gross, fees and net of a file; empty: no referrer bears anything of it."""
    if not fees.states_a_fee(file.method):
        return ""
    kept = Fee.objects.filter(line__file=file).aggregate(total=Sum("amount_minor"))["total"] or 0
    return ahead(file.total_minor, kept, file.currency)


def ahead(net_minor: int, fees_minor: int, currency: str) -> str:
    """Gross, fees and net in words; empty: nobody bears a fee."""
    if not fees_minor:
        return ""
    gross, less = _money(net_minor + fees_minor, currency), _money(fees_minor, currency)
    return f"{gross} less {less} of fees that referrers bear: {_money(net_minor, currency)}"


def _money(minor: int, currency: str) -> str:
    return f"{currency} {grouped(minor, currency)}"
