"""
Appeals: the referrer asks, through staff, for a refused or expired account to be looked at again.

The account is reopened, and its review says against which decision the appeal is: whoever took that one, or
refused the account before, is never served the company, cannot take it, cannot decide and cannot undo what
another decides (referrals.first_decider). What was refused by no person - a check, a deadline, too many
calls - anybody may decide.
"""

from datetime import datetime

from django.contrib.auth.models import User
from django.db import transaction

from referrals import first_decider, notes, qualification
from referrals.models import Decision, ReferredAccount, Review
from referrals.rules.refusal import Refused

ABOUT = "appeal"
"""What the note is about that keeps the referrer's words."""


class NoEvidence(Refused):
    """An appeal says what the referrer asks to be considered."""

    code = "no_evidence"


@transaction.atomic
def take_up(account: ReferredAccount, *, by: User, at: datetime, evidence: str) -> Decision | None:
    """
    Take up the appeal of the referrer; returns the decision it is against, if a person took one.

    :param evidence: what the referrer says or has sent; kept as a note
    :raises NoEvidence: if nothing is said
    :raises NotClosed: if the account is neither refused nor expired
    :raises NotReopenable: if its reason says that it stays closed
    """
    if not evidence.strip():
        raise NoEvidence("Say what the referrer asks to be looked at: it is what the next person goes by.")
    qualification.reopen(account, by=by, at=at, note="")
    # Read after the account is swapped: nobody else can close it until this is stored.
    against = decision_against(account)
    Review.objects.filter(account=account, closed_at__isnull=True).update(appeal_of=against)
    notes.write(account, about=ABOUT, text=evidence, by=by, at=at)
    return against


def decision_against(account: ReferredAccount) -> Decision | None:
    """The last refusal by a person that took effect; ``None``: no person has refused the account."""
    refusals = first_decider.refusals().filter(account=account)
    return refusals.select_related("decided_by").order_by("-pk").first()
