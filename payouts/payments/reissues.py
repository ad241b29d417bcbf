"""
What failed or came back is tried again: by a payout of its own, with the same amount, one attempt on.

It takes two people where the program asks for two, or where the sum reaches a tier of payouts.signing: who
says alone that a payment failed must not be the one who lets it be paid once more.
"""

from collections.abc import Sequence
from datetime import datetime

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Count, F, IntegerField, OuterRef, Q, QuerySet, Subquery, Sum, Value

from payouts import signing
from payouts.insertion import insert_from, listed
from payouts.models import Bonus, Payout, PayoutChange
from payouts.payments import set_offs, steps
from payouts.rules.lifecycle import PAYOUT_SOURCES, PayoutStatus
from referrals.models import Program
from referrals.rules.money import to_text
from referrals.rules.refusal import Refused, require_two_people

CAN_BE_REISSUED = PAYOUT_SOURCES[PayoutStatus.REISSUED]


class NothingToReissue(Refused):
    """None of them has failed or come back."""

    code = "nothing_to_reissue"


class SecondPersonNeeded(Refused):
    """One person cannot let it be paid once more."""

    code = "second_person_needed"


class NotWhatWasSeen(Refused):
    """Others failed or came back, or were tried again, since it was looked at."""

    code = "not_what_was_seen"


@transaction.atomic
def reissue(
    payouts: QuerySet[Payout], *, by: User, at: datetime, approved_by: User | None = None, seen: str = ""
) -> int:
    """
    Try again what failed or came back of these payouts; returns how many.

    Each is followed by a payout with the next attempt, which waits for a payment file like any other. Its
    bonuses point to the new one.

    :param seen: what ``summary`` said when the second person was asked; empty: nobody was
    :raises NothingToReissue: if none of them has failed or come back
    :raises SecondPersonNeeded: if it takes two people and nobody confirms
    :raises SamePerson: if somebody confirms, and both people are one
    :raises NotWhatWasSeen: if it is not what was seen any more
    :raises PayoutMoved: if somebody else was faster
    """
    found = payouts.filter(status__in=CAN_BE_REISSUED).order_by("pk").values_list("pk", "status")
    by_status: dict[str, list[int]] = {}
    for number, status in found:
        by_status.setdefault(status, []).append(number)
    if not by_status:
        raise NothingToReissue("None of these payouts has failed or come back: nothing is to be tried again.")
    _refuse_one_person(payouts, by=by, approved_by=approved_by)
    if seen and seen != (now := summary(payouts)):
        raise NotWhatWasSeen(
            f"It was about {seen}; by now it is about {now}. Withdraw the proposal, and propose it again."
        )
    numbers = [number for each in by_status.values() for number in each]
    for status, each in by_status.items():
        steps.move(
            each, old=PayoutStatus(status), new=PayoutStatus.REISSUED, at=at, by=by, approved_by=approved_by
        )
    _follow(numbers, by=by, at=at)
    # What is owed by now is kept from the new attempts.
    set_offs.make_up_of(numbers, at=at)
    return len(numbers)


def takes_two(payouts: QuerySet[Payout]) -> bool:
    """Two people are needed to try again what failed or came back of these payouts."""
    rows = _failed(payouts).values("enrollment__program").annotate(total=Sum("amount_minor"))
    sums = dict(rows.values_list("enrollment__program", "total"))
    return any(
        program.people_needed >= 2 or signing.approvals_needed(program, sum_minor=sums[program.pk]) > 1
        for program in Program.objects.filter(pk__in=sums)
    )


def summary(payouts: QuerySet[Payout]) -> str:
    """
    How many of these payouts can be tried again, and what they come to: what two people speak of.

    It is kept with the proposal and compared with, so that it is the same in every language.
    """
    rows = _failed(payouts).values("currency").annotate(count=Count("pk"), total=Sum("amount_minor"))
    return ", ".join(
        f"{count} payment{'' if count == 1 else 's'} of {currency} {to_text(total, currency)} in all"
        for currency, count, total in rows.order_by("currency").values_list("currency", "count", "total")
    )


def _failed(payouts: QuerySet[Payout]) -> QuerySet[Payout]:
    """
    What failed or came back of these payouts, each once, in no order.

    They are asked for by their numbers: joined to lines of files, a payout could be summed more than once.
    """
    numbers = payouts.filter(status__in=CAN_BE_REISSUED).order_by().values("pk")
    return Payout.objects.filter(pk__in=numbers).order_by()


def _refuse_one_person(payouts: QuerySet[Payout], *, by: User, approved_by: User | None) -> None:
    if approved_by is not None:
        require_two_people(by, approved_by)
    elif takes_two(payouts):
        raise SecondPersonNeeded(
            "Money is paid once more: a second person confirms. Propose it on the page of the payout or of"
            " its file."
        )


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
