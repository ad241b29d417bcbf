"""
Decisions about referred accounts. Nothing else moves an account's status.

A decision is stored at once and takes effect when its time to be undone is over; what it
decides counts from the instant it was taken. Taking effect and undoing swap the same
column, the account's ``pending_decision``, so that exactly one of them wins.
"""

from collections.abc import Mapping
from contextlib import nullcontext
from datetime import datetime, timedelta

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import F

from referrals import evidence, first_decider, matches, notes, reviews, warning_signs
from referrals.jobs import Tally
from referrals.models import Decision, Program, ReferredAccount, RejectionReason, StatusChange
from referrals.rules.lifecycle import ACCOUNT_SOURCES, CLOSED, UNDECIDED, AccountStatus, Cause
from referrals.rules.refusal import Refused


class DecisionPending(Refused):
    """Somebody else has decided; the decision can still be undone."""

    code = "decision_pending"


class NotInReview(Refused):
    """The account is not in a status in which it can be decided."""

    code = "not_in_review"


class UnknownReason(Refused):
    """The terms of the account name no such reason."""

    code = "unknown_reason"


class TooLate(Refused):
    """There is nothing left to undo."""

    code = "too_late"


class NotClosed(Refused):
    """Only an account that was refused or has expired can be reopened."""

    code = "not_closed"


class NotReopenable(Refused):
    """The reason says that it stays closed."""

    code = "not_reopenable"


class NotQualified(Refused):
    """Only a qualified account can be revoked."""

    code = "not_qualified"


class StepNotAllowed(Refused):
    """The account has moved on since it was looked at."""

    code = "step_not_allowed"


@transaction.atomic
def decide(
    account: ReferredAccount,
    *,
    result: str,
    by: User,
    at: datetime,
    reason: str = "",
    answers: Mapping[str, bool] | None = None,
    sources: Mapping[str, str] | None = None,
) -> Decision:
    """
    Accept or refuse an account; it counts once the program's ``undo_minutes`` have passed.

    :param result: QUALIFIED or NOT_QUALIFIED
    :param reason: code of a rejection reason of the terms, for NOT_QUALIFIED
    :param answers: yes or no by criterion; ``None``: every question was answered yes
    :param sources: where an answer comes from, by criterion; one that is not named comes from a call
    :raises DecisionPending: if somebody else was faster
    :raises NotInReview: if the account cannot be decided in its status
    :raises UnknownReason: if the terms do not know the reason
    :raises Unanswered: if a required question that is asked has no yes
    :raises CriterionFailed: if a failed automatic criterion is not waived
    :raises FirstDecider: if it is an appeal against this person's own decision
    :raises SignalOpen: if a senior is to look at it before it is qualified
    """
    account = _now(account, locked=True)
    if account.pending_decision_id is not None:
        raise DecisionPending(f"{account} has just been decided by {_decider(account)}.")
    accepted = result == AccountStatus.QUALIFIED
    if account.status not in ({AccountStatus.IN_REVIEW} if accepted else UNDECIDED):
        raise NotInReview(f"{account} is {AccountStatus(account.status).label.lower()}: it is not in review.")

    why = None if accepted else _reason(account, code=reason)
    known = evidence.known(account)
    if accepted:
        known = evidence.with_answers(account, known, answers)
        evidence.refuse_missing(account, known)
    takes_effect_at = at + timedelta(minutes=account.program.undo_minutes)
    decision = Decision.objects.create(
        account=account,
        result=result,
        reason=why,
        decided_by=by,
        decided_at=at,
        takes_effect_at=takes_effect_at,
        snapshot={"criteria": known},
    )
    evidence.store_answers(account, answers, decision=decision, sources=sources)
    claimed = ReferredAccount.objects.awaiting_a_decision().filter(pk=account.pk, status=account.status)
    if not claimed.update(pending_decision=decision):
        # Rolls the rows above back, too.
        raise DecisionPending(f"{account} has just been decided by somebody else.")
    # Asked once the row is ours: an appeal or a signal told meanwhile is seen, a later one sees the decision.
    first_decider.refuse_appealed(account, by)
    if accepted:
        warning_signs.refuse_open(account)
    reviews.give_back(account)
    if takes_effect_at <= at:
        take_effect(_now(account), at=at)
    return decision


