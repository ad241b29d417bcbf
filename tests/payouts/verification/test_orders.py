"""Payments over the network: each breach between orders, calls and payouts is named."""

import pytest

from payouts.models import PaymentCall, PaymentOrder, Payout, PayoutMethod
from payouts.payments import credits, orders
from payouts.rails import sender_of
from payouts.rules.payees import Rail
from tests.factories import ApiClientFactory, UserFactory, paid_bonus
from tests.payments import with_cash
from tests.payouts.verification.plant import alter, found
from tests.payouts.verification.test_payments import move

pytestmark = pytest.mark.django_db

NEEDS_NONE = "payment orders of payouts that wait for one, or need none"
OTHERWISE = "payouts that stand otherwise than their order"
DIFFER = "payment orders that differ from their payout, method or destination"
TOO_MUCH = "payouts of which the host is told to credit more than they are"
NOT_TOLD = "payment orders that were taken, or refused, although no call and no notice says so"
AGAIN = "payment orders that were sent again although they may have been received"


@pytest.fixture
def order(settings):
    """An order that was written, and not sent."""
    settings.PAYPAL_URL = "https://client:secret@paypal.example"
    story = with_cash("acme", rail=Rail.PAYPAL_API)
    assert orders.write(story.method, sender=sender_of(story.method, at=story.now), at=story.now) == 1
    assert found() == []
    return PaymentOrder.objects.get()


def test_an_order_of_a_payout_that_waits_for_one(order):
    move(Payout.objects.get(), "PREPARED")

    assert found() == [("I9", NEEDS_NONE, [order.pk]), ("I9", OTHERWISE, [order.payout_id])]


def test_a_payout_that_is_sent_while_its_order_waits(order):
    move(Payout.objects.get(), "SENT")

    assert found() == [("I9", OTHERWISE, [order.payout_id])]


@pytest.mark.parametrize("changes", [{"amount_minor": 1}, {"currency": "EUR"}])
def test_an_order_of_something_else_than_its_payout(order, changes):
    alter(order, **changes)

    assert found() == [("I9", DIFFER, [order.pk])]


def test_an_order_that_was_taken_and_nobody_said_so(order):
    alter(order, status="ACCEPTED")
    move(Payout.objects.get(), "SENT")

    assert found() == [("I9", NOT_TOLD, [order.pk])]


@pytest.mark.parametrize(("before", "breaches"), [("UNKNOWN", 1), ("ACCEPTED", 1), ("NOT_TAKEN", 0)])
def test_an_order_that_was_sent_again(order, before, breaches):
    for turn, outcome in enumerate([before, "NOT_TAKEN"], start=1):
        PaymentCall.objects.create(order=order, turn=turn, kind="SEND", at=order.written_at, outcome=outcome)

    assert found() == [("I9", AGAIN, [order.pk])] * breaches


def test_a_host_that_is_told_to_credit_too_much():
    bonus = paid_bonus()
    program = bonus.enrollment.program
    method = PayoutMethod.objects.create(
        program=program,
        code=Rail.HOST,
        endpoint="https://host.example/credits",
        client=ApiClientFactory(host=program.host),
        opened_at=bonus.paid_at,
        opened_by=UserFactory(),
    )
    credits.write(type(bonus).objects.filter(pk=bonus.pk), method=method, at=bonus.paid_at)
    assert found() == []

    alter(PaymentOrder.objects.get(), amount_minor=bonus.amount_minor + 1)

    assert found() == [("I9", TOO_MUCH, [bonus.payout_id])]
