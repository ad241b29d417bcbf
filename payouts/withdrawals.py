"""
What a referrer does with the balance: withdraw it, spend it, give it to another referrer.

It comes from the balance, or from the credit in a program whose referrers earn credit. The
account is locked before it is summed, so that two at once cannot take the same money. What is withdrawn
waits for a payment file, as a payout like any other.
"""

from datetime import datetime

from django.db import transaction
from django.db.models import QuerySet

from payouts import ledger
from payouts.models import (
    Gift,
    LedgerAccount,
    Payout,
    PayoutMethod,
    Reward,
    Spend,
    Transfer,
    Withdrawal,
)
from payouts.payments import steps
from payouts.rules.lifecycle import AccountKind, PayoutStatus, TransferKind
from payouts.rules.payees import Rail
from payouts.rules.ways import WAYS
from referrals.models import Enrollment, Terms
from referrals.rules.money import to_text
from referrals.rules.refusal import Refused, WrongField
from referrals.rules.words import Beneficiary, RewardKind


class NotWithdrawable(Refused):
    """No reward of the program lets its balance be withdrawn."""

    code = "not_withdrawable"


class NotTransferable(Refused):
    """No reward of the program lets its balance be given to others."""

    code = "not_transferable"


class MethodNotOffered(Refused):
    """The program does not pay by this method."""

    code = "method_not_offered"


class BelowWithdrawalMinimum(Refused):
    """The amount is less than the referrer's own minimum, or than the method's."""

    code = "below_withdrawal_minimum"


class InsufficientBalance(Refused):
    """There is less than that."""

    code = "insufficient_balance"


@transaction.atomic
def withdraw(
    enrollment: Enrollment, *, amount_minor: int, at: datetime, method: Rail | None = None
) -> Withdrawal:
    """
    Take money out of the balance; its payout waits for a payment file.

    :param amount_minor: in minor units of the program's currency, above zero
    :param method: by which the referrer wants it; if none, by whatever the destination is paid
    :raises NotWithdrawable: if no reward lets the balance be withdrawn
    :raises MethodNotOffered: if the program does not pay by this method
    :raises BelowWithdrawalMinimum: if it is less than the referrer's own minimum, or than the method's
    :raises InsufficientBalance: if there is less
    """
    _refuse_nothing(amount_minor)
    if not is_withdrawable(enrollment):
        raise NotWithdrawable(f"{_has(enrollment)} cannot be withdrawn: use it for services.")
    least_minor = least(enrollment, method=method)
    if amount_minor < least_minor:
        raise BelowWithdrawalMinimum(f"{enrollment} withdraws at least {_shown(enrollment, least_minor)}.")
    source = _locked(enrollment, amount_minor)
    withdrawal = Withdrawal.objects.create(
        enrollment=enrollment,
        amount_minor=amount_minor,
        currency=source.currency,
        method=method or "",
        requested_at=at,
    )
    clearing = ledger.account_of(enrollment, kind=AccountKind.CLEARING)
    _post(source, clearing, amount_minor, TransferKind.WITHDRAWN, at, withdrawal)
    payout = Payout.objects.create(
        withdrawal=withdrawal,
        enrollment=enrollment,
        amount_minor=amount_minor,
        currency=source.currency,
        status=PayoutStatus.PREPARED,
        created_at=at,
    )
    steps.begin(payout)
    return withdrawal


@transaction.atomic
def spend(enrollment: Enrollment, *, amount_minor: int, service: str, at: datetime) -> Spend:
    """
    Pay a service of the host from the balance or credit.

    :param amount_minor: in minor units of the program's currency, above zero
    :raises InsufficientBalance: if there is less
    """
    _refuse_nothing(amount_minor)
    source = _locked(enrollment, amount_minor)
    bought = Spend.objects.create(
        enrollment=enrollment,
        amount_minor=amount_minor,
        currency=source.currency,
        service=service,
        spent_at=at,
    )
    services = ledger.account_of(enrollment, kind=AccountKind.SERVICES)
    _post(source, services, amount_minor, TransferKind.SPENT, at, bought)
    return bought


