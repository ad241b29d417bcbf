"""
A payment that was given up here, and arrived all the same: its file was voided, or another attempt followed.

Two people say so. If nothing else paid it, the payout is paid by that payment; if something else has, it was
paid twice, and the referrer owes it: later payouts make up for it.
"""

from datetime import datetime

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Q, QuerySet

from payouts import ledger
from payouts.models import Arrival, PaymentLine, Payout
from payouts.payments import set_offs, steps
from payouts.rules.lifecycle import AccountKind, PayoutStatus, TransferKind
from referrals.rules.refusal import Refused, require_two_people

GIVEN_UP = (PayoutStatus.FAILED, PayoutStatus.REISSUED)
PAYS = (PayoutStatus.PREPARED, PayoutStatus.FAILED)
"""Of a payout that stands like this nothing has arrived yet: it is paid by what arrived."""
PAID = (PayoutStatus.CONFIRMED, PayoutStatus.CANCELLED)
"""Nothing more was to be paid of it: what arrived was too much."""
FIRST = {
    PayoutStatus.SENDING: "is in a payment file that nobody has said to be uploaded: void that file first",
    PayoutStatus.SENT: "was sent again: wait until the bank says what became of it, and tell that first",
    PayoutStatus.UNKNOWN: "may have been sent again: settle that doubt first",
    PayoutStatus.RETURNED: "came back: reissue it first, then say which payment arrived",
}
"""What stands in the way, and what to do about it."""


class NotGivenUp(Refused):
    """The payment stands, or was said to have arrived already."""

    code = "not_given_up"


class StillUnderWay(Refused):
    """What became of the latest attempt must be known first."""

    code = "still_under_way"


@transaction.atomic
def settle(line: PaymentLine, *, by: User, approved_by: User, at: datetime, reason: str) -> Arrival:
    """
    Say that a payment arrived which was given up here.

    :raises SamePerson: if both people are one
    :raises NotGivenUp: if it was not, or was said to have arrived already
    :raises StillUnderWay: if nobody knows yet what became of a later attempt
    :raises PayoutMoved: if another attempt has just followed
    """
    require_two_people(by, approved_by)
    latest = _attempts(line.payout).select_for_update(of=("self",))[:1].get()
    # Who has just reissued it held that row: then there is a later one, and it pays nothing twice to say so.
    if _attempts(line.payout)[0].pk != latest.pk:
        raise steps.PayoutMoved(f"{latest} was just reissued. Nothing was done: look again.")
    if not given_up(latest).filter(pk=line.pk).exists():
        raise NotGivenUp(
            f"{line.reference} in {line.file} was not given up, or is said to have arrived already."
        )
    if first := what_comes_first(latest):
        raise StillUnderWay(first)
    status = PayoutStatus(latest.status)
    overpaid = line.amount_minor
    if status in PAYS:
        steps.move([latest.pk], old=status, new=PayoutStatus.CONFIRMED, at=at, by=by, approved_by=approved_by)
        # It was told to the bank before something was kept from it.
        overpaid -= latest.amount_minor
    arrival = Arrival.objects.create(
        line=line,
        payout=latest,
        overpaid_minor=overpaid,
        settled_at=at,
        told_by=by,
        confirmed_by=approved_by,
        reason=reason,
    )
    if overpaid:
        _claim(arrival, at=at)
    return arrival


def given_up(payout: Payout) -> QuerySet[PaymentLine]:
    """The payments of a payout, or of attempts before it, that do not count any more here."""
    same = Q(payout__batch=payout.batch_id) if payout.batch_id else Q(payout__withdrawal=payout.withdrawal_id)
    rows = PaymentLine.objects.filter(same, payout__enrollment=payout.enrollment_id, arrival__isnull=True)
    return rows.filter(Q(is_void=True) | Q(payout__status__in=GIVEN_UP)).select_related("file", "payout")


def what_comes_first(payout: Payout) -> str:
    """What must be known of its latest attempt before; '' if nothing."""
    latest = _attempts(payout)[0]
    first = FIRST.get(PayoutStatus(latest.status))
    return f"{latest} {first}." if first else ""


def _attempts(payout: Payout) -> QuerySet[Payout]:
    """All attempts of a payout, the latest first."""
    mine = Payout.objects.filter(batch=payout.batch_id, withdrawal=payout.withdrawal_id)
    return mine.filter(enrollment=payout.enrollment_id).order_by("-attempt")


def _claim(arrival: Arrival, *, at: datetime) -> None:
    """What was too much is owed, and kept from payouts that wait."""
    enrollment = arrival.payout.enrollment
    ledger.post(
        debit=ledger.account_of(enrollment, kind=AccountKind.CASH_OWED),
        credit=ledger.account_of(enrollment, kind=AccountKind.BANK),
        amount_minor=arrival.overpaid_minor,
        kind=TransferKind.OVERPAID,
        posted_at=at,
        cause=arrival,
    )
    set_offs.make_up(enrollment, at=at)
