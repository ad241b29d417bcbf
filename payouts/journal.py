"""
The books as a plain-text journal, in the notation of beancount: every transfer, and what each account holds.

A debit is positive, as accountants write it. The balances at the end are summed by the database, apart from
the transfers above them: whoever reads the journal with another tool checks one against the other.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from django.db.models import F, Max, Q, QuerySet, Sum
from django.db.models.functions import Coalesce

from payouts.models import LedgerAccount, Transfer
from payouts.rules.lifecycle import AccountKind
from referrals.models import Program
from referrals.rules.money import to_text
from referrals.rules.zones import local_date

AT_ONCE = 2_000
OPENED = "1970-01-01"

_PLACES = {
    AccountKind.EXPENSE: "Expenses:{program}:Bonuses",
    AccountKind.CLEARING: "Assets:{program}:Clearing",
    AccountKind.BANK: "Assets:{program}:Bank",
    AccountKind.SERVICES: "Income:{program}:Services",
    AccountKind.PAYABLE: "Liabilities:{program}:{referrer}:Payable",
    AccountKind.BALANCE: "Liabilities:{program}:{referrer}:Balance",
    AccountKind.CREDIT: "Liabilities:{program}:{referrer}:Credit",
    AccountKind.CASH_OWED: "Assets:{program}:{referrer}:Taken-back",
}
CAUSES = ["bonus", "payout", "withdrawal", "spend", "gift"]


def write(*, as_of: datetime, programs: QuerySet[Program] | None = None) -> Iterator[str]:
    """
    The lines of the journal up to that instant; referrers are numbers in it.

    Each transfer stands on its day in its program's time zone.

    :param programs: only the books of these; by default of all
    """
    accounts = LedgerAccount.objects.select_related("program").order_by("pk")
    transfers = Transfer.objects.filter(posted_at__lte=as_of)
    if programs is not None:
        accounts = accounts.filter(program__in=programs)
        transfers = transfers.filter(debit__program__in=programs)
    moved = accounts.filter(Q(debits__in=transfers) | Q(credits__in=transfers)).distinct()
    names = {account.pk: name_of(account) for account in moved}
    zones = {account.pk: ZoneInfo(account.program.time_zone) for account in moved}

    yield f"; The books up to {as_of.isoformat()}\n"
    for account in moved:
        yield f"{OPENED} open {names[account.pk]} {account.currency}\n"
    for transfer in transfers.order_by("posted_at", "pk").iterator(AT_ONCE):
        day = local_date(transfer.posted_at, zones[transfer.debit_id])
        amount = to_text(transfer.amount_minor, transfer.currency)
        yield f'\n{day} * "{transfer.get_kind_display()}" "{_cause(transfer)}"\n'
        yield f'  transfer: "{transfer.pk}"\n'
        yield f"  {names[transfer.debit_id]}  {amount} {transfer.currency}\n"
        yield f"  {names[transfer.credit_id]}  -{amount} {transfer.currency}\n"
    yield from _balances(moved, transfers, names, zones)


def name_of(account: LedgerAccount) -> str:
    """The account as the journal names it: by its program, and a referrer by the number of the enrollment."""
    slug = account.program.slug.replace("_", "-").capitalize()
    place = _PLACES[AccountKind(account.kind)]
    return place.format(program=f"{slug}-{account.program_id}", referrer=f"E{account.enrollment_id}")


def balances_minor(transfers: QuerySet[Transfer]) -> dict[int, int]:
    """What these transfers leave on each account they touch: debited less credited, in minor units."""
    left: dict[int, int] = {}
    for side, sign in (("debit", 1), ("credit", -1)):
        summed = transfers.order_by().values(account=F(side)).annotate(total=Coalesce(Sum("amount_minor"), 0))
        for account, total in summed.values_list("account", "total"):
            left[account] = left.get(account, 0) + sign * total
    return left


def _balances(
    accounts: QuerySet[LedgerAccount],
    transfers: QuerySet[Transfer],
    names: dict[int, str],
    zones: dict[int, ZoneInfo],
) -> Iterator[str]:
    """What every account holds after the last day; beancount looks at a day's beginning."""
    left = balances_minor(transfers)
    last = transfers.aggregate(last=Max("posted_at"))["last"]
    for account in accounts:
        after = local_date(last, zones[account.pk]) + timedelta(days=1)
        amount = to_text(left[account.pk], account.currency)
        yield f"\n{after} balance {names[account.pk]}  {amount} {account.currency}\n"


def _cause(transfer: Transfer) -> str:
    """What the transfer rests on, by kind and number."""
    for cause in CAUSES:
        if number := getattr(transfer, f"{cause}_id"):
            return f"{cause} {number}"
    return ""
