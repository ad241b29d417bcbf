"""An order that waits is not sent where a referrer is not paid any more: a person looks at it."""

import pytest

from payouts import destinations
from payouts.models import Destination, PaymentOrder, Payout
from payouts.payments import orders, reissues
from payouts.rails import sender_of
from payouts.rules.payees import Rail
from referrals import enrollment
from tests.payments import is_paid_to, statuses, with_cash
from tests.payouts.sending.two_books import differences, run
from tests.story import refused

pytestmark = pytest.mark.django_db


def put_off(provider):
    """An order that they have put off, so that it waits to be sent again."""
    story = with_cash("acme", rail=Rail.PAYPAL_API)
    provider.behaves("429")
    run(story)
    order = PaymentOrder.objects.get()
    assert (order.status, len(provider.called("send"))) == ("WAITING", 1)
    return story, order


def ended(story):
    of_rosa = Destination.objects.live().get(enrollment=story.enrollment())
    destinations.retire(of_rosa, by=story.finn, at=story.now)


def suspended(story):
    enrollment.suspend(story.rosa, program=story.program, by=story.sam, at=story.now, reason="a doubt")


@pytest.mark.parametrize(("how", "said"), [(ended, "has ended"), (suspended, "is suspended")])
def test_it_is_not_sent_and_waits_for_a_person(provider, how, said):
    story, order = put_off(provider)
    how(story)

    run(story)

    order.refresh_from_db()
    assert (order.status, order.next_at, len(provider.called("send"))) == ("WAITING", None, 1)
    assert said in order.said
    assert list(PaymentOrder.objects.filter(orders.UNDELIVERED)) == [order]
    with refused("no_longer_paid"):
        orders.let_send_again(order, sender=sender_of(story.method, at=story.now), by=story.fay, at=story.now)


def test_given_up_it_is_reissued_to_where_the_referrer_is_paid_now(provider):
    story, order = put_off(provider)
    ended(story)
    run(story)
    is_paid_to(story, rail=Rail.PAYPAL_API, recipient="rosa@new.example")
    order.refresh_from_db()

    orders.give_up(order, by=story.finn, at=story.now)
    reissues.reissue(Payout.objects.all(), by=story.fay, approved_by=story.finn, at=story.now)
    run(story, hours=24 * 8)

    assert statuses() == ["REISSUED", "SENT"]
    assert [row["key"] for row in provider.accepted()] == [PaymentOrder.objects.latest("pk").key]
    assert differences(provider) == []
