"""
Payment orders: written from payouts that wait, sent, asked about, and what comes of it.

An order is written with its key before anybody is called, and its payout is being sent from then on. Every
step is swapped on the turn that was seen, so that who was overtaken, or took long, changes nothing. No call
is made in here, nor while a transaction is open: that is payouts.payments.sending.
"""

import uuid
from datetime import datetime

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import F, Q, QuerySet

from payouts.insertion import listed
from payouts.models import Destination, PaymentCall, PaymentNotice, PaymentOrder, Payout, PayoutMethod
from payouts.payments import candidates, planning, steps
from payouts.rails import BY_NETWORK, Sender
from payouts.rails.sender import Said
from payouts.rules import call_times
from payouts.rules.lifecycle import (
    COMES_TO,
    ORDER_SOURCES,
    PAYOUT_OF,
    Call,
    OrderStatus,
    Outcome,
    PayoutStatus,
)
from payouts.rules.payees import Rail
from payouts.rules.payment_files import CannotBePaid, Instruction
from referrals.rules.lifecycle import EnrollmentStatus
from referrals.rules.refusal import Refused

AT_ONCE = 500
LONGEST_REASON = 200
ENDED = frozenset({OrderStatus.CONFIRMED, OrderStatus.REFUSED, OrderStatus.RETURNED})


NOT_OVER = frozenset(OrderStatus) - ENDED
UNDELIVERED = Q(next_at__isnull=True, status__in=NOT_OVER) | Q(
    status=OrderStatus.REFUSED, destination__isnull=True
)
"""They wait for a person: nobody calls about them by themselves any more, or the host refused a credit."""


class StepNotAllowed(Refused):
    """The order has moved on since it was looked at."""

    code = "step_not_allowed"


class KeyForgotten(Refused):
    """They may not know the key any more: sent again, it could be paid twice."""

    code = "key_forgotten"


class NoLongerPaid(Refused):
    """Since the order was written its destination has ended, or its referrer was suspended."""

    code = "no_longer_paid"


def methods() -> QuerySet[PayoutMethod]:
    """Every open way to pay over the network to a destination."""
    paying = [rail.value for rail in BY_NETWORK if rail != Rail.HOST]
    return PayoutMethod.objects.open().filter(code__in=paying).select_related("program").order_by("pk")


@transaction.atomic
def write(method: PayoutMethod, *, sender: Sender, at: datetime) -> int:
    """
    Write orders for what waits and this method can pay now; returns how many.

    Their payouts are being sent from now on: no file and no other order can hold them. What the rail would
    not take waits for a destination that it takes.
    """
    # Of two workers the second finds what the first has left.
    PayoutMethod.objects.select_for_update(of=("self",)).get(pk=method.pk)
    waiting = candidates.waiting(method, at=at).filter(why="")[:AT_ONCE]
    destination_of = {payout.pk: payout.to for payout in waiting}
    found = Destination.objects.in_bulk(set(destination_of.values()))
    takable = [
        payout.pk
        for payout in waiting
        if _takes(
            sender,
            planning.instruction(
                payout.amount_minor, payout.currency, found[payout.to], payout.pk, planning.note_of(method)
            ),
        )
    ]
    steps.move(takable, old=PayoutStatus.PREPARED, new=PayoutStatus.SENDING, at=at, by=None)
    # From here on no payout grows any more; what it has grown to is ordered.
    payouts = Payout.objects.filter(pk__in=listed(takable)) if takable else Payout.objects.none()
    made = PaymentOrder.objects.bulk_create(
        [
            PaymentOrder(
                payout=payout,
                method=method,
                destination_id=destination_of[payout.pk],
                key=uuid.uuid4().hex,
                amount_minor=payout.amount_minor,
                currency=payout.currency,
                written_at=at,
                status=OrderStatus.WAITING,
                next_at=at,
            )
            for payout in payouts.order_by("pk")
        ]
    )
    return len(made)


