"""
Second looks: of the decisions that took effect some are decided again, blind, by somebody else.

Which ones is a matter of the decision's number alone, so that a draw that runs twice, late or by two workers
draws the same. A second look changes nothing by itself: it says how often two people see the same.
"""

from datetime import datetime, timedelta

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Exists, F, OuterRef, Q, QuerySet

from referrals import first_decider
from referrals.models import Decision, RejectionReason, SecondLook, StatusChange
from referrals.rules.lifecycle import AccountStatus, Cause
from referrals.rules.refusal import Refused

LOOKED_BACK = timedelta(days=30)
"""An older decision is not drawn any more: nobody would remember the company."""
CHUNK = 1_000
# Knuth's hash by multiplication: consecutive numbers come to lie far apart, and evenly.
STEPS, STRIDE = 65_536, 40_503
PLACE = F("pk") % STEPS * STRIDE % STEPS * 100
"""Where a decision lies among all, by its number: drawn is what lies below the percentage of ``STEPS``."""

AGREES = Q(result=F("decision__result")) & (
    Q(result=AccountStatus.QUALIFIED) | Q(reason__code=F("decision__reason__code"))
)
"""Second looks that came to what was decided, for the same reason."""


class AlreadyLookedAt(Refused):
    """Somebody has taken this second look."""

    code = "already_looked_at"


class UnknownReason(Refused):
    """The terms of the account name no such reason."""

    code = "unknown_reason"


def draw(*, as_of: datetime) -> int:
    """Draw the sample of the decisions that took effect of late; returns how many were drawn."""
    drawn = 0
    while chunk := list(_to_draw(as_of=as_of).values_list("pk", flat=True)[:CHUNK]):
        # What another worker has drawn since the query stays as it is.
        SecondLook.objects.bulk_create(
            [SecondLook(decision_id=pk, drawn_at=as_of) for pk in chunk], ignore_conflicts=True
        )
        drawn += len(chunk)
    return drawn


def _to_draw(*, as_of: datetime) -> QuerySet[Decision]:
    """Decisions in effect whose number is one of those percent, and that nobody is to look at yet."""
    counts = StatusChange.objects.filter(decision=OuterRef("pk"), cause=Cause.DECIDED)
    later = Decision.objects.filter(account=OuterRef("account"), pk__gt=OuterRef("pk"))
    recent = Decision.objects.filter(decided_at__gt=as_of - LOOKED_BACK, decided_at__lte=as_of)
    return recent.annotate(place=PLACE).filter(
        Exists(counts),
        ~Exists(later),
        place__lt=F("account__program__second_look_percent") * STEPS,
        second_look__isnull=True,
        # Reopened or revoked since: it is decided again as it is.
        account__status=F("result"),
    )


def waiting(person: User) -> QuerySet[SecondLook]:
    """What this person may look at: what nobody has looked at yet and somebody else has decided."""
    return _not_looked_at().exclude(decision__decided_by=person).order_by("pk")


@transaction.atomic
def look(second_look: SecondLook, *, result: str, reason: str = "", by: User, at: datetime) -> SecondLook:
    """
    Store what somebody else would have decided; the account and its decision stay as they are.

    :param result: QUALIFIED or NOT_QUALIFIED
    :param reason: code of a rejection reason of the terms, for NOT_QUALIFIED
    :raises FirstDecider: if it is this person's own decision
    :raises UnknownReason: if the terms do not know the reason
    :raises AlreadyLookedAt: if somebody was faster
    """
    decision = second_look.decision
    first_decider.refuse_own(decision, by)
    why = None
    if result != AccountStatus.QUALIFIED:
        terms = decision.account.terms_id
        why = RejectionReason.objects.filter(terms=terms, code=reason).first()
        if why is None:
            raise UnknownReason(f"The terms of {decision.account} know no reason '{reason}'.")
    mine = _not_looked_at().filter(pk=second_look.pk)
    stored = mine.update(looked_at=at, looked_by=by, result=result, reason=why)
    second_look.refresh_from_db()
    if not stored:
        raise AlreadyLookedAt(
            f"{second_look.looked_by} has looked at {decision.account} already. Nothing was stored now."
        )
    return second_look


def _not_looked_at() -> QuerySet[SecondLook]:
    return SecondLook.objects.filter(looked_at__isnull=True)
