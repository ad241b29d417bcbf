"""What failed or came back is tried again: by a payout of its own, with the same amount, one attempt on."""

from collections.abc import Sequence
from datetime import datetime

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import F, IntegerField, OuterRef, Q, QuerySet, Subquery, Value

from payouts.insertion import insert_from, listed
from payouts.models import Bonus, Payout, PayoutChange
from payouts.payments import set_offs, steps
from payouts.rules.lifecycle import PAYOUT_SOURCES, PayoutStatus
from referrals.rules.refusal import Refused

CAN_BE_REISSUED = PAYOUT_SOURCES[PayoutStatus.REISSUED]


class NothingToReissue(Refused):
    """None of them has failed or come back."""

    code = "nothing_to_reissue"


@transaction.atomic
def reissue(payouts: QuerySet[Payout], *, by: User, at: datetime) -> int:
    """
    Try again what failed or came back of these payouts; returns how many.

    Each is followed by a payout with the next attempt, which waits for a payment file like any other. Its
    bonuses point to the new one.

    :raises NothingToReissue: if none of them has failed or come back
    :raises PayoutMoved: if somebody else was faster
    """
    found = payouts.filter(status__in=CAN_BE_REISSUED).order_by("pk").values_list("pk", "status")
    by_status: dict[str, list[int]] = {}
    for number, status in found:
        by_status.setdefault(status, []).append(number)
    if not by_status:
        raise NothingToReissue("None of these payouts has failed or come back: nothing is to be tried again.")
    numbers = [number for each in by_status.values() for number in each]
    for status, each in by_status.items():
        steps.move(each, old=PayoutStatus(status), new=PayoutStatus.REISSUED, at=at, by=by)
    _follow(numbers, by=by, at=at)
    # What is owed by now is kept from the new attempts.
    set_offs.make_up_of(numbers, at=at)
    return len(numbers)


def _follow(numbers: Sequence[int], *, by: User, at: datetime) -> None:
    earlier = Payout.objects.filter(pk__in=listed(numbers))
    insert_from(
        earlier,
        into=Payout,
        values={
            "batch": F("batch"),
            "withdrawal": F("withdrawal"),
            "enrollment": F("enrollment"),
            "attempt": F("attempt") + 1,
            "amount_minor": F("amount_minor"),
            "currency": F("currency"),
            "status": Value(PayoutStatus.PREPARED.value),
            "created_at": Value(at),
        },
    )
    same = Q(batch=OuterRef("batch")) | Q(withdrawal=OuterRef("withdrawal"))
    following = Payout.objects.filter(
        same, enrollment=OuterRef("enrollment"), attempt=OuterRef("attempt") + 1
    )
    new_ones = earlier.annotate(following=Subquery(following.values("pk")))
    insert_from(
        Payout.objects.filter(pk__in=listed(sorted(new_ones.values_list("following", flat=True)))),
        into=PayoutChange,
        values={
            "payout": F("pk"),
            "old_status": Value(""),
            "new_status": F("status"),
            "changed_at": Value(at),
            "changed_by": Value(by.pk, output_field=IntegerField()),
        },
    )
    # The latest attempt is the payout of its bonuses: what they are asked about is how it stands now.
    attempts = Payout.objects.filter(batch=OuterRef("batch"), enrollment=OuterRef("enrollment"))
    latest = Subquery(attempts.order_by("-attempt").values("pk")[:1])
    Bonus.objects.filter(payout__in=listed(numbers)).update(payout=latest)