def _takes(sender: Sender, payment: Instruction) -> bool:
    try:
        sender.check(payment)
    except CannotBePaid:
        return False
    return True


def payment_of(order: PaymentOrder) -> Instruction:
    """What an order pays, as every rail understands it."""
    if order.destination is None:
        referrer = order.payout.enrollment.referrer
        return Instruction(
            reference=planning.reference_of(order.payout_id),
            name=referrer.name,
            amount_minor=order.amount_minor,
            currency=order.currency,
            recipient=referrer.host_account,
        )
    note = planning.note_of(order.method)
    return planning.instruction(order.amount_minor, order.currency, order.destination, order.payout_id, note)


def due(*, status: OrderStatus, at: datetime) -> QuerySet[PaymentOrder]:
    """Orders in that status whose turn it is, with what a call needs; whoever has waited longest first."""
    mine = PaymentOrder.objects.filter(status=status, next_at__lte=at)
    return mine.select_related(
        "method__program", "method__client", "destination", "payout__enrollment__referrer"
    ).order_by("next_at", "pk")


def take_up(order: PaymentOrder, *, at: datetime) -> bool:
    """
    Be the one who calls about an order; ``False``: somebody else is.

    Until the call is over nobody else takes it up. Whoever dies before leaves it to ``abandoned``.
    """
    seen = PaymentOrder.objects.filter(pk=order.pk, status=order.status, turn=order.turn, next_at__lte=at)
    changes: dict[str, object] = {"turn": F("turn") + 1, "next_at": at + call_times.ANSWER_WITHIN}
    if order.status == OrderStatus.WAITING:
        changes["status"] = OrderStatus.CALLING
        if order.sent_at is None:
            changes["sent_at"] = at
    if not seen.update(**changes):
        return False
    order.refresh_from_db(fields=["status", "turn", "next_at", "sent_at"])
    return True


def abandoned(*, at: datetime) -> list[PaymentOrder]:
    """Orders that were being sent when whoever sent them died: they may have been received."""
    return list(PaymentOrder.objects.filter(status=OrderStatus.CALLING, next_at__lte=at).order_by("pk"))


@transaction.atomic
def record(order: PaymentOrder, said: Said, *, kind: Call, at: datetime, by: User | None = None) -> bool:
    """
    Keep what a call came to, and move the order and its payout; ``False``: it was overtaken, nothing is kept.

    What the host told of it meanwhile is taken in right after.
    """
    seen, new = OrderStatus(order.status), _becomes(order, said, at=at)
    tries = 0 if new != seen and new not in {OrderStatus.WAITING, OrderStatus.UNKNOWN} else order.tries + 1
    mine = PaymentOrder.objects.filter(pk=order.pk, status=seen, turn=order.turn)
    told = said.reason[:LONGEST_REASON]
    moved = mine.update(
        status=new,
        tries=tries,
        next_at=_next(order, new, said, tries=tries, at=at),
        said=told,
        reference=said.reference or order.reference,
    )
    if not moved:
        return False
    PaymentCall.objects.create(
        order=order, turn=order.turn, kind=kind, at=at, outcome=said.outcome, detail=told, by=by
    )
    order.refresh_from_db()
    _let_payout_follow(order, at=at, by=by)
    if new != OrderStatus.CALLING:
        for notice in order.notices.all():
            _heed(order, notice, at=at)
    return True


def _becomes(order: PaymentOrder, said: Said, *, at: datetime) -> OrderStatus:
    """What an order becomes; what contradicts what is known leaves it as it is."""
    seen, new = OrderStatus(order.status), COMES_TO[said.outcome]
    if said.outcome == Outcome.UNKNOWN and seen == OrderStatus.ACCEPTED:
        # Not to know more is no doubt.
        return seen
    if said.outcome == Outcome.NOT_KNOWN and seen != OrderStatus.UNKNOWN:
        # They had it, and deny it now.
        return seen
    return new if seen in ORDER_SOURCES[new] else seen