@transaction.atomic
def undo(account: ReferredAccount, *, by: User, at: datetime) -> None:
    """
    Take a decision back before it counts; two rows of the trail remain, nothing else.

    :raises TooLate: if no decision waits, or its time has come
    :raises FirstDecider: if another decided about an appeal of an account that this person had refused
    """
    account = _now(account)
    decision = account.pending_decision
    first_decider.refuse_undoing(account, by)
    # take_effect() swaps the same column: of the two, exactly one finds the decision pending.
    undone = (
        decision is not None
        and decision.takes_effect_at > at
        and ReferredAccount.objects.filter(pk=account.pk, pending_decision=decision).update(
            pending_decision=None, facts_changed=F("facts_changed") + 1
        )
    )
    if not undone:
        raise TooLate(f"There is no decision about {account} that can still be undone.")
    _log(account, new=AccountStatus(account.status), cause=Cause.UNDONE, at=at, by=by, decision=decision)


def let_take_effect(*, as_of: datetime, program: Program | None = None, tally: Tally | None = None) -> int:
    """
    Let every decision count whose time to be undone is over; returns how many did.

    :param tally: keeps the errors of decisions that cannot; without it, the first one is raised
    """
    due = ReferredAccount.objects.with_decisions_due(as_of=as_of).order_by("pk")
    if program is not None:
        due = due.filter(program=program)
    effective = 0
    for pk in list(due.values_list("pk", flat=True)):
        with nullcontext() if tally is None else tally.surviving(f"account {pk}"):
            try:
                take_effect(ReferredAccount.objects.select_related("pending_decision").get(pk=pk), at=as_of)
            except StepNotAllowed:
                # Undone, or another worker took it, since the query.
                continue
            effective += 1
    return effective


@transaction.atomic
def take_effect(account: ReferredAccount, *, at: datetime) -> None:
    """
    Let the pending decision of an account count.

    :raises StepNotAllowed: if it was undone, or counts already
    """
    decision = account.pending_decision
    if decision is None or decision.takes_effect_at > at:
        raise StepNotAllowed(f"{account} has no decision that is due.")
    _move(
        account,
        to=AccountStatus(decision.result),
        cause=Cause.DECIDED,
        at=at,
        by=decision.decided_by,
        decision=decision,
        only_if={"pending_decision": decision},
        changes={"pending_decision": None, "rejection_reason": decision.reason},
    )
    matches.decided(account, by=decision.decided_by, at=at)


