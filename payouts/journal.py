"""
The books as a plain-text journal, in the notation of beancount: every transfer, and what each account holds.

A debit is positive, as accountants write it. The balances at the end are summed by the database, apart from
the transfers above them: whoever reads the journal with another tool checks one against the other.
"""

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from itertools import groupby
from zoneinfo import ZoneInfo

from django.db.models import Max, QuerySet

from payouts import trial_balance
from payouts.models import LedgerAccount, Transfer
from payouts.models.ledger import CAUSES
from payouts.rules.lifecycle import AccountKind
from payouts.trial_balance import Sides
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
    AccountKind.FEES: "Income:{program}:Fees",
    AccountKind.PAYABLE: "Liabilities:{program}:{referrer}:Payable",
    AccountKind.BALANCE: "Liabilities:{program}:{referrer}:Balance",
    AccountKind.CREDIT: "Liabilities:{program}:{referrer}:Credit",
    AccountKind.CASH_OWED: "Assets:{program}:{referrer}:Taken-back",
}


def write(
    *, as_of: datetime, programs: QuerySet[Program] | None = None, since: datetime | None = None
) -> Iterator[str]:
    """
    The lines of the journal up to that instant; referrers are numbers in it.

    Each transfer stands on its day in its program's time zone.

    :param programs: only the books of these; by default of all
    :param since: what was posted before is one entry for each program, with what its accounts held then
    """
    accounts = LedgerAccount.objects.select_related("program").order_by("program_id", "pk")
    transfers = Transfer.objects.filter(posted_at__lte=as_of)
    if programs is not None:
        accounts = accounts.filter(program__in=programs)
        transfers = transfers.filter(debit__program__in=programs)
    left = trial_balance.sides_of(transfers, "pk")
    moved = [account for account in accounts if account.pk in left]
    names = {account.pk: name_of(account) for account in moved}
    zones = {account.pk: ZoneInfo(account.program.time_zone) for account in moved}

    yield f"; The books up to {as_of.isoformat()}\n"
    for account in moved:
        yield f"{OPENED} open {names[account.pk]} {account.currency}\n"
    written = transfers
    if since is not None:
        yield from _brought_forward(moved, transfers.filter(posted_at__lt=since), names, zones, since)
        written = transfers.filter(posted_at__gte=since)
    for transfer in written.order_by("posted_at", "pk").iterator(AT_ONCE):
        day = local_date(transfer.posted_at, zones[transfer.debit_id])
        amount = to_text(transfer.amount_minor, transfer.currency)
        yield f'\n{day} * "{transfer.get_kind_display()}" "{cause_of(transfer)}"\n'
        yield f'  transfer: "{transfer.pk}"\n'
        yield f"  {names[transfer.debit_id]}  {amount} {transfer.currency}\n"
        yield f"  {names[transfer.credit_id]}  -{amount} {transfer.currency}\n"
    if last := transfers.aggregate(last=Max("posted_at"))["last"]:
        yield from _balances(moved, left, names, zones, after=max(filter(None, [since, last])))


def rows(
    program: Program, *, as_of: datetime, since: datetime | None = None
) -> Iterator[tuple[Transfer, date, str, str]]:
    """Every transfer of a program with its day and the names of both accounts, debit first."""
    accounts = LedgerAccount.objects.filter(program=program).select_related("program")
    names = {account.pk: name_of(account) for account in accounts}
    zone = ZoneInfo(program.time_zone)
    transfers = trial_balance.posted(program, as_of=as_of)
    if since is not None:
        transfers = transfers.filter(posted_at__gte=since)
    for row in transfers.order_by("posted_at", "pk").iterator(AT_ONCE):
        yield row, local_date(row.posted_at, zone), names[row.debit_id], names[row.credit_id]


def name_of(account: LedgerAccount) -> str:
    """The account as the journal names it: by its program, and a referrer by the number of the enrollment."""
    slug = account.program.slug.replace("_", "-").capitalize()
    place = _PLACES[AccountKind(account.kind)]
    return place.format(program=f"{slug}-{account.program_id}", referrer=f"E{account.enrollment_id}")


def _brought_forward(
    accounts: list[LedgerAccount],
    earlier: QuerySet[Transfer],
    names: dict[int, str],
    zones: dict[int, ZoneInfo],
    since: datetime,
) -> Iterator[str]:
    """What the accounts of each program held before the period: together nothing, as all that is booked."""
    held = trial_balance.sides_of(earlier, "pk")
    for _, of_program in groupby(accounts, key=lambda account: account.program_id):
        brought = [each for each in of_program if held.get(each.pk, Sides()).balance_minor]
        if brought:
            day = local_date(since, zones[brought[0].pk]) - timedelta(days=1)
            yield f'\n{day} * "Brought forward" ""\n'
        for account in brought:
            amount = to_text(held[account.pk].balance_minor, account.currency)
            yield f"  {names[account.pk]}  {amount} {account.currency}\n"


def _balances(
    accounts: list[LedgerAccount],
    left: dict[int, Sides],
    names: dict[int, str],
    zones: dict[int, ZoneInfo],
    *,
    after: datetime,
) -> Iterator[str]:
    """What every account holds after the last day; beancount looks at a day's beginning."""
    for account in accounts:
        day = local_date(after, zones[account.pk]) + timedelta(days=1)
        amount = to_text(left[account.pk].balance_minor, account.currency)
        yield f"\n{day} balance {names[account.pk]}  {amount} {account.currency}\n"


def cause_of(transfer: Transfer) -> str:
    """What the transfer rests on, by kind and number."""
    for cause in CAUSES:
        if number := getattr(transfer, f"{cause}_id"):
            return f"{cause} {number}"
    return ""