def _next(order: PaymentOrder, new: OrderStatus, said: Said, *, tries: int, at: datetime) -> datetime | None:
    """When somebody calls about it again by themselves."""
    if new in ENDED:
        return None
    waits = {
        OrderStatus.WAITING: call_times.SENT_AGAIN,
        OrderStatus.UNKNOWN: call_times.ASKED_AGAIN,
        OrderStatus.ACCEPTED: call_times.FOLLOWED,
    }[new]
    wait = call_times.after(waits, tries=tries, key=order.key)
    return None if wait is None else at + wait


def _let_payout_follow(order: PaymentOrder, *, at: datetime, by: User | None) -> None:
    """The payout stands as its order does; one that is credited in our books stays so."""
    if order.destination_id is None:
        return
    payout = Payout.objects.get(pk=order.payout_id)
    now, new = PayoutStatus(payout.status), PAYOUT_OF[OrderStatus(order.status)]
    on_the_way = {PayoutStatus.SENDING, PayoutStatus.UNKNOWN}
    if now in on_the_way and new in {PayoutStatus.CONFIRMED, PayoutStatus.RETURNED}:
        steps.move([payout.pk], old=now, new=PayoutStatus.SENT, at=at, by=by)
        now = PayoutStatus.SENT
    if now != new:
        steps.move([payout.pk], old=now, new=new, at=at, by=by)


@transaction.atomic
def heed(notice: PaymentNotice, *, at: datetime) -> str:
    """
    Let what the host told of an order count; returns what stands against it, if something does.

    While the order is being sent it is parked: what the call comes to is kept first.
    """
    order = PaymentOrder.objects.select_for_update(of=("self",)).get(pk=notice.order_id)
    if order.status == OrderStatus.CALLING:
        return ""
    return _heed(order, notice, at=at)


def _heed(order: PaymentOrder, notice: PaymentNotice, *, at: datetime) -> str:
    seen, new = OrderStatus(order.status), COMES_TO[Outcome(notice.outcome)]
    if seen == new or (seen in ENDED and new == OrderStatus.ACCEPTED):
        return ""
    if seen not in ORDER_SOURCES[new]:
        return f"It is {seen.label.lower()} here."
    # Overtaken are all who have taken it up before.
    moved = PaymentOrder.objects.filter(pk=order.pk, status=seen, turn=order.turn).update(
        status=new,
        turn=F("turn") + 1,
        tries=0,
        next_at=None if new in ENDED else at + call_times.FOLLOWED[0],
        said=f"They told: {Outcome(notice.outcome).label.lower()}. {notice.detail}".strip()[:LONGEST_REASON],
    )
    if not moved:
        raise StepNotAllowed(f"{order} was moved by somebody else. Tell it once more.")
    order.refresh_from_db()
    _let_payout_follow(order, at=at, by=None)
    return ""


def let_ask(order: PaymentOrder, *, at: datetime) -> None:
    """
    Let the next run ask about an order, whether or not it is its turn.

    :raises StepNotAllowed: if there is nothing to ask about
    """
    asked = Q(status__in=[OrderStatus.UNKNOWN, OrderStatus.ACCEPTED])
    mine = PaymentOrder.objects.filter(asked, pk=order.pk, turn=order.turn)
    if not mine.update(next_at=at, tries=0):
        raise StepNotAllowed(f"{order} has just moved, or was never sent. Look again.")


@transaction.atomic
def let_send_again(order: PaymentOrder, *, sender: Sender, by: User, at: datetime) -> None:
    """
    Let an order that was not taken be sent anew, under the same key.

    :raises StepNotAllowed: if it may have been received; ask first
    :raises KeyForgotten: if they may not know the key any more
    :raises NoLongerPaid: if its destination has ended, or its referrer is suspended
    """
    refuse_no_longer_paid(order)
    again = Q(status=OrderStatus.WAITING) | Q(status=OrderStatus.REFUSED, destination__isnull=True)
    refuse_forgotten(order, sender=sender, at=at)
    mine = PaymentOrder.objects.filter(again, pk=order.pk, turn=order.turn)
    if not mine.update(status=OrderStatus.WAITING, turn=F("turn") + 1, tries=0, next_at=at):
        raise StepNotAllowed(
            f"{order} may have been received: ask first. Only what they do not know is sent again."
        )
    order.refresh_from_db()
    PaymentCall.objects.create(
        order=order,
        turn=order.turn,
        kind=Call.SETTLE,
        at=at,
        outcome=Outcome.NOT_TAKEN,
        detail="To be sent again.",
        by=by,
    )


