"""Taking back: a qualification that has earned a bonus, and a bonus that was paid. Two people each."""

from datetime import datetime

from django.contrib.auth.models import User
from django.db import transaction

from payouts import ledger, trail
from payouts.models import Bonus, PaymentOrder, Payout
from payouts.payments import set_offs
from payouts.payments.reports import ON_THE_WAY
from payouts.rules.lifecycle import AccountKind, BonusStatus, OrderStatus, PayoutStatus, TransferKind
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


class BeingSent(Refused):
    """The payout of the bonus is in a payment file of which nobody has said what became of it."""

    code = "being_sent"


class HostHasCredit(Refused):
    """The host keeps the balance, and was told to credit the bonus: our books alone cannot take it back."""

    code = "host_has_credit"


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
    :raises HostHasCredit: if the host was told to credit it, and has not told that it took that back
    :raises AlreadyProposed: if somebody has asked
    """
    _refuse_without_clawback(bonus)
    _refuse_before_the_host(bonus)
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

    Cash that waits for a payment file is not sent: its payout shrinks. Cash that has left is owed, and is
    kept from later payouts.

    :raises ClawbackNotAllowed: if the terms do not let it be taken back
    :raises SamePerson: if both people are one
    :raises NotPaid: if it is not paid, or was reversed
    :raises BeingSent: if nobody can say yet whether its money has left
    :raises HostHasCredit: if the host was told to credit it, and has not told that it took that back
    """
    _refuse_without_clawback(bonus)
    require_two_people(by, approved_by)
    _refuse_while_being_sent(bonus)
    _refuse_before_the_host(bonus)
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
    if bonus.kind == RewardKind.CASH:
        set_offs.make_up(bonus.enrollment, at=at)
    notes.write(bonus.account, about="reversed", text=note, by=by, at=at)


def _refuse_without_clawback(bonus: Bonus) -> None:
    if bonus.terms.clawback != Clawback.BY_STAFF:
        raise ClawbackNotAllowed(f"{bonus.terms} do not let a paid bonus be taken back.")


def _refuse_while_being_sent(bonus: Bonus) -> None:
    """Of taking back and making a payment file one comes first, and the other sees it."""
    payout = Payout.objects.filter(bonuses=bonus).select_for_update(of=("self",)).first()
    if payout is None or payout.status not in ON_THE_WAY:
        return
    line = payout.lines.live().select_related("file").first()
    if line is None:
        raise BeingSent(
            f"{payout} is being sent over the network: take the bonus back once it is known what came of it."
            " If it arrives, what is taken back is kept from later payouts; if not, from its next attempt."
        )
    file = line.file
    if payout.status == PayoutStatus.UNKNOWN:
        raise BeingSent(
            f"Nobody knows whether the bank has {file}, which holds {payout}: say that first. If it was sent,"
            " what is taken back is kept from later payouts; if not, from its next attempt."
        )
    raise BeingSent(
        f"{payout} is in payment file {file}, which nobody has said to be uploaded: void the file first, and"
        " the payout shrinks. Once it is sent, what is taken back is kept from later payouts."
    )


def _refuse_before_the_host(bonus: Bonus) -> None:
    """
    Where the host keeps the balance, it takes the credit out first, and tells: then our books follow.

    A credit that was returned stays returned, and is never sent again, so that nobody is in between.
    """
    told = PaymentOrder.objects.filter(payout__bonuses=bonus, destination__isnull=True)
    standing = told.exclude(status=OrderStatus.RETURNED).order_by("pk").first()
    if standing is not None:
        raise HostHasCredit(
            f"The host keeps this balance, and was told to credit it ({standing},"
            f" {OrderStatus(standing.status).label.lower()}). Let the host take the credit out, and tell that"
            " it is returned; then take the bonus back here."
        )
