"""
What the host tells of its credits unasked: kept once, and counted when it can be.

It may come twice, and before we have noted that the host took the credit: then it is parked, and counts right
after that. Which of several is told first does not matter.
"""

from datetime import datetime

from django.db import IntegrityError, transaction

from payouts.models import PaymentNotice, PaymentOrder
from payouts.payments import orders
from payouts.rules.lifecycle import Outcome
from payouts.rules.payees import Rail
from referrals.models import ApiClient
from referrals.rules.refusal import Refused, WrongField

LONGEST_DETAIL = 200


class Contradicts(Refused):
    """It is not what is known here; it is kept, and a person looks at it."""

    code = "contradicts"


def tell(client: ApiClient, *, key: str, outcome: Outcome, detail: str, at: datetime) -> bool:
    """
    Take in what became of a credit; returns whether that is new.

    :raises WrongField: if the host was never sent such a key
    :raises Contradicts: if it is not what is known here; it is kept all the same
    """
    mine = PaymentOrder.objects.filter(method__program__host=client.host_id, method__code=Rail.HOST)
    order = mine.filter(key=key, sent_at__isnull=False).first()
    if order is None:
        raise WrongField("key", "is none that was sent to you.")
    notice, is_new = _kept(client, order, outcome=outcome, detail=detail, at=at)
    if is_new and (against := orders.heed(notice, at=at)):
        raise Contradicts(f"{against} What you told is kept: somebody here looks at it.")
    return is_new


def _kept(
    client: ApiClient, order: PaymentOrder, *, outcome: Outcome, detail: str, at: datetime
) -> tuple[PaymentNotice, bool]:
    told = {"client": client, "detail": detail[:LONGEST_DETAIL], "told_at": at}
    try:
        with transaction.atomic():
            return PaymentNotice.objects.get_or_create(order=order, outcome=outcome, defaults=told)
    except IntegrityError:
        # The same at the same moment.
        return PaymentNotice.objects.get(order=order, outcome=outcome), False
