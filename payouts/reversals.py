"""Taking back: a qualification that has earned a bonus, and a bonus that was paid. Two people each."""

from datetime import datetime

from django.contrib.auth.models import User
from django.db import transaction

from payouts import ledger, trail
from payouts.models import Bonus
from payouts.rules.lifecycle import AccountKind, BonusStatus, TransferKind
from referrals import notes, proposals, qualification
from referrals.models import Proposal, ReferredAccount
from referrals.rules.lifecycle import AccountStatus
from referrals.rules.refusal import Refused, require_two_people
from referrals.rules.words import Clawback, RewardKind


class SecondPersonNeeded(Refused):
    """A bonus rests on the qualification: one person cannot take it back."""

    code = "second_person_needed"


class ClawbackNotAllowed(Refused):
    """The terms do not let a paid bonus be taken back."""

    code = "clawback_not_allowed"


class NotPaid(Refused):
    """Only a paid bonus can be reversed."""

    code = "not_paid"


@transaction.atomic
def revoke(
    account: ReferredAccount,
    *,
    by: User,
    at: datetime,
    reason: str,
    approved_by: User | None = None,
) -> None:
    """
    Take a qualification back; where a bonus rests on it, two people do. Unpaid bonuses wait
    for the new decision and keep their windows.

    :raises NotQualified: if the account is not qualified
    :raises SecondPersonNeeded: if a bonus rests on it and nobody confirms
    :raises SamePerson: if a bonus rests on it and both people are one
    """
    account.refresh_from_db()
    resting = Bonus.objects.living().exclude(status=BonusStatus.REVERSED).filter(account=account)
    needs_two = account.status == AccountStatus.QUALIFIED and resting.exists()
    if needs_two and approved_by is None:
        raise SecondPersonNeeded(
            f"A bonus rests on the qualification of {account}: a second person confirms."
        )
    if needs_two:
        require_two_people(by, approved_by)
    # Release claims these rows: of a revocation and a payment, one comes first and the other sees it.
    Bonus.objects.unpaid().filter(account=account).update(under_review=True)
    qualification.revoke(
        account, by=by, at=at, reason=reason, approved_by=approved_by if approved_by != by else None
    )


@transaction.atomic
def propose_reversal(bonus: Bonus, *, by: User, at: datetime, note: str) -> Proposal:
    """
    Ask another person to take a paid bonus back.

    :raises ClawbackNotAllowed: if the terms do not let it be taken back
    :raises NotPaid: if it is not paid, or was reversed
    :raises AlreadyProposed: if somebody has asked
    """
    _refuse_without_clawback(bonus)
    if bonus.status != BonusStatus.PAID:
        raise NotPaid("The bonus is not paid: there is nothing to take back.")
    if (earlier := open_proposal(bonus)) is not None:
        raise proposals.AlreadyProposed(f"{earlier} asks for the same: another person confirms it.")
    return proposals.propose("reverse", target=str(bonus.pk), arguments={"note": note}, by=by, at=at)


def open_proposal(bonus: Bonus) -> Proposal | None:
    """That somebody has asked to take it back, and nobody has answered yet."""
    rows = Proposal.objects.filter(action="reverse", target=str(bonus.pk))
    return rows.filter(confirmed_at__isnull=True, withdrawn_at__isnull=True).first()


@transaction.atomic
def reverse(bonus: Bonus, *, by: User, approved_by: User, at: datetime, note: str) -> None:
    """
    Take a paid bonus back by a new row; a balance below zero is made up by later bonuses.

    :raises ClawbackNotAllowed: if the terms do not let it be taken back
    :raises SamePerson: if both people are one
    :raises NotPaid: if it is not paid, or was reversed
    """
    _refuse_without_clawback(bonus)
    require_two_people(by, approved_by)
    mine = Bonus.objects.filter(pk=bonus.pk)
    if not mine.filter(status=BonusStatus.PAID).update(status=BonusStatus.REVERSED):
        raise NotPaid("The bonus is not paid: there is nothing to take back.")
    trail.log_each(
        mine, old=BonusStatus.PAID, new=BonusStatus.REVERSED, at=at, by=by, approved_by=approved_by
    )
    ledger.post_for_each(
        mine,
        kind=TransferKind.REVERSED,
        debit=ledger.TAKEN_BACK_FROM[RewardKind(bonus.kind)],
        credit=AccountKind.EXPENSE,
        posted_at=at,
        reverses=TransferKind.RELEASED,
    )
    notes.write(bonus.account, about="reversed", text=note, by=by, at=at)


def _refuse_without_clawback(bonus: Bonus) -> None:
    if bonus.terms.clawback != Clawback.BY_STAFF:
        raise ClawbackNotAllowed(f"{bonus.terms} do not let a paid bonus be taken back.")
