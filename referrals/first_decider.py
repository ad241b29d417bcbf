"""
The first decider: who decided about an account leaves an appeal, and the second look, to another person.

Against which decision an appeal is, its review says; referrals.appeals writes it when the review is opened,
and it stays with that review for good.
"""

from django.contrib.auth.models import User
from django.db.models import Exists, OuterRef, Q

from referrals.models import Decision, ReferredAccount, Review
from referrals.rules.refusal import Refused


class FirstDecider(Refused):
    """It is this person's own decision that is looked at again: another person does that."""

    code = "first_decider"


def appealed(person: User) -> Q:
    """Reviews that are appeals against a decision of this person."""
    # Asked of the few appeals alone: a join would bring every decision to every review that waits.
    theirs = Decision.objects.filter(pk=OuterRef("appeal_of"), decided_by=person)
    return Q(appeal_of__isnull=False) & Q(Exists(theirs))


def refuse_appealed(account: ReferredAccount, person: User) -> None:
    """
    Whoever took a decision does not decide about the appeal against it.

    :raises FirstDecider: if this person did
    """
    if Review.objects.filter(appealed(person), account=account, closed_at__isnull=True).exists():
        raise FirstDecider(why_not(account))


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
    return f"You took the decision about {account} that this appeal is against: another person decides now."
