"""
What is known about the criteria of an account: automatic results, answers of a call, waivers.

Results are append-only and the latest counts; answers count for the decision that they were
given for. An account is qualified only on passing or waived results.
"""

from collections.abc import Mapping
from datetime import datetime

from django.contrib.auth.models import User
from django.db import transaction

from referrals import notes
from referrals.models import Call, Criterion, CriterionResult, Decision, ReferredAccount
from referrals.rules.lifecycle import AccountStatus
from referrals.rules.refusal import Refused, require_two_people
from referrals.rules.words import AnswerSource, Asked, Check, CriterionSource, Result


class Unanswered(Refused):
    """A required question has no yes."""

    code = "unanswered"


class CriterionFailed(Refused):
    """A required automatic criterion failed and is not waived."""

    code = "criterion_failed"


class UnknownCriterion(Refused):
    """The terms of the account have no such criterion."""

    code = "unknown_criterion"


class NothingToWaive(Refused):
    """The account is decided: a waiver would count for a later review that nobody asked it for."""

    code = "nothing_to_waive"


class NobodyReached(Refused):
    """Answers are said to come from a call, and in this round nobody was reached."""

    code = "nobody_reached"


@transaction.atomic
def waive(
    account: ReferredAccount,
    *,
    criterion: str,
    by: User,
    approved_by: User,
    at: datetime,
    note: str,
) -> None:
    """
    Let a criterion not count against an account; it takes two people and a reason.

    :raises SamePerson: if both are one
    :raises NothingToWaive: if nobody reviews the account, or a decision about it waits
    :raises UnknownCriterion: if the terms of the account have no such criterion
    """
    require_two_people(by, approved_by)
    # Locked, as by a decision: what is decided meanwhile is either seen here, or sees the waiver.
    current = ReferredAccount.objects.select_for_update(of=("self",)).get(pk=account.pk)
    if current.status != AccountStatus.IN_REVIEW or current.pending_decision_id is not None:
        raise NothingToWaive(
            f"{account} is not in review any more: nothing is waived. Reopen it, then propose it anew."
        )
    row = account.terms.criteria.filter(code=criterion).first()
    if row is None:
        raise UnknownCriterion(f"The terms of {account} have no criterion '{criterion}'.")
    CriterionResult.objects.create(
        account=account,
        criterion=row,
        result=Result.WAIVED,
        found_at=at,
        found_by=by,
        approved_by=approved_by,
    )
    notes.write(account, about=f"waived {criterion}"[:32], text=note, by=by, at=at)


def required_questions(account: ReferredAccount) -> list[Criterion]:
    """The questions that are asked about this account and must be answered yes."""
    return [c for c in account.terms.criteria.all() if c.required and is_asked(c, account)]


def is_asked(criterion: Criterion, account: ReferredAccount) -> bool:
    """Is it a question for staff that this account gives reason to ask?"""
    if criterion.source != CriterionSource.STAFF:
        return False
    flagged = account.account_match or account.email_match or account.domain_match
    return criterion.asked == Asked.ALWAYS or flagged


def known(account: ReferredAccount) -> dict[str, str]:
    """The latest result of each criterion; answers given for a decision count for that one alone."""
    results = CriterionResult.objects.filter(account=account, decision__isnull=True).order_by("pk")
    return dict(results.values_list("criterion__code", "result"))


def with_answers(
    account: ReferredAccount, known: dict[str, str], answers: Mapping[str, bool] | None
) -> dict[str, str]:
    """What is known, with the answers of this call; a waived question needs none."""
    asked = [c.code for c in account.terms.criteria.all() if is_asked(c, account)]
    told = dict.fromkeys(asked, True) if answers is None else answers
    given = {
        code: Result.PASS.value if told[code] else Result.FAIL.value
        for code in asked
        if code in told and known.get(code) != Result.WAIVED
    }
    return {**known, **given}


def refuse_missing(account: ReferredAccount, known: Mapping[str, str]) -> None:
    good = {Result.PASS, Result.WAIVED}
    if missing := [c.question for c in required_questions(account) if known.get(c.code) not in good]:
        raise Unanswered(f"Not answered with yes: {' '.join(missing)}")
    automatic = (c for c in account.terms.criteria.all() if c.source == CriterionSource.AUTOMATIC)
    if failed := [why_failed(c) for c in automatic if c.required and known.get(c.code) not in good]:
        raise CriterionFailed(" ".join(failed))


def why_failed(criterion: Criterion) -> str:
    """What an automatic check speaks against, and what helps, in a sentence."""
    match criterion.check_kind:
        case Check.KIND:
            found, helps = "The kind of the account does not count for this program", "correct it"
        case Check.COMPANY_EMAIL:
            found, helps = "The e-mail is of a public service", "correct it"
        case Check.EVIDENCE:
            found, helps = "Something that the terms ask for is missing", "add it by a correction"
        case _:
            found, helps = "We knew the company before", "correct what was mistyped"
    return f"{found}: {helps}, or ask for a waiver."


def refuse_uncalled(account: ReferredAccount) -> None:
    """
    Answers of a call need one in which somebody was reached, since the account was opened last.

    :raises NobodyReached: if there is none
    """
    if not Call.objects.filter(account=account, round=account.review_round, connected=True).exists():
        raise NobodyReached(
            f"Nobody at {account} has been reached: log the call, or choose where the answers come from."
        )


def store_answers(
    account: ReferredAccount,
    answers: Mapping[str, bool] | None,
    *,
    decision: Decision,
    sources: Mapping[str, str] | None = None,
) -> None:
    """
    Keep the answers on which a decision rests.

    :param sources: where each comes from, by criterion; one that is not named comes from the call
    """
    asked = {c.code: c for c in account.terms.criteria.all() if is_asked(c, account)}
    told = answers or (
        dict.fromkeys(asked, True) if answers is None and decision.result == AccountStatus.QUALIFIED else {}
    )
    CriterionResult.objects.bulk_create(
        CriterionResult(
            account=account,
            criterion=asked[code],
            result=Result.PASS if yes else Result.FAIL,
            found_at=decision.decided_at,
            found_by_id=decision.decided_by_id,
            decision=decision,
            source=(sources or {}).get(code, AnswerSource.CALL),
        )
        for code, yes in told.items()
        if code in asked
    )
