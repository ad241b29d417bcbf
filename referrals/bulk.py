"""
What is done to many companies at once, because none of them has to be read for it.

Each company is dealt with by itself, in a transaction of its own: what drops out keeps nothing of the rest
back, and the same thing done twice is done once. Whoever decides takes the company first, as ever, so what
somebody else is working on drops out.
"""

from collections.abc import Callable, Collection
from datetime import datetime
from zoneinfo import ZoneInfo

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import BooleanField, Exists, ExpressionWrapper, OuterRef, QuerySet, Subquery

from referrals import first_decider, notes, qualification, reviews, scopes
from referrals.models import Call, CallingRules, Decision, RejectionReason, Review, Terms
from referrals.rules.business_days import BusinessDays, given_up_from
from referrals.rules.lifecycle import AccountStatus
from referrals.rules.refusal import Refused
from referrals.rules.words import Check
from referrals.rules.zones import local_date

SENIOR = "referrals.reopen_referredaccount"
LEAD = "referrals.lead_referredaccount"


class DropsOut(Refused):
    """This cannot be done to this company now; what is done to the others goes on."""

    code = "drops_out"


def chosen(numbers: Collection[int], person: User) -> QuerySet[Review]:
    """These reviews, as far as they are of the person's programs, with all that speaks for and against."""
    reached = Call.objects.filter(account=OuterRef("account"), round=OuterRef("round"), connected=True)
    joined = ["account__program", "account__terms__calling", "account__pending_decision__decided_by"]
    calls = Call.objects.filter(account=OuterRef("account"), round=OuterRef("round")).order_by("called_at")
    is_appealed = ExpressionWrapper(first_decider.appealed(person), output_field=BooleanField())
    found = scopes.within(Review.objects.filter(pk__in=numbers), person).order_by("due_at", "pk")
    return (
        found.select_related(*joined, "program", "holder", "assigned_to")
        .prefetch_related("account__terms__rejection_reasons", "account__terms__criteria")
        .annotate(
            was_reached=Exists(reached),
            first_called_at=Subquery(calls.values("called_at")[:1]),
            is_appealed=is_appealed,
        )
    )


# --- giving back -------------------------------------------------------------------------------------------


def why_not_released(review: Review, person: User, *, at: datetime) -> str:
    """Why this person cannot give a company back; '': nothing speaks against it."""
    if not reviews.is_held(review, at=at):
        return "Nobody has it."
    if review.holder_id == person.pk or person.has_perm(SENIOR) or person.has_perm(LEAD):
        return ""
    return f"{review.holder} has it: a senior takes it away."


@transaction.atomic
def release(review: Review, *, by: User, at: datetime) -> str:
    """
    Give a company back; as a senior or team lead somebody else's, too, which is kept as a note.

    :returns: who had it
    :raises DropsOut: if nobody has it, or this person may not, or it went from hand to hand just now
    """
    _refuse(why_not_released(review, by, at=at))
    held = Review.objects.filter(pk=review.pk, holder=review.holder_id)
    if not held.update(holder=None, held_since=None, held_until=None):
        raise DropsOut("It has changed hands just now.")
    if review.holder_id != by.pk:
        notes.write(review.account, about="released", text=f"{review.holder} had it.", by=by, at=at)
    return str(review.holder)


# --- deciding ----------------------------------------------------------------------------------------------


def reasons_of(found: Collection[Review]) -> list[RejectionReason]:
    """
    For what reasons at least one of these companies can be refused, each once.

    Not for one that names the earlier account of the company: that has to be looked for.
    """
    by_code = {
        reason.code: reason
        for review in found
        for reason in review.account.terms.rejection_reasons.all()
        if not _names_an_account(review.account.terms, reason.code)
    }
    return list(by_code.values())


