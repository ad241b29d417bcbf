"""
The first decider: who decided about an account leaves an appeal, and the second look, to another person.

Once somebody has appealed, nobody who has ever refused the account decides about it: not about a second
appeal, nor after it was reopened without one. Against which decision an appeal is, its review says.
"""

from django.contrib.auth.models import User
from django.db.models import Q, QuerySet

from referrals.models import Decision, ReferredAccount, Review
from referrals.rules.lifecycle import AccountStatus, Cause
from referrals.rules.refusal import Refused


class FirstDecider(Refused):
    """It is this person's own decision that is looked at again: another person does that."""

    code = "first_decider"


def appealed(person: User) -> Q:
    """Reviews of accounts that somebody has appealed about, and that this person has refused."""
    # Asked of the few appeals alone: a join would bring every decision to every review that waits.
    theirs = refusals().filter(decided_by=person).values("account")
    appeals = Review.objects.filter(appeal_of__isnull=False, account__in=theirs)
    return Q(account__in=appeals.order_by().values("account"))


def refusals() -> QuerySet[Decision]:
    """What people have refused, and what took effect."""
    return Decision.objects.filter(result=AccountStatus.NOT_QUALIFIED, status_changes__cause=Cause.DECIDED)


def refuse_appealed(account: ReferredAccount, person: User) -> None:
    """
    Whoever refused an account does not decide about the appeal, nor undoes what another decided.

    :raises FirstDecider: if this person did
    """
    if is_appealed(account, person):
        raise FirstDecider(why_not(account))


def refuse_undoing(account: ReferredAccount, person: User) -> None:
    """
    Whoever may not decide about an appeal does not undo the decision of another about it.

    :raises FirstDecider: then
    """
    decision = account.pending_decision
    if decision is not None and decision.decided_by_id != person.pk:
        refuse_appealed(account, person)


def is_appealed(account: ReferredAccount, person: User) -> bool:
    """The account is open again after an appeal, and this person has refused it before."""
    return Review.objects.filter(appealed(person), account=account, closed_at__isnull=True).exists()


def refuse_own(decision: Decision, person: User) -> None:
    """
    Whoever took a decision does not look at it a second time.

    :raises FirstDecider: if this person did
    """
    if decision.decided_by_id == person.pk:
        raise FirstDecider(
            f"You decided about {decision.account} yourself: another person takes the second look."
        )


def why_not(account: ReferredAccount) -> str:
    """Why the first decider does nothing about an appeal, and who does."""
    return f"You refused {account} before the referrer appealed: another person decides now."
