"""Two people say what became of payments of which nothing is known; nothing of them is tried again before."""

from datetime import datetime

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import QuerySet

from payouts.models import PaymentFile, PaymentLine, Payout
from payouts.payments import files, orders, steps
from payouts.rules.lifecycle import FileStatus, PayoutStatus
from referrals.rules.refusal import Refused, require_two_people


class NotInDoubt(Refused):
    """It is known what became of it."""

    code = "not_in_doubt"


class TakenAsAWhole(Refused):
    """The file of a payment holds others: of none of them alone it can be said that it was not sent."""

    code = "taken_as_a_whole"


@transaction.atomic
def settle(payout: Payout, *, was_sent: bool, by: User, approved_by: User, at: datetime) -> None:
    """
    Say of one payout whether it was sent; if it was not, it can be reissued.

    :raises SamePerson: if both people are one
    :raises NotInDoubt: if it is known what became of it
    :raises TakenAsAWhole: if it was not sent, but stands in a file with others
    """
    require_two_people(by, approved_by)
    # Who settles the whole file at once waits for this one, or was first and is seen.
    list(PaymentFile.objects.filter(pk__in=_live(payout).values("file")).select_for_update(of=("self",)))
    orders.lock(payout)
    payout.refresh_from_db()
    if payout.status != PayoutStatus.UNKNOWN:
        now = PayoutStatus(payout.status).label.lower()
        raise NotInDoubt(f"{payout} is {now}: there is no doubt about it.")
    if not was_sent and is_one_of_several(payout):
        raise TakenAsAWhole(f"A file is taken as a whole: say of the file of {payout} that nobody took it.")
    new = PayoutStatus.SENT if was_sent else PayoutStatus.FAILED
    steps.move([payout.pk], old=PayoutStatus.UNKNOWN, new=new, at=at, by=by, approved_by=approved_by)
    orders.settle(payout, was_sent=was_sent, by=by, at=at)


@transaction.atomic
def settle_file(file: PaymentFile, *, was_taken: bool, by: User, approved_by: User, at: datetime) -> None:
    """
    Say of a whole file whether it was taken; if it was not, what is in it can be reissued.

    :raises SamePerson: if both people are one
    :raises NotInDoubt: if it is known what became of it
    """
    require_two_people(by, approved_by)
    file = PaymentFile.objects.select_for_update(of=("self",)).get(pk=file.pk)
    if file.status != FileStatus.IN_DOUBT:
        raise NotInDoubt(f"{file} is {FileStatus(file.status).label.lower()}: there is no doubt about it.")
    if was_taken:
        files.take(file, by=by, approved_by=approved_by, at=at)
    else:
        files.drop(file, by=by, approved_by=approved_by, at=at)


def is_one_of_several(payout: Payout) -> bool:
    """The file that it stands in holds others, too."""
    beside = PaymentLine.objects.filter(file__in=_live(payout).values("file")).exclude(payout=payout)
    return beside.exists()


def _live(payout: Payout) -> QuerySet[PaymentLine]:
    return PaymentLine.objects.live().filter(payout=payout).order_by()