@transaction.atomic
def give_up(order: PaymentOrder, *, by: User, at: datetime) -> None:
    """
    Send an order no more that they have not taken: its payout has failed, and can be reissued.

    :raises StepNotAllowed: if it may have been received, or is no payment
    """
    mine = PaymentOrder.objects.that_pay().filter(pk=order.pk, status=OrderStatus.WAITING, turn=order.turn)
    said = "Given up here; they have not taken it."
    if not mine.update(status=OrderStatus.REFUSED, turn=F("turn") + 1, tries=0, next_at=None, said=said):
        raise StepNotAllowed(f"{order} may have been received, or has just moved: look again.")
    order.refresh_from_db()
    PaymentCall.objects.create(
        order=order, turn=order.turn, kind=Call.SETTLE, at=at, outcome=Outcome.REFUSED, detail=said, by=by
    )
    _let_payout_follow(order, at=at, by=by)


def refuse_forgotten(order: PaymentOrder, *, sender: Sender, at: datetime) -> None:
    """
    Stop whoever would send under a key that is too old to be known for sure.

    :raises KeyForgotten: then
    """
    if order.sent_at is not None and at - order.sent_at > sender.remembers:
        raise KeyForgotten(
            f"{order} was first sent on {order.sent_at:%b %d, %Y}: its key may be forgotten, and it could be"
            " paid twice. Make sure by phone that they do not have it; then give it up and reissue it."
        )


def refuse_no_longer_paid(order: PaymentOrder) -> None:
    """
    Stop whoever would send money to where a referrer is not paid any more.

    :raises NoLongerPaid: then
    """
    if order.destination_id is None:
        return
    now = PaymentOrder.objects.select_related("destination", "payout__enrollment").get(pk=order.pk)
    if now.destination is not None and now.destination.retired_at is not None:
        raise NoLongerPaid(f"The destination of {order} has ended: give it up, and reissue its payout.")
    if now.payout.enrollment.status == EnrollmentStatus.SUSPENDED:
        raise NoLongerPaid(f"The referrer of {order} is suspended: send it once they are not, or give it up.")


def lock(payout: Payout) -> None:
    """Let nobody move the order of a payout until the transaction ends: orders come before payouts."""
    list(PaymentOrder.objects.filter(payout=payout).select_for_update(of=("self",)).order_by("pk"))


def put_by(order: PaymentOrder, *, reason: str) -> None:
    """Let nobody call about an order by themselves any more: it waits for a person."""
    mine = PaymentOrder.objects.filter(pk=order.pk, status=order.status, turn=order.turn)
    mine.update(next_at=None, said=reason[:LONGEST_REASON])


@transaction.atomic
def settle(payout: Payout, *, was_sent: bool, by: User, at: datetime) -> None:
    """Two people have said of a payout what became of it: its order, if that is unknown, stands so, too."""
    unknown = PaymentOrder.objects.that_pay().filter(payout=payout, status=OrderStatus.UNKNOWN)
    outcome = Outcome.ACCEPTED if was_sent else Outcome.REFUSED
    for order in unknown:
        PaymentOrder.objects.filter(pk=order.pk).update(
            status=COMES_TO[outcome],
            turn=F("turn") + 1,
            tries=0,
            next_at=at + call_times.FOLLOWED[0] if was_sent else None,
            said="Two people said so.",
        )
        order.refresh_from_db()
        PaymentCall.objects.create(
            order=order, turn=order.turn, kind=Call.SETTLE, at=at, outcome=outcome, by=by
        )
