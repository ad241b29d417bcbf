"""
The statement of a referrer over a period: one line for each transfer, with what it left in each account.

What was taken back is a second line beside the first: nothing is edited. For the referrer, companies are
masked.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

from django.db.models import Exists, OuterRef, Q

from payouts import account_statements
from payouts.account_statements import Line, Statement
from payouts.models import Fee, LedgerAccount, Transfer
from payouts.rules.lifecycle import AccountKind, TransferKind
from payouts.rules.masking import masked
from payouts.rules.ways import WAYS
from payouts.statements.paging import Page
from referrals.exports import decimal
from referrals.models import Enrollment
from referrals.rules.money import to_text
from referrals.rules.words import RewardKind
from referrals.rules.zones import local_date

WHAT = {
    TransferKind.ACTIVATED: "Bonus earned",
    TransferKind.CANCELLED: "Bonus cancelled",
    TransferKind.RELEASED: "Bonus paid",
    TransferKind.REVERSED: "Bonus taken back",
    TransferKind.WITHDRAWN: "Withdrawn",
    TransferKind.SPENT: "Used for services",
    TransferKind.SET_OFF: "Kept from a payout",
    TransferKind.OVERPAID: "Sent a second time",
    TransferKind.FEE: "Fee kept from a payment",
    TransferKind.FEE_BACK: "Fee given back",
}
COLUMNS = {
    "PAYABLE": "Still to come",
    "BALANCE": "Balance",
    "CREDIT": WAYS[RewardKind.ACCOUNT_CREDIT].label,
    "CASH_OWED": "Owed, made up by later payouts",
}
"""What a referrer calls an account in the books."""
ORDER = {kind: place for place, kind in enumerate(COLUMNS)}


@dataclass(frozen=True, slots=True)
class Cell:
    """An account at a line, in minor units; what is not touched has no ``moved_minor``."""

    moved_minor: int | None
    held_minor: int
    currency: str
    label: str


@dataclass(frozen=True, slots=True)
class PeriodLine:
    """A transfer as the referrer reads it."""

    number: int
    posted_at: datetime
    what: str
    about: str
    """The company, masked for the referrer, or the service; of a fee, how much it is."""
    cells: tuple[Cell, ...]


@dataclass(frozen=True, slots=True)
class PeriodStatement:
    """What a referrer had, what came and went, and what is there at the end."""

    columns: tuple[str, ...]
    opening: tuple[Cell, ...]
    closing: tuple[Cell, ...]
    page: Page[PeriodLine]
    notes: tuple[str, ...]
    """What can, and cannot, be done with what is in a column."""


def of_enrollment(
    enrollment: Enrollment, *, begins: datetime, ends: datetime, number: int = 1, is_masked: bool = True
) -> PeriodStatement:
    """
    The statement of a referrer in a program.

    :param ends: the first instant that no longer belongs to the period
    :param is_masked: companies by their first letter and legal form, as the referrer may know them
    """
    statement = _of(enrollment, begins, ends)
    lines, has_next = statement.page(number)
    told = tuple(_told(statement, lines, is_masked=is_masked))
    return PeriodStatement(
        columns=tuple(COLUMNS.get(each.kind, each.get_kind_display()) for each in statement.accounts),
        opening=_cells(statement, opening=True),
        closing=_cells(statement, opening=False),
        page=Page(told, number, has_next),
        notes=tuple(_notes(statement, is_masked=is_masked)),
    )


def _notes(statement: Statement, *, is_masked: bool) -> Iterator[str]:
    """The rule of account credit, where there is some: as the referrer reads it, or as staff do."""
    if any(account.kind == AccountKind.CREDIT for account in statement.accounts):
        way = WAYS[RewardKind.ACCOUNT_CREDIT]
        yield f"{way.label}: {way.public if is_masked else way.rule}"


def headings(enrollment: Enrollment) -> list[str]:
    """The first line of the file."""
    columns = [COLUMNS.get(each.kind, each.get_kind_display()) for each in _accounts(enrollment)]
    moved = [text for column in columns for text in (column, f"{column}: balance")]
    return ["Day", "Transfer", "What", "For", *moved, "Currency"]


def rows(
    enrollment: Enrollment,
    *,
    begins: datetime,
    ends: datetime,
    days: tuple[date, date],
    is_masked: bool = True,
) -> Iterator[list[object]]:
    """
    The lines of the file, the first with what was there, the last with what is.

    :param days: the first and the last day of the period, in the time zone of the program
    """
    program, statement = enrollment.program, _of(enrollment, begins, ends)
    zone, currency = ZoneInfo(program.time_zone), program.currency
    yield [days[0], "", "Opening balance", "", *_amounts(_cells(statement, opening=True)), currency]
    for line in _told(statement, statement.lines(), is_masked=is_masked):
        day = local_date(line.posted_at, zone)
        yield [day, line.number, line.what, line.about, *_amounts(line.cells), currency]
    yield [days[1], "", "Closing balance", "", *_amounts(_cells(statement, opening=False)), currency]


def _accounts(enrollment: Enrollment) -> list[LedgerAccount]:
    """The accounts of a referrer that were ever moved, in the order in which money passes through them."""
    moved = [Exists(Transfer.objects.filter(**{side: OuterRef("pk")})) for side in ("debit", "credit")]
    found = LedgerAccount.objects.filter(moved[0] | moved[1], enrollment=enrollment)
    return sorted(found, key=lambda account: ORDER.get(account.kind, len(ORDER)))


def _of(enrollment: Enrollment, begins: datetime, ends: datetime) -> Statement:
    # A fee is kept from what was sent: it leaves none of the referrer's accounts.
    borne = list(Fee.objects.filter(payout__enrollment=enrollment).order_by().values_list("pk", flat=True))
    beside = Q(fee__in=borne) if borne else None
    return account_statements.over(_accounts(enrollment), begins=begins, ends=ends, beside=beside)


def _told(statement: Statement, lines: Iterable[Line], *, is_masked: bool) -> Iterator[PeriodLine]:
    for line in lines:
        row = line.transfer
        cells = tuple(
            Cell(moved.owed_minor if moved else None, held.owed_minor, account.currency, _label(account))
            for moved, held, account in zip(line.moved, line.held, statement.accounts, strict=True)
        )
        about = row.spend.service if row.spend else ""
        if row.fee_id:
            about = f"{to_text(row.amount_minor, row.currency)} {row.currency}"
        if row.bonus:
            name = row.bonus.account.company_name
            about = masked(name) if is_masked else name
        yield PeriodLine(row.pk, row.posted_at, _what(line), about, cells)


def _what(line: Line) -> str:
    kind = TransferKind(line.transfer.kind)
    if kind in WHAT:
        return WHAT[kind]
    if kind == TransferKind.GIVEN:
        came = any(moved and moved.credits_minor for moved in line.moved)
        return "Received from another referrer" if came else "Given to another referrer"
    return kind.label


def _cells(statement: Statement, *, opening: bool) -> tuple[Cell, ...]:
    held = statement.opening if opening else statement.closing
    return tuple(
        Cell(None, sides.owed_minor, account.currency, _label(account))
        for sides, account in zip(held, statement.accounts, strict=True)
    )


def _label(account: LedgerAccount) -> str:
    return COLUMNS.get(account.kind, account.get_kind_display())


def _amounts(cells: tuple[Cell, ...]) -> Iterator[object]:
    for cell in cells:
        yield None if cell.moved_minor is None else decimal(cell.moved_minor, cell.currency)
        yield decimal(cell.held_minor, cell.currency)
