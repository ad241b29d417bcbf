"""What the call desk does: it calls, decides, undoes, reopens, revokes, suspends."""

from payouts import reversals
from referrals import desk, enrollment, qualification, undoing
from referrals.models import ReferredAccount
from referrals.rules.lifecycle import CLOSED, AccountStatus
from tests.simulator.play import Play, any_of, one_of

ACCOUNTS = ReferredAccount.objects.all()


def calls(play: Play, chance: int, other: int) -> None:
    """Nobody answers, mostly: after five calls and fifteen business days a company is given up."""
    account = any_of(ACCOUNTS, chance, fitting=ACCOUNTS.filter(status=AccountStatus.IN_REVIEW))
    outcome = one_of(list(account.program.call_outcomes.order_by("position")), 2 if other % 4 else 0)
    desk.log_call(account, outcome=outcome, by=play.world.cara, at=play.now)


def decides(play: Play, chance: int, other: int) -> None:
    waiting = ACCOUNTS.filter(status=AccountStatus.IN_REVIEW, pending_decision=None)
    account = any_of(ACCOUNTS, chance, fitting=waiting)
    by = (play.world.cara, play.world.cara, play.world.sam, play.world.fay)[other // 8 % 4]
    if other % 8 == 7:
        reason = one_of(list(account.terms.rejection_reasons.order_by("position")), other // 8)
        qualification.decide(account, result="NOT_QUALIFIED", reason=reason.code, by=by, at=play.now)
    else:
        qualification.decide(account, result="QUALIFIED", by=by, at=play.now)


def undoes(play: Play, chance: int, other: int) -> None:
    account = any_of(ACCOUNTS, chance, fitting=ACCOUNTS.filter(pending_decision__isnull=False))
    undoing.undo(account, by=play.world.cara if other % 2 else play.world.sam, at=play.now)


def reopens(play: Play, chance: int, other: int) -> None:
    account = any_of(ACCOUNTS, chance, fitting=ACCOUNTS.filter(status__in=CLOSED))
    qualification.reopen(account, by=play.world.sam, at=play.now, note="a new look")


def revokes(play: Play, chance: int, other: int) -> None:
    account = any_of(ACCOUNTS, chance, fitting=ACCOUNTS.filter(status=AccountStatus.QUALIFIED))
    approved_by = (play.world.sam, play.world.sam, None, play.world.cara)[other % 4]
    reversals.revoke(account, by=play.world.cara, approved_by=approved_by, at=play.now, reason="a mistake")


def suspends(play: Play, chance: int, other: int) -> None:
    """A referrer's money waits; the next time, mostly, it goes on."""
    enrolled = one_of(play.world.enrollments, chance)
    who = {"program": enrolled.program, "by": play.world.sam, "at": play.now}
    enrolled.refresh_from_db(fields=["status"])
    if enrolled.status == "SUSPENDED" or other % 8 == 7:
        enrollment.resume(enrolled.referrer, **who)
    else:
        enrollment.suspend(enrolled.referrer, **who, reason="odd sign-ups")


def lets_go_on(play: Play, chance: int, other: int) -> None:
    enrolled = any_of(
        type(play.world.enrollments[0]).objects.all(),
        chance,
        fitting=type(play.world.enrollments[0]).objects.filter(status="SUSPENDED"),
    )
    enrollment.resume(enrolled.referrer, program=enrolled.program, by=play.world.sam, at=play.now)
