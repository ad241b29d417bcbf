"""
Payment orders are sent and asked about: the only place from which anybody is called.

No transaction is open during a call. Before it the order is taken up, and after it what came of it is kept;
in between lies whatever a network can do. Who dies there leaves the order to the next run, which holds it for
unknown and asks.
"""

from collections.abc import Callable
from datetime import datetime, timedelta

from payouts import failpoints
from payouts.models import PaymentOrder
from payouts.payments import orders
from payouts.rails import Said, sender_of
from payouts.rules.lifecycle import Call, OrderStatus, Outcome
from referrals.jobs import Tally

MOST_IN_ONE_RUN = 100
LONGEST = timedelta(minutes=3)
"""A run that was held up by slow answers leaves the rest to the next one."""

Clock = Callable[[], datetime]


def run(*, as_of: datetime, clock: Clock | None = None) -> Tally:
    """
    Write orders for what waits, send them, and ask about what is unknown or not confirmed yet.

    :param clock: read for every call; without one it is ``as_of`` all the time
    """
    tally, now = Tally(), clock or (lambda: as_of)
    for order in orders.abandoned(at=as_of):
        said = Said(Outcome.UNKNOWN, "Whoever sent it died: they may have it.")
        tally.notes["abandoned"] += orders.record(order, said, kind=Call.SEND, at=now())
    for method in orders.methods():
        with tally.surviving(method):
            tally.notes["written"] += orders.write(method, sender=sender_of(method, at=as_of), at=as_of)
    for status in (OrderStatus.WAITING, OrderStatus.UNKNOWN, OrderStatus.ACCEPTED):
        for order in orders.due(status=status, at=as_of)[:MOST_IN_ONE_RUN]:
            if now() - as_of > LONGEST:
                break
            with tally.surviving(order):
                _attend(order, tally=tally, now=now)
    tally.examined = tally.done + tally.failed
    return tally


def _attend(order: PaymentOrder, *, tally: Tally, now: Clock) -> None:
    at = now()
    if order.status == OrderStatus.WAITING:
        try:
            orders.refuse_forgotten(order, sender=sender_of(order.method, at=at), at=at)
            orders.refuse_no_longer_paid(order)
        except (orders.KeyForgotten, orders.NoLongerPaid) as refusal:
            orders.put_by(order, reason=str(refusal))
            return
    if not orders.take_up(order, at=at):
        # Another worker has it.
        return
    call(order, clock=now)
    if order.next_at is None and order.status in orders.NOT_OVER:
        tally.fail(f"{order} waits for a person: {order.said}")
    else:
        tally.done += 1


def call(order: PaymentOrder, *, clock: Clock) -> Said:
    """Send an order that was taken up, or ask about it; what came of it is kept."""
    sender, payment = sender_of(order.method, at=clock()), orders.payment_of(order)
    if order.status == OrderStatus.CALLING:
        kind, said = Call.SEND, sender.send(payment, key=order.key)
    else:
        kind, said = Call.ASK, sender.ask(payment, key=order.key, reference=order.reference)
    failpoints.reach("after_call")
    orders.record(order, said, kind=kind, at=clock())
    return said
