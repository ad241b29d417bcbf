"""What a referrer has, by the books, and how it came and went."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import OuterRef, Q, Subquery, Sum
from django.db.models.functions import Coalesce

from payouts.models import Fee, LedgerAccount, Transfer
from payouts.rules.lifecycle import AccountKind, TransferKind
from payouts.rules.masking import masked
from payouts.statements.offers import Offer
from payouts.statements.paging import Page, rows_of_page
from referrals.models import Enrollment
from referrals.rules.words import RewardKind

FILLED_BY = {
    RewardKind.ACCOUNT_BALANCE: AccountKind.BALANCE,
    RewardKind.ACCOUNT_CREDIT: AccountKind.CREDIT,
}
"""Where a reward of that kind stays; cash leaves."""
SHOWN = (AccountKind.BALANCE, AccountKind.CREDIT, AccountKind.PAYABLE, AccountKind.CASH_OWED)
HISTORY = (
    TransferKind.RELEASED,
    TransferKind.REVERSED,
    TransferKind.WITHDRAWN,
    TransferKind.SPENT,
    TransferKind.GIVEN,
    TransferKind.SET_OFF,
    TransferKind.OVERPAID,
    TransferKind.FEE,
    TransferKind.FEE_BACK,
)


@dataclass(frozen=True, slots=True)
class Balance:
    """What is in one of the referrer's accounts in the books; one that is not open yet has no ``account``."""

    account: int | None
    kind: str
    currency: str
    amount_minor: int


@dataclass(frozen=True, slots=True)
class Transaction:
    """An amount that came, or went: then it is negative."""

    kind: str
    posted_at: datetime
    amount_minor: int
    currency: str
    company: str
    is_sent: bool
    """It left the books for the referrer's own account elsewhere."""


def balances(enrollment: Enrollment) -> list[Balance]:
    """Every account of the referrer in the books of the program."""
    rows = LedgerAccount.objects.filter(enrollment=enrollment).values_list(
        "pk", "kind", "currency", in_account()
    )
    return [Balance(*row) for row in rows]


def in_account() -> Any:
    """What is in an account of the books: what was credited less what was debited, in minor units."""
    return _total("credit") - _total("debit")


def shown(balances: Iterable[Balance], offers: Iterable[Offer], *, currency: str) -> list[Balance]:
    """What is still to come, and each account that the rewards fill or that has something in it."""
    found = {balance.kind: balance for balance in balances}
    filled = {FILLED_BY.get(RewardKind(offer.reward.kind)) for offer in offers if offer.is_for_referrer}
    filled.add(AccountKind.PAYABLE)
    every = [found.get(kind) or Balance(None, kind, currency, 0) for kind in SHOWN]
    return [balance for balance in every if balance.kind in filled or balance.amount_minor]


def history(balances: Iterable[Balance], *, number: int) -> Page[Transaction]:
    """What came and went, the latest first."""
    mine = {balance.account for balance in balances if balance.account}
    of_mine = LedgerAccount.objects.filter(pk__in=mine).order_by().values("enrollment")
    borne = list(Fee.objects.filter(payout__enrollment__in=of_mine).order_by().values_list("pk", flat=True))
    rows, has_next = rows_of_page(
        Transfer.objects.filter(Q(credit__in=mine) | Q(debit__in=mine) | Q(fee__in=borne), kind__in=HISTORY)
        .select_related("bonus__account")
        .only("kind", "posted_at", "amount_minor", "currency", "credit_id", "bonus__account__company_name")
        .order_by("-posted_at", "-pk"),
        number,
    )
    return Page(tuple(_transaction(row, mine) for row in rows), number, has_next)


def _transaction(transfer: Transfer, mine: set[int]) -> Transaction:
    released = transfer.kind == TransferKind.RELEASED
    stays = transfer.credit_id in mine or transfer.kind == TransferKind.FEE_BACK
    return Transaction(
        kind=transfer.kind,
        posted_at=transfer.posted_at,
        amount_minor=transfer.amount_minor if released or stays else -transfer.amount_minor,
        currency=transfer.currency,
        company=masked(transfer.bonus.account.company_name) if transfer.bonus else "",
        is_sent=released and not stays,
    )


def _total(side: str) -> Coalesce:
    moved = Transfer.objects.filter(**{side: OuterRef("pk")}).order_by().values(side)
    return Coalesce(Subquery(moved.annotate(total=Sum("amount_minor")).values("total")), 0)
