"""Undoing a decision at the desk: the company is the same person's again, and the next one is given back."""

from datetime import datetime

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet

from referrals import qualification, reviews
from referrals.models import Call, Comparison, Correction, Note, ReferredAccount, Review
from referrals.rules.refusal import Refused


@transaction.atomic
def undo(account: ReferredAccount, *, by: User, at: datetime) -> bool:
    """
    Take a decision back before it counts; has whoever took it the company again?

    What was served after the decision, and about which nothing was done, is given back.

    :raises TooLate: if no decision waits, or its time has come
    """
    account = ReferredAccount.objects.select_related("pending_decision").get(pk=account.pk)
    decision = account.pending_decision
    qualification.undo(account, by=by, at=at)
    review = Review.objects.filter(account=account, closed_at__isnull=True).first()
    if decision is None or review is None or decision.decided_by_id != by.pk:
        return False
    for served in _untouched(by, since=decision.decided_at):
        reviews.release(served, by)
    try:
        reviews.claim(review, by, at=at)
    except Refused:
        # Somebody else has taken it meanwhile.
        return False
    return True


def _untouched(person: User, *, since: datetime) -> QuerySet[Review]:
    """What was served to this person by the press of that instant, with nothing stored about it since."""
    of_it = {"account": OuterRef("account")}
    done = [
        Call.objects.filter(**of_it, called_by=person, called_at__gte=since),
        Correction.objects.filter(**of_it, corrected_by=person, corrected_at__gte=since),
        Comparison.objects.filter(**of_it, compared_by=person, compared_at__gte=since),
        Note.objects.filter(**of_it, written_by=person, written_at__gte=since),
    ]
    # A company that somebody took by hand is held since another instant: it is kept.
    served = Review.objects.filter(holder=person, held_since=since, closed_at__isnull=True)
    return served.filter(*[~Exists(rows) for rows in done])