@transaction.atomic
def reopen(account: ReferredAccount, *, by: User, at: datetime, note: str) -> None:
    """
    Take up a refused or expired account again: in review, expiring no more, calls counted anew.

    :raises NotClosed: if it is neither refused nor expired
    :raises NotReopenable: if its reason says that it stays closed
    """
    account = _now(account)
    if account.status not in CLOSED:
        raise NotClosed(f"{account} is {AccountStatus(account.status).label.lower()}: it is open.")
    if account.rejection_reason is not None and not account.rejection_reason.reopenable:
        raise NotReopenable(f"{account} stays closed: {account.rejection_reason.internal_text}")
    _move(
        account,
        to=AccountStatus.IN_REVIEW,
        cause=Cause.REOPENED,
        at=at,
        by=by,
        changes={
            "rejection_reason": None,
            "may_expire": False,
            "review_round": account.review_round + 1,
        },
    )
    notes.write(account, about="reopened", text=note, by=by, at=at)


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
    Take a qualification back: in review again, expiring no more. Calls keep their count.

    Where a bonus exists a second person is needed: payouts.reversals.revoke asks for it.

    :raises NotQualified: if the account is not qualified
    """
    account = _now(account)
    if account.status != AccountStatus.QUALIFIED:
        raise NotQualified(f"{account} is not qualified: there is nothing to revoke.")
    _move(
        account,
        to=AccountStatus.IN_REVIEW,
        cause=Cause.REVOKED,
        at=at,
        by=by,
        approved_by=approved_by,
        changes={"may_expire": False},
    )
    notes.write(account, about="revoked", text=reason, by=by, at=at)


def screened(account: ReferredAccount, *, to: AccountStatus, reason: str | None, at: datetime) -> None:
    """Let the automatic checks of a sign-up refuse it, or hand it to staff."""
    why = None if reason is None else _reason(account, code=reason)
    _move(account, to=to, cause=Cause.SCREENED, at=at, by=None, reason=why, changes={"rejection_reason": why})


def milestone_reached(account: ReferredAccount, *, at: datetime) -> None:
    """Let the qualifying milestone of the terms qualify an account, an expired one too."""
    _move(
        account,
        to=AccountStatus.QUALIFIED,
        cause=Cause.MILESTONE,
        at=at,
        by=None,
        # What is in review is left to staff, whatever it has reached.
        only_if={"pending_decision": None, "status__in": [AccountStatus.SIGNED_UP, AccountStatus.EXPIRED]},
        changes={"rejection_reason": None},
    )


def expire(account: ReferredAccount, *, at: datetime) -> None:
    """Close an account whose deadline is there; the terms may name the reason."""
    code = account.terms.expired_reason
    why = _reason(account, code=code) if code else None
    _move(
        account,
        to=AccountStatus.EXPIRED,
        cause=Cause.EXPIRED,
        at=at,
        by=None,
        reason=why,
        only_if={"pending_decision": None, "may_expire": True},
        changes={"rejection_reason": why},
    )


@transaction.atomic
def give_up(account: ReferredAccount, *, reason: str, at: datetime) -> None:
    """Refuse an account that nobody could reach, unless a decision waits."""
    why = _reason(account, code=reason)
    _move(
        account,
        to=AccountStatus.NOT_QUALIFIED,
        cause=Cause.GIVEN_UP,
        at=at,
        by=None,
        reason=why,
        only_if={"pending_decision": None, "status__in": [AccountStatus.IN_REVIEW]},
        changes={"rejection_reason": why},
    )


def _now(account: ReferredAccount, *, locked: bool = False) -> ReferredAccount:
    """
    The account as it is now, with what a decision looks at.

    :param locked: until the end of the transaction nobody corrects what is looked at
    """
    rows = ReferredAccount.objects.select_related("program", "terms", "pending_decision", "rejection_reason")
    return (rows.select_for_update(of=("self",)) if locked else rows).get(pk=account.pk)


def _decider(account: ReferredAccount) -> str:
    return str(account.pending_decision.decided_by) if account.pending_decision else "somebody else"


def _reason(account: ReferredAccount, *, code: str) -> RejectionReason:
    reason = RejectionReason.objects.filter(terms=account.terms_id, code=code).first()
    if reason is None:
        raise UnknownReason(f"The terms of {account} know no reason '{code}'.")
    return reason


def _log(
    account: ReferredAccount,
    *,
    new: AccountStatus,
    cause: Cause,
    at: datetime,
    by: User | None,
    approved_by: User | None = None,
    decision: Decision | None = None,
    reason: RejectionReason | None = None,
) -> None:
    StatusChange.objects.create(
        account=account,
        old_status=account.status,
        new_status=new,
        cause=cause,
        changed_at=at,
        changed_by=by,
        approved_by=approved_by,
        reason=reason,
        decision=decision,
    )


def _move(
    account: ReferredAccount,
    *,
    to: AccountStatus,
    cause: Cause,
    at: datetime,
    by: User | None,
    approved_by: User | None = None,
    decision: Decision | None = None,
    reason: RejectionReason | None = None,
    only_if: Mapping[str, object] | None = None,
    changes: Mapping[str, object] | None = None,
) -> None:
    seen = AccountStatus(account.status)
    # Compare-and-swap: of two workers that saw the same status, exactly one UPDATE matches the
    # row. It needs no row lock, so it holds on SQLite as it does on PostgreSQL.
    moved = seen in ACCOUNT_SOURCES[to] and ReferredAccount.objects.filter(
        pk=account.pk, status=seen, **(only_if or {})
    ).update(status=to, facts_changed=F("facts_changed") + 1, **(changes or {}))
    if not moved:
        raise StepNotAllowed(f"{account} can no longer become {to.label.lower()}.")
    _log(
        account,
        new=to,
        cause=cause,
        at=at,
        by=by,
        approved_by=approved_by,
        decision=decision,
        reason=reason or (decision.reason if decision else None),
    )
    account.refresh_from_db(fields=["status", "facts_changed", "review_round", *(changes or {})])
    _keep_review(account, at=at)


def _keep_review(account: ReferredAccount, *, at: datetime) -> None:
    """Work for staff has a review; whatever ends it closes the review."""
    if account.status == AccountStatus.IN_REVIEW:
        reviews.open_for(account, at=at)
    else:
        reviews.close_for(account, at=at)