@transaction.atomic
def transfer(enrollment: Enrollment, *, receiver: Enrollment, amount_minor: int, at: datetime) -> Gift:
    """
    Give an amount to another referrer of the same program.

    :param amount_minor: in minor units of the program's currency, above zero
    :raises NotTransferable: if no reward lets the balance be given away
    :raises InsufficientBalance: if there is less
    """
    _refuse_nothing(amount_minor)
    if receiver.program_id != enrollment.program_id or receiver.pk == enrollment.pk:
        raise WrongField("receiver", f"{receiver} is not another referrer of {enrollment.program}.")
    if not _rewards(enrollment).filter(transferable=True, kind=_reward_kind(enrollment)).exists():
        raise NotTransferable(f"{_has(enrollment)} cannot be given to others: use it for services.")
    source = _locked(enrollment, amount_minor)
    gift = Gift.objects.create(
        giver=enrollment, receiver=receiver, amount_minor=amount_minor, currency=source.currency, given_at=at
    )
    target = ledger.account_of(receiver, kind=AccountKind(source.kind))
    _post(source, target, amount_minor, TransferKind.GIVEN, at, gift)
    return gift


def least(enrollment: Enrollment, *, method: Rail | None = None) -> int:
    """
    The least that this referrer can withdraw: the own minimum, or the method's; in minor units.

    :param method: by which the referrer wants it; if none, by whatever the destination is paid
    :raises MethodNotOffered: if the program does not pay by this method
    """
    return max(enrollment.withdrawal_minimum_minor, _least_of(method, enrollment))


def is_withdrawable(enrollment: Enrollment) -> bool:
    """Does a reward of the program's latest terms let its balance be withdrawn?"""
    return _rewards(enrollment).filter(withdrawable=True, kind=_reward_kind(enrollment)).exists()


def _post(
    source: LedgerAccount,
    target: LedgerAccount,
    amount_minor: int,
    kind: TransferKind,
    at: datetime,
    cause: Withdrawal | Spend | Gift,
) -> Transfer:
    return ledger.post(
        debit=source, credit=target, amount_minor=amount_minor, kind=kind, posted_at=at, cause=cause
    )


def _refuse_nothing(amount_minor: int) -> None:
    if isinstance(amount_minor, bool) or not isinstance(amount_minor, int) or amount_minor <= 0:
        raise WrongField("amount", f"{amount_minor!r} is not a whole number of minor units above zero.")


def _least_of(method: Rail | None, enrollment: Enrollment) -> int:
    """The least that a method carries, in minor units; of whichever the referrer is paid by."""
    offered = PayoutMethod.objects.open().filter(program=enrollment.program_id)
    if method is None:
        live = enrollment.destinations.live().values("method")
        return offered.filter(code__in=live).values_list("minimum_minor", flat=True).first() or 0
    found = offered.filter(code=method).first()
    if found is None:
        raise MethodNotOffered(f"{enrollment.program} does not pay by {method.label}.")
    return found.minimum_minor


def _has(enrollment: Enrollment) -> str:
    """What the referrer takes from, at the beginning of a sentence."""
    if _reward_kind(enrollment) == RewardKind.ACCOUNT_CREDIT:
        return f"What {enrollment} has is {WAYS[RewardKind.ACCOUNT_CREDIT].label.lower()}, not cash: it"
    return f"The balance of {enrollment}"


def _rewards(enrollment: Enrollment) -> QuerySet[Reward]:
    """What referrers of the program earn under its latest terms."""
    latest = Terms.objects.filter(program=enrollment.program_id).latest_first().first()
    return Reward.objects.filter(terms=latest, beneficiary=Beneficiary.REFERRER)


def _reward_kind(enrollment: Enrollment) -> RewardKind:
    """The kind of reward that fills the account from which the referrer takes."""
    kinds = set(_rewards(enrollment).values_list("kind", flat=True))
    only_credit = RewardKind.ACCOUNT_CREDIT in kinds and RewardKind.ACCOUNT_BALANCE not in kinds
    return RewardKind.ACCOUNT_CREDIT if only_credit else RewardKind.ACCOUNT_BALANCE


def _locked(enrollment: Enrollment, amount_minor: int) -> LedgerAccount:
    """The account from which the referrer takes, locked, with at least that amount."""
    source = ledger.account_of(enrollment, kind=ledger.PAID_TO[_reward_kind(enrollment)])
    ledger.lock(source)
    there = ledger.balance_minor(source)
    if there < amount_minor:
        raise InsufficientBalance(f"{enrollment} has {_shown(enrollment, there)}: that is not enough.")
    return source


def _shown(enrollment: Enrollment, amount_minor: int) -> str:
    currency = enrollment.program.currency
    return f"{to_text(amount_minor, currency)} {currency}"
