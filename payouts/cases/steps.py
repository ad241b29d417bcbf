"""What each step of a worked case does: one call of the function that the real interfaces call."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from payouts import batches, holds, reversals, withdrawals
from payouts.cases.format import Step
from payouts.cases.stage import Stage
from payouts.models import Bonus
from referrals import desk, enrollment, events, evidence, intake, qualification
from referrals.models import CallOutcome, ReferredAccount
from referrals.rules.refusal import require_two_people


def take(step: Step, stage: Stage) -> None:
    """
    Let a step of a case happen.

    :raises Refused: if it is refused
    """
    TAKE[step.do](stage, step.at, **step.keys)


def _account(stage: Stage, host_account: str) -> ReferredAccount:
    return intake.account_in(stage.program, host_account=host_account)


def _bonus(stage: Stage, account: str, reward: str, period: str) -> Bonus:
    return holds.latest_bonus(stage.program, host_account=account, reward=reward, period=period)


def _open_link(stage: Stage, at: datetime, *, link: str, visitor: str) -> None:
    intake.open_link(stage.host, link=link, visitor=visitor, at=at)


def _sign_up(stage: Stage, at: datetime, *, account: str, **told: Any) -> None:
    intake.sign_up(stage.program, told=intake.SignUpTold(host_account=account, **told), told_at=at)


def _event(stage: Stage, at: datetime, *, account: str, **told: Any) -> None:
    events.record(stage.client, host_account=account, received_at=at, **told)


def _call(stage: Stage, at: datetime, *, account: str, by: str, outcome: str) -> None:
    row = CallOutcome.objects.get(program=stage.program, code=outcome)
    desk.log_call(_account(stage, account), outcome=row, by=stage.person(by), at=at)


def _decide(
    stage: Stage,
    at: datetime,
    *,
    account: str,
    by: str,
    result: str,
    reason: str,
    answers: Mapping[str, str] | None,
) -> None:
    decision = qualification.decide(
        _account(stage, account),
        result=result,
        by=stage.person(by),
        at=at,
        reason=reason,
        answers=None if answers is None else {code: answer == "YES" for code, answer in answers.items()},
    )
    stage.effects[account] = decision.takes_effect_at


def _undo(stage: Stage, at: datetime, *, account: str, by: str) -> None:
    qualification.undo(_account(stage, account), by=stage.person(by), at=at)
    del stage.effects[account]


def _reopen(stage: Stage, at: datetime, *, account: str, by: str, note: str) -> None:
    qualification.reopen(_account(stage, account), by=stage.person(by), at=at, note=note)


def _revoke(
    stage: Stage, at: datetime, *, account: str, by: str, reason: str, approved_by: str | None
) -> None:
    reversals.revoke(
        _account(stage, account),
        by=stage.person(by),
        at=at,
        reason=reason,
        approved_by=stage.person(approved_by) if approved_by else None,
    )


def _waive(
    stage: Stage, at: datetime, *, account: str, criterion: str, by: str, approved_by: str, note: str
) -> None:
    # One person alone is refused before anybody asks which account it is about.
    require_two_people(stage.person(by), stage.person(approved_by))
    evidence.waive(
        _account(stage, account),
        criterion=criterion,
        by=stage.person(by),
        approved_by=stage.person(approved_by),
        at=at,
        note=note,
    )


def _attribute(
    stage: Stage, at: datetime, *, account: str, referrer: str, by: str, approved_by: str, note: str
) -> None:
    intake.attribute(
        stage.program,
        host_account=account,
        referrer=stage.referrers[referrer],
        by=stage.person(by),
        approved_by=stage.person(approved_by),
        at=at,
        note=note,
    )


def _hold(
    stage: Stage, at: datetime, *, account: str, reward: str, period: str, by: str, reason: str
) -> None:
    holds.place(_bonus(stage, account, reward, period), reason=reason, by=stage.person(by), at=at)


def _unhold(stage: Stage, at: datetime, *, account: str, reward: str, period: str, by: str) -> None:
    holds.lift(_bonus(stage, account, reward, period), by=stage.person(by), at=at)


def _change_referrer(stage: Stage, _: datetime, *, referrer: str, set: Mapping[str, Any]) -> None:
    stage.change_referrer(referrer, set)


def _change_link(stage: Stage, at: datetime, *, referrer: str, link: str) -> None:
    enrollment.change_link(stage.referrers[referrer], program=stage.program, text=link, at=at)


def _change_code(stage: Stage, at: datetime, *, referrer: str, code: str) -> None:
    enrollment.change_code(stage.referrers[referrer], program=stage.program, text=code, at=at)


def _suspend(stage: Stage, at: datetime, *, referrer: str, by: str, reason: str) -> None:
    enrollment.suspend(
        stage.referrers[referrer], program=stage.program, by=stage.person(by), at=at, reason=reason
    )


def _resume(stage: Stage, at: datetime, *, referrer: str, by: str) -> None:
    enrollment.resume(stage.referrers[referrer], program=stage.program, by=stage.person(by), at=at)


def _run_jobs(stage: Stage, at: datetime, *, times: int) -> None:
    stage.evaluate(at)
    for _ in range(times):
        stage.run_jobs(at)


def _approve_batch(stage: Stage, at: datetime, *, put_up_by: str, approved_by: str) -> None:
    batches.approve_all(
        stage.program, put_up_by=stage.person(put_up_by), approved_by=stage.person(approved_by), at=at
    )


def _reverse(
    stage: Stage,
    at: datetime,
    *,
    account: str,
    reward: str,
    period: str,
    by: str,
    approved_by: str,
    note: str,
) -> None:
    reversals.reverse(
        _bonus(stage, account, reward, period),
        by=stage.person(by),
        approved_by=stage.person(approved_by),
        at=at,
        note=note,
    )


def _withdraw(stage: Stage, at: datetime, *, referrer: str, amount: int) -> None:
    withdrawals.withdraw(stage.enrollment(referrer), amount_minor=amount, at=at)


def _spend(stage: Stage, at: datetime, *, referrer: str, amount: int, service: str) -> None:
    withdrawals.spend(stage.enrollment(referrer), amount_minor=amount, service=service, at=at)


def _transfer(stage: Stage, at: datetime, *, referrer: str, amount: int, to: str) -> None:
    withdrawals.transfer(
        stage.enrollment(referrer), receiver=stage.enrollment(to), amount_minor=amount, at=at
    )


TAKE: Mapping[str, Callable[..., None]] = {
    "open_link": _open_link,
    "sign_up": _sign_up,
    "event": _event,
    "call": _call,
    "decide": _decide,
    "undo": _undo,
    "reopen": _reopen,
    "revoke": _revoke,
    "waive": _waive,
    "attribute": _attribute,
    "hold": _hold,
    "unhold": _unhold,
    "change_referrer": _change_referrer,
    "change_link": _change_link,
    "change_code": _change_code,
    "suspend": _suspend,
    "resume": _resume,
    "run_jobs": _run_jobs,
    "approve_batch": _approve_batch,
    "reverse": _reverse,
    "withdraw": _withdraw,
    "spend": _spend,
    "transfer": _transfer,
}
