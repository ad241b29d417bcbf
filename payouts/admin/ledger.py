"""The books, to read: accounts with their balances, transfers, and what they rest on."""

from django.db.models import BigIntegerField, F, OuterRef, QuerySet, Subquery, Sum
from django.db.models.functions import Coalesce
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from payouts.admin.books.account import AccountStatementPages
from payouts.admin.books.journal import JournalPages
from payouts.admin.books.trial_balance import TrialBalancePages
from payouts.models import Gift, LedgerAccount, Spend, Transfer, Withdrawal
from payouts.models.ledger import CAUSES
from referrals.admin.base import ReadOnlyAdmin, display, link_to_list, register, site
from referrals.admin.columns import AMOUNT_COLUMNS, NOTHING, amount, amount_of, found_at, referrer
from referrals.models import Referrer

balance = amount_of("balance_minor", label="balance")
debit = found_at("debit.get_kind_display", label="debit")
credit = found_at("credit.get_kind_display", label="credit")

SEARCHED = ["host_account__exact", "name__istartswith"]


@register(LedgerAccount)
class LedgerAccountAdmin(TrialBalancePages, AccountStatementPages, ReadOnlyAdmin):
    of_program = "program"
    list_display = ["kind", "program", referrer, "currency", balance]
    list_filter = ["kind", "program"]
    list_select_related = ["program", "enrollment__referrer"]
    search_fields = [f"enrollment__referrer__{searched}" for searched in SEARCHED]
    readonly_fields = [balance, "statement", "debits", "credits"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[LedgerAccount]:
        accounts = super().get_queryset(request)
        return accounts.annotate(balance_minor=_sum_of("credit") - _sum_of("debit"))

    @display(description="statement")
    def statement(self, account: LedgerAccount) -> SafeString:
        address = reverse("admin:payouts_ledgeraccount_statement", args=[account.pk])
        return format_html('<a href="{}">Its transfers with the balance after each</a>', address)

    @display(description="debits")
    def debits(self, account: LedgerAccount) -> SafeString:
        return link_to_list(Transfer, "All its debits", debit=account.pk)

    @display(description="credits")
    def credits(self, account: LedgerAccount) -> SafeString:
        return link_to_list(Transfer, "All its credits", credit=account.pk)


@register(Transfer)
class TransferAdmin(JournalPages, ReadOnlyAdmin):
    of_program = "debit__program"
    when_empty = "Amounts are booked when bonuses are activated, paid or taken back."
    list_display = ["posted_at", "kind", amount, debit, credit, "referrer", "cause"]
    list_filter = ["kind", "currency", "debit__program"]
    list_select_related = ["debit__enrollment__referrer", "credit__enrollment__referrer"]
    search_fields = [
        "bonus__account__host_account__exact",
        "debit__enrollment__referrer__host_account__exact",
        "credit__enrollment__referrer__host_account__exact",
    ]
    exclude = AMOUNT_COLUMNS
    readonly_fields = [amount]

    @display(description="referrer")
    def referrer(self, transfer: Transfer) -> Referrer | str:
        of_referrer = transfer.debit.enrollment or transfer.credit.enrollment
        return of_referrer.referrer if of_referrer else NOTHING

    @display(description="cause")
    def cause(self, transfer: Transfer) -> str:
        numbers = {name: getattr(transfer, f"{name}_id") for name in CAUSES}
        return ", ".join(f"{name} {number}" for name, number in numbers.items() if number)


for model, people, shown in [
    (Withdrawal, {"enrollment": "referrer"}, ["requested_at"]),
    (Spend, {"enrollment": "referrer"}, ["service", "spent_at"]),
    (Gift, {"giver": "giver", "receiver": "receiver"}, ["given_at"]),
]:
    site.register(
        model,
        ReadOnlyAdmin,
        of_program=f"{next(iter(people))}__program",
        list_display=[
            "id",
            *(found_at(f"{of}.referrer", label=label) for of, label in people.items()),
            amount,
            *shown,
        ],
        list_filter=[f"{next(iter(people))}__program"],
        list_select_related=[f"{of}__referrer" for of in people],
        search_fields=[f"{of}__referrer__{searched}" for of in people for searched in SEARCHED],
        exclude=AMOUNT_COLUMNS,
        readonly_fields=[amount],
    )


def _sum_of(side: str) -> Coalesce:
    """What the transfers of an account come to on that side; summed apart, so that no join doubles a row."""
    transfers = Transfer.objects.filter(**{side: OuterRef("pk")}).order_by().values(side)
    total = Subquery(transfers.annotate(total=Sum(F("amount_minor"))).values("total"))
    return Coalesce(total, 0, output_field=BigIntegerField())
