"""
The only writer of the books.

A transfer is one row: it debits one account and credits another. Whatever is booked for
many bonuses is booked by one statement; a missing account makes the row invalid and stops
the statement, so nothing is booked half.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from django.db import IntegrityError
from django.db.models import Count, Exists, F, Model, OuterRef, QuerySet, Subquery, Sum, Value
from django.db.models.expressions import Combinable
from django.db.models.functions import Coalesce

from payouts import triggers
from payouts.insertion import insert_from
from payouts.models import (
    Arrival,
    Bonus,
    Fee,
    Gift,
    LedgerAccount,
    MonthClose,
    Payout,
    SetOff,
    Spend,
    Transfer,
    Withdrawal,
)
from payouts.rules.lifecycle import AccountKind, TransferKind
from payouts.rules.ways import CREDIT_PAYS, WAYS
from referrals.models import Enrollment, Program
from referrals.rules.refusal import Refused
from referrals.rules.words import RewardKind

OF_PROGRAM = (
    AccountKind.EXPENSE,
    AccountKind.CLEARING,
    AccountKind.BANK,
    AccountKind.SERVICES,
    AccountKind.FEES,
)
OF_REFERRER = (AccountKind.PAYABLE, AccountKind.BALANCE, AccountKind.CREDIT, AccountKind.CASH_OWED)

PAID_TO = {
    RewardKind.ACCOUNT_BALANCE: AccountKind.BALANCE,
    RewardKind.ACCOUNT_CREDIT: AccountKind.CREDIT,
    RewardKind.CASH: AccountKind.CLEARING,
}
"""The account that a bonus of each kind is released to."""

TAKEN_BACK_FROM = {
    RewardKind.ACCOUNT_BALANCE: AccountKind.BALANCE,
    RewardKind.ACCOUNT_CREDIT: AccountKind.CREDIT,
    RewardKind.CASH: AccountKind.CASH_OWED,
}
"""The account that a reversal takes a bonus of each kind from; cash has left, so it is owed."""


FIELD_OF: dict[type[Model], str] = {
    Withdrawal: "withdrawal",
    Spend: "spend",
    Gift: "gift",
    SetOff: "set_off",
    Arrival: "arrival",
}
"""Where a transfer says what it rests on."""


class MonthClosed(Refused):
    """The books of the program are closed at that instant."""

    code = "month_closed"


class CreditIsNoCash(Refused):
    """Account credit would be paid out, or set off against money that is owed."""

    code = "credit_is_no_cash"


def refuse_closed_month(program_id: int, *, at: datetime) -> None:
    """
    Stop whoever would post into a closed month; the database would refuse it, in fewer words.

    :raises MonthClosed: then
    """
    closed = MonthClose.objects.covering(at).filter(program=program_id).order_by("month").last()
    if closed is not None:
        raise MonthClosed(
            f"The books are closed up to the end of {closed}. Post as of today, or open it again."
        )


def open_program_accounts(program: Program) -> None:
    """Open the accounts that every program needs, where they are missing."""
    LedgerAccount.objects.bulk_create(
        (LedgerAccount(kind=kind, program=program, currency=program.currency) for kind in OF_PROGRAM),
        ignore_conflicts=True,
    )


def open_referrer_accounts(enrollments: Iterable[Enrollment]) -> None:
    """Open the accounts of these referrers in their programs, where they are missing."""
    mine = LedgerAccount.objects.filter(enrollment__in=(each.pk for each in enrollments))
    complete = mine.values("enrollment").annotate(kinds=Count("kind")).filter(kinds=len(OF_REFERRER))
    have = set(complete.values_list("enrollment", flat=True))
    LedgerAccount.objects.bulk_create(
        (
            LedgerAccount(kind=kind, program=each.program, enrollment=each, currency=each.program.currency)
            for each in enrollments
            if each.pk not in have
            for kind in OF_REFERRER
        ),
        ignore_conflicts=True,
    )


def post_for_each(
    bonuses: QuerySet[Bonus],
    *,
    kind: TransferKind,
    debit: AccountKind,
    credit: AccountKind,
    posted_at: datetime,
    reverses: TransferKind | None = None,
) -> int:
    """
    Book the amount of every bonus from its ``debit`` to its ``credit`` account.

    :param reverses: the kind of the earlier transfer of the same bonus that this one undoes
    :returns: how many transfers were booked
    :raises MonthClosed: if the books of one of their programs are closed at that instant
    """
    values = {
        "debit": _account_of(debit),
        "credit": _account_of(credit),
        "amount_minor": F("amount_minor"),
        "currency": F("currency"),
        "kind": Value(kind.value),
        "posted_at": Value(posted_at),
        "bonus": F("pk"),
    }
    if reverses is not None:
        earlier = Transfer.objects.filter(bonus=OuterRef("pk"), kind=reverses).values("pk")
        # A transfer that is missing must not be reversed silently.
        bonuses = bonuses.filter(Exists(earlier))
        values["reverses"] = Subquery(earlier)
    try:
        return insert_from(bonuses, into=Transfer, values=values)
    except IntegrityError as refusal:
        if triggers.MESSAGE not in str(refusal):
            raise
        # Nothing more can be asked in this transaction: the database has given it up.
        raise MonthClosed(f"The books are closed at {posted_at:%Y-%m-%d}. Post as of today.") from refusal


def post_for_each_payout(
    payouts: QuerySet[Payout],
    *,
    kind: TransferKind,
    debit: AccountKind,
    credit: AccountKind,
    posted_at: datetime,
    reverses: TransferKind | None = None,
) -> int:
    """
    Book what is sent of every payout, less its fee, between two accounts of its program.

    :param reverses: the kind of the earlier transfer of the same payout that this one undoes
    :returns: how many transfers were booked
    """
    borne = Fee.objects.standing().filter(payout=OuterRef("pk")).order_by().values("amount_minor")
    values: dict[str, Combinable] = {
        "amount_minor": F("amount_minor") - Coalesce(Subquery(borne), 0),
        "payout": F("pk"),
    }
    if reverses is not None:
        earlier = Transfer.objects.filter(payout=OuterRef("pk"), kind=reverses).values("pk")
        payouts = payouts.filter(Exists(earlier))
        values["reverses"] = Subquery(earlier)
    accounts = _of_program(OuterRef("enrollment__program"))
    return _post_between(
        payouts, accounts, values, kind=kind, debit=debit, credit=credit, posted_at=posted_at
    )


def post_for_each_fee(
    fees: QuerySet[Fee],
    *,
    kind: TransferKind,
    debit: AccountKind,
    credit: AccountKind,
    posted_at: datetime,
    reverses: TransferKind | None = None,
) -> int:
    """
    Book every fee between two accounts of its program.

    :param reverses: the kind of the earlier transfer of the same fee that this one undoes
    :returns: how many transfers were booked
    """
    values: dict[str, Combinable] = {"amount_minor": F("amount_minor"), "fee": F("pk")}
    if reverses is not None:
        earlier = Transfer.objects.filter(fee=OuterRef("pk"), kind=reverses).values("pk")
        fees = fees.filter(Exists(earlier))
        values["reverses"] = Subquery(earlier)
    accounts = _of_program(OuterRef("payout__enrollment__program"))
    return _post_between(fees, accounts, values, kind=kind, debit=debit, credit=credit, posted_at=posted_at)


def _of_program(program: OuterRef) -> QuerySet[LedgerAccount]:
    """The accounts of the program of a row, in its currency."""
    return LedgerAccount.objects.filter(
        program=program, enrollment__isnull=True, currency=OuterRef("currency")
    )


def _post_between(
    rows: QuerySet[Any],
    accounts: QuerySet[LedgerAccount],
    values: Mapping[str, Combinable],
    *,
    kind: TransferKind,
    debit: AccountKind,
    credit: AccountKind,
    posted_at: datetime,
) -> int:
    """Book every row between two accounts of its program."""
    ordinary = {
        "debit": Subquery(accounts.filter(kind=debit.value).values("pk")),
        "credit": Subquery(accounts.filter(kind=credit.value).values("pk")),
        "currency": F("currency"),
        "kind": Value(kind.value),
        "posted_at": Value(posted_at),
    }
    return insert_from(rows, into=Transfer, values={**ordinary, **values})


def post(
    *,
    debit: LedgerAccount,
    credit: LedgerAccount,
    amount_minor: int,
    kind: TransferKind,
    posted_at: datetime,
    cause: Withdrawal | Spend | Gift | SetOff | Arrival,
) -> Transfer:
    """
    Book what a referrer does with the balance, or what becomes of what a referrer owes.

    :param amount_minor: in minor units of the accounts' currency
    :raises MonthClosed: if the books are closed at that instant
    :raises CreditIsNoCash: if it would take account credit for anything but services
    """
    refuse_closed_month(debit.program_id, at=posted_at)
    if debit.kind == AccountKind.CREDIT and credit.kind not in CREDIT_PAYS:
        label = AccountKind(credit.kind).label.lower()
        raise CreditIsNoCash(
            f"{WAYS[RewardKind.ACCOUNT_CREDIT].label} pays for services alone: it cannot go to {label}."
        )
    return Transfer.objects.create(
        debit=debit,
        credit=credit,
        amount_minor=amount_minor,
        currency=debit.currency,
        kind=kind,
        posted_at=posted_at,
        **{FIELD_OF[type(cause)]: cause},
    )


def account_of(enrollment: Enrollment, *, kind: AccountKind) -> LedgerAccount:
    """The account of that kind of a referrer, or of the program; opened if missing."""
    if kind in OF_REFERRER:
        open_referrer_accounts([enrollment])
        return LedgerAccount.objects.get(enrollment=enrollment, kind=kind)
    return LedgerAccount.objects.get(program=enrollment.program, enrollment=None, kind=kind)


def lock(account: LedgerAccount) -> None:
    """
    Let nobody else take from this account until the transaction ends.

    SQLite has no row locks: there every writing transaction is the only one.
    """
    LedgerAccount.objects.select_for_update(no_key=True).get(pk=account.pk)


def balance_minor(account: LedgerAccount) -> int:
    """What was credited to an account less what was debited, in minor units."""
    credited = account.credits.aggregate(total=Coalesce(Sum("amount_minor"), 0))["total"]
    debited = account.debits.aggregate(total=Coalesce(Sum("amount_minor"), 0))["total"]
    return int(credited - debited)


def _account_of(kind: AccountKind) -> Subquery:
    """The account of that kind of a bonus: of its referrer, or of its program."""
    accounts = LedgerAccount.objects.filter(kind=kind.value, currency=OuterRef("currency"))
    if kind in OF_REFERRER:
        return Subquery(accounts.filter(enrollment=OuterRef("enrollment")).values("pk"))
    of_program = accounts.filter(enrollment__isnull=True, program=OuterRef("terms__program"))
    return Subquery(of_program.values("pk"))
