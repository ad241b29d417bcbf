"""The steps that take two people, by name: what a confirmed proposal does."""

from collections.abc import Callable
from datetime import date, datetime
from functools import partial

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import QuerySet

from payouts import closing, reversals
from payouts.models import Bonus, MonthClose, PaymentFile, PaymentLine, Payout
from payouts.payments import arrivals, doubts, files, reissues, returns
from referrals import events, evidence, intake, proposals
from referrals.models import AccountEvent, Program, Proposal, ReferredAccount, Referrer


def _revoke(proposal: Proposal, by: User, at: datetime) -> None:
    account = ReferredAccount.objects.get(pk=proposal.target)
    reversals.revoke(
        account,
        by=proposal.proposed_by,
        approved_by=by,
        at=at,
        reason=proposal.arguments["reason"],
    )


def _waive(proposal: Proposal, by: User, at: datetime) -> None:
    evidence.waive(
        ReferredAccount.objects.get(pk=proposal.target),
        criterion=proposal.arguments["criterion"],
        by=proposal.proposed_by,
        approved_by=by,
        at=at,
        note=proposal.arguments["note"],
    )


def _attribute(proposal: Proposal, by: User, at: datetime) -> None:
    intake.attribute(
        Program.objects.get(pk=proposal.target),
        host_account=proposal.arguments["host_account"],
        referrer=Referrer.objects.get(pk=proposal.arguments["referrer"]),
        by=proposal.proposed_by,
        approved_by=by,
        at=at,
        note=proposal.arguments["note"],
    )


def _reverse(proposal: Proposal, by: User, at: datetime) -> None:
    reversals.reverse(
        Bonus.objects.get(pk=proposal.target),
        by=proposal.proposed_by,
        approved_by=by,
        at=at,
        note=proposal.arguments["note"],
    )


def _void_event(proposal: Proposal, by: User, at: datetime) -> None:
    event = AccountEvent.objects.get(pk=proposal.target)
    events.void(event, by=proposal.proposed_by, approved_by=by, at=at)


def _settle(proposal: Proposal, by: User, at: datetime, *, was_sent: bool) -> None:
    payout = Payout.objects.get(pk=proposal.target)
    doubts.settle(payout, was_sent=was_sent, by=proposal.proposed_by, approved_by=by, at=at)


def _settle_file(proposal: Proposal, by: User, at: datetime, *, was_taken: bool) -> None:
    file = PaymentFile.objects.get(pk=proposal.target)
    doubts.settle_file(file, was_taken=was_taken, by=proposal.proposed_by, approved_by=by, at=at)


def _void_file(proposal: Proposal, by: User, at: datetime) -> None:
    files.void(PaymentFile.objects.get(pk=proposal.target), by=proposal.proposed_by, approved_by=by, at=at)


def _payment_arrived(proposal: Proposal, by: User, at: datetime) -> None:
    arrivals.settle(
        PaymentLine.objects.get(pk=proposal.arguments["line"]),
        by=proposal.proposed_by,
        approved_by=by,
        at=at,
        reason=proposal.arguments["reason"],
    )


def _came_back(proposal: Proposal, by: User, at: datetime) -> None:
    returns.settle(
        Payout.objects.get(pk=proposal.target),
        by=proposal.proposed_by,
        approved_by=by,
        at=at,
        reason=proposal.arguments["reason"],
    )


def _reissue_payout(proposal: Proposal, by: User, at: datetime) -> None:
    _reissue(Payout.objects.filter(pk=proposal.target), proposal, by, at)


def _reissue_file(proposal: Proposal, by: User, at: datetime) -> None:
    _reissue(Payout.objects.filter(lines__file=int(proposal.target)), proposal, by, at)


def _reissue(payouts: QuerySet[Payout], proposal: Proposal, by: User, at: datetime) -> None:
    seen = proposal.arguments["payments"]
    reissues.reissue(payouts, by=proposal.proposed_by, approved_by=by, at=at, seen=seen)


def _close_month(proposal: Proposal, by: User, at: datetime) -> None:
    closing.close(
        Program.objects.get(pk=proposal.target),
        month=date.fromisoformat(f"{proposal.arguments['month']}-01"),
        by=proposal.proposed_by,
        confirmed_by=by,
        at=at,
    )


def _reopen_month(proposal: Proposal, by: User, at: datetime) -> None:
    closing.reopen(
        MonthClose.objects.get(pk=proposal.target),
        by=proposal.proposed_by,
        confirmed_by=by,
        at=at,
        reason=proposal.arguments["reason"],
    )


STEPS: dict[str, Callable[[Proposal, User, datetime], None]] = {
    "revoke": _revoke,
    "waive": _waive,
    "attribute": _attribute,
    "reverse": _reverse,
    "void_event": _void_event,
    "payout_was_sent": partial(_settle, was_sent=True),
    "payout_was_not_sent": partial(_settle, was_sent=False),
    "file_was_taken": partial(_settle_file, was_taken=True),
    "file_was_not_taken": partial(_settle_file, was_taken=False),
    "void_file": _void_file,
    "payment_arrived": _payment_arrived,
    "payout_came_back": _came_back,
    "reissue_payout": _reissue_payout,
    "reissue_file": _reissue_file,
    "close_month": _close_month,
    "reopen_month": _reopen_month,
}
"""Action to step; the target is the number of what it is about, such as an account, a bonus or a file."""


@transaction.atomic
def confirm(proposal: Proposal, *, by: User, at: datetime) -> None:
    """
    Confirm what another person proposed, and take the step; if it is refused, nothing is confirmed.

    :raises Refused: what the step itself refuses, and what referrals.proposals.confirm does
    """
    proposals.confirm(proposal, by=by, at=at)
    STEPS[proposal.action](proposal, by, at)
