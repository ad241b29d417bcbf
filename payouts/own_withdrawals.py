"""
A withdrawal that a referrer asks for on the own page: whether there can be one, and asking for it.

``withdrawals.withdraw`` takes the money. What is here keeps a form that was sent twice from taking it twice.
"""

from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from payouts import ledger, withdrawals
from payouts.models import LedgerAccount, Withdrawal
from payouts.payments import fees
from payouts.rules.fees import percent
from payouts.rules.lifecycle import AccountKind
from referrals.models import Enrollment
from referrals.rules.lifecycle import EnrollmentStatus
from referrals.rules.refusal import Refused


class TakingPartIsPaused(Refused):
    """Somebody looks at the referrer first."""

    code = "taking_part_is_paused"


class BalanceMoved(Refused):
    """The balance is no longer what the form showed."""

    code = "balance_moved"


@dataclass(frozen=True, slots=True)
class Withdrawable:
    """What a referrer could take out now, in minor units."""

    balance_minor: int
    minimum_minor: int
    """The referrer's own, or that of the method by which the destination is paid: the greater one."""
    currency: str
    is_allowed: bool
    """Some reward of the program lets its balance be withdrawn."""
    is_paused: bool
    has_destination: bool
    """Somebody has told, and another person confirmed, where it is sent."""
    fee_fixed_minor: int
    """What the way by which it is sent states that the referrer bears."""
    fee_basis_points: int
    free_minor: int
    """What could be withdrawn now without that fee."""

    @property
    def is_enough(self) -> bool:
        """There is something, and it reaches the minimum."""
        return self.balance_minor >= max(1, self.minimum_minor)

    @property
    def is_charged(self) -> bool:
        """Something of it bears a fee."""
        return bool(self.fee_fixed_minor or self.fee_basis_points) and self.free_minor < self.balance_minor

    @property
    def fee_percent(self) -> str:
        """The part of the fee that grows with the amount; empty: there is none."""
        return percent(self.fee_basis_points) if self.fee_basis_points else ""


def look_at(enrollment: Enrollment) -> Withdrawable:
    """What the referrer could withdraw; reads only, and opens no account."""
    account = LedgerAccount.objects.filter(enrollment=enrollment, kind=AccountKind.BALANCE).first()
    way = fees.way_of(enrollment)
    states_a_fee = way is not None and fees.states_a_fee(way)
    return Withdrawable(
        balance_minor=ledger.balance_minor(account) if account else 0,
        minimum_minor=withdrawals.least(enrollment),
        currency=enrollment.program.currency,
        is_allowed=withdrawals.is_withdrawable(enrollment),
        is_paused=enrollment.status == EnrollmentStatus.SUSPENDED,
        has_destination=enrollment.destinations.live().exists(),
        fee_fixed_minor=way.fee_fixed_minor if way else 0,
        fee_basis_points=way.fee_basis_points if way else 0,
        free_minor=fees.free_minor(enrollment) if states_a_fee else 0,
    )


@transaction.atomic
def ask(enrollment: Enrollment, *, amount_minor: int, seen_minor: int, at: datetime) -> Withdrawal:
    """
    Withdraw from the balance that the referrer saw.

    :param seen_minor: the balance that the form showed, in minor units
    :raises TakingPartIsPaused: while the referrer is suspended
    :raises BalanceMoved: if it is no longer that, such as when the same form was sent before
    :raises Refused: what withdrawals.withdraw refuses
    """
    current = Enrollment.objects.select_for_update(no_key=True).get(pk=enrollment.pk)
    if current.status == EnrollmentStatus.SUSPENDED:
        raise TakingPartIsPaused("Your taking part is paused. You can withdraw again once that is over.")
    account = ledger.account_of(enrollment, kind=AccountKind.BALANCE)
    ledger.lock(account)
    there = ledger.balance_minor(account)
    if there != seen_minor:
        raise BalanceMoved("Your balance has changed since you opened this page. Nothing was withdrawn now.")
    return withdrawals.withdraw(enrollment, amount_minor=amount_minor, at=at)
