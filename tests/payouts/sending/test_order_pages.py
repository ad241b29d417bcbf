"""The pages of payments that go over the network: what is said, what is offered, and to whom."""

from datetime import timedelta

import pytest
import time_machine
from django.contrib.auth.models import Group
from django.core.management import call_command
from django.urls import reverse

from payouts.models import PaymentFile, PaymentOrder, Payout
from payouts.payments import files, sending
from payouts.rules import call_times
from payouts.rules.payees import Rail
from tests.admin_pages import just_logged_in, list_page, main_part, page
from tests.payments import PAY_ON, statuses, with_cash
from tests.payouts.sending.two_books import run

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _groups(db):
    call_command("make_groups", verbosity=0)


def client_of(user, group="Finance preparers"):
    user.groups.set(Group.objects.filter(name=group))
    return just_logged_in(user)


def words(answer):
    return " ".join(main_part(answer).split())


def step(row, name):
    return reverse(f"admin:payouts_{type(row)._meta.model_name}_{name}", args=[row.pk])


def test_a_payout_in_doubt_says_so_offers_to_ask_and_refuses_to_send(provider):
    story = with_cash("acme", rail=Rail.PAYPAL_API)
    provider.behaves("cut")
    run(story)
    payout, order = Payout.objects.get(), PaymentOrder.objects.get()
    client = client_of(story.fay)

    shown = words(client.get(page(payout)))
    with time_machine.travel(story.now, tick=False):
        refused = client.post(step(payout, "send-again"))
        asked = client.post(step(payout, "ask"))

    assert "Nobody knows whether they have it: they are asked, and nothing is sent meanwhile." in shown
    assert "They may have it: ask them first. Only what they do not know is sent again." in shown
    assert (refused.status_code, asked.status_code) == (409, 302)
    run(story, hours=0)
    assert (statuses(), len(provider.called("send"))) == (["SENT"], 1)
    assert "The connection broke" in words(client.get(page(order)))


def test_what_could_not_be_delivered_is_on_the_first_page_and_is_sent_again_by_a_person(provider):
    story = with_cash("acme", rail=Rail.STRIPE)
    provider.behaves(*["429"] * 7)
    for _ in range(7):
        # As if it were the same day: later its key could be forgotten.
        PaymentOrder.objects.update(sent_at=None)
        story.now += timedelta(hours=7)
        sending.run(as_of=story.now)
    order = PaymentOrder.objects.get()
    assert order.next_at is None
    client = client_of(story.fay)

    first = words(client.get(reverse("admin:index")))
    listed = list(client.get(list_page(PaymentOrder), {"state": "undelivered"}).context["cl"].queryset)
    with time_machine.travel(story.now, tick=False):
        PaymentOrder.objects.update(sent_at=story.now)
        answer = client.post(step(order, "send-again"))

    assert "payment order that nobody could deliver" in first
    assert listed == [order]
    assert answer.status_code == 302
    run(story, hours=0)
    assert statuses() == ["SENT"]


def test_what_they_have_and_nobody_follows_any_more_waits_for_a_person(provider):
    story = with_cash("acme", rail=Rail.PAYPAL_API)

    # Once it is sent, and then asked about for more than a month; they never say that it arrived.
    failed = run(story, times=len(call_times.FOLLOWED) + 2, hours=30, failing=True)

    order = PaymentOrder.objects.get()
    assert (order.status, order.next_at, statuses()) == ("ACCEPTED", None, ["SENT"])
    assert failed == [f"{order} waits for a person: {order.said}"]
    client = client_of(story.fay)
    undelivered = {"state": "undelivered"}
    listed = list(client.get(list_page(PaymentOrder), undelivered).context["cl"].queryset)
    assert listed == [order]
    assert "payment order that nobody could deliver" in words(client.get(reverse("admin:index")))
    assert "They have it, and have not said that it arrived." in words(client.get(page(order)))

    with time_machine.travel(story.now, tick=False):
        client.post(step(order, "ask"))
    provider.says("confirmed")
    run(story, hours=0)

    assert statuses() == ["CONFIRMED"]
    assert list(client.get(list_page(PaymentOrder), undelivered).context["cl"].queryset) == []


def test_files_are_made_of_nothing_that_goes_over_the_network(provider):
    story = with_cash("acme", rail=Rail.PAYPAL_API)

    with pytest.raises(files.NotByFile):
        files.make(story.method, pay_on=PAY_ON, by=story.fay, at=story.now)
    asked = client_of(story.fay).get(
        reverse("admin:payouts_paymentfile_make"), {"method": story.method.pk, "pay_on": PAY_ON}
    )

    assert (asked.status_code, PaymentFile.objects.count()) == (200, 0)
    assert "No program pays by a file yet" in words(asked)


def test_an_empty_list_says_when_something_appears_there(provider):
    story = with_cash("acme", rail=Rail.PAYPAL_API)

    shown = words(client_of(story.fay).get(list_page(PaymentOrder)))

    assert "An order appears when a payout, or a credit of the host, is to go over the network." in shown