def why_not_refused(review: Review, person: User, *, reason: str, at: datetime) -> str:
    """Why a company cannot be refused by this person for this reason; '': nothing speaks against it."""
    if why_not := _why_not_decided(review, person, at=at):
        return why_not
    terms = review.account.terms
    if reason not in {each.code for each in terms.rejection_reasons.all()}:
        return f"Its terms ({terms}) do not have this reason."
    if _names_an_account(terms, reason):
        return "This reason names the company's earlier account: decide on its own page."
    return ""


@transaction.atomic
def refuse(review: Review, *, reason: str, note: str, by: User, at: datetime) -> Decision:
    """
    Refuse a company: a decision like any other, which can be undone.

    :param reason: code of a rejection reason of its terms
    :param note: kept with the company; '': none
    :raises DropsOut: with what speaks against it
    :raises Refused: what taking the company or the decision refuses
    """
    _refuse(why_not_refused(review, by, reason=reason, at=at))
    reviews.claim(review, by, at=at)
    notes.write(review.account, about="not_qualified", text=note, by=by, at=at)
    return qualification.decide(
        review.account, result=AccountStatus.NOT_QUALIFIED, by=by, at=at, reason=reason, answers={}
    )


def why_not_unreachable(
    review: Review, person: User, *, at: datetime, business_days: Callable[[Terms], BusinessDays]
) -> str:
    """
    Why a company is not given up by its program's rule; '': nothing speaks against it.

    :param business_days: of the calendar of these terms
    """
    if why_not := _why_not_decided(review, person, at=at):
        return why_not
    rules: CallingRules | None = getattr(review.account.terms, "calling", None)
    if rules is None:
        return "Its program has no rule for giving up."
    if review.was_reached:  # type: ignore[attr-defined]  # of chosen()
        return "Somebody was reached there: decide on its own page."
    if review.tries < rules.max_attempts:
        return f"Called {review.tries} of {rules.max_attempts} times."
    terms = review.account.terms
    zone = ZoneInfo(terms.time_zone)
    first_call_at = review.first_called_at  # type: ignore[attr-defined]  # of chosen()
    if first_call_at is None:
        return "Nobody has called there."
    day = given_up_from(first_call_at, zone, business_days(terms), number=rules.give_up_after_business_days)
    return f"From {day:%b} {day.day}: its program waits until then." if local_date(at, zone) < day else ""


@transaction.atomic
def mark_unreachable(
    review: Review, *, by: User, at: datetime, business_days: Callable[[Terms], BusinessDays]
) -> Decision:
    """
    Give a company up that was called as often and for as long as its program says, each time in vain.

    :param business_days: of the calendar of these terms
    :raises DropsOut: with what speaks against it
    :raises Refused: what taking the company or the decision refuses
    """
    _refuse(why_not_unreachable(review, by, at=at, business_days=business_days))
    reviews.claim(review, by, at=at)
    reason = review.account.terms.calling.unreachable_reason
    return qualification.decide(
        review.account, result=AccountStatus.NOT_QUALIFIED, by=by, at=at, reason=reason, answers={}
    )


def _why_not_decided(review: Review, person: User, *, at: datetime) -> str:
    account, decision = review.account, review.account.pending_decision
    if review.closed_at is not None:
        return f"It is {account.get_status_display().lower()} already."
    if decision is not None:
        return f"{decision.decided_by} has decided already: {decision.get_result_display().lower()}."
    if reviews.is_held(review, at=at) and review.holder_id != person.pk:
        return f"{review.holder} has it, until {review.held_until:%H:%M} UTC."
    if review.is_appealed:  # type: ignore[attr-defined]  # of chosen()
        return first_decider.why_not(account)
    if review.for_senior and not person.has_perm(SENIOR):
        return "It carries a signal that a senior looks at."
    return ""


def _names_an_account(terms: Terms, reason: str) -> bool:
    checks = [criterion for criterion in terms.criteria.all() if criterion.check_kind == Check.NEW_CUSTOMER]
    return any(criterion.reason == reason for criterion in checks)


def _refuse(why_not: str) -> None:
    if why_not:
        raise DropsOut(why_not)
