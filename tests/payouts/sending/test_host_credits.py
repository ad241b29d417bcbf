"""Account balances that the host keeps: told by a signed call, confirmed by the host."""

import json

import pytest
from standardwebhooks import Webhook

from payouts import ledger, payout_methods, verification
from payouts.models import LedgerAccount, PaymentNotice, PaymentOrder, Payout, PayoutMethod, Transfer
from payouts.payments import orders
from payouts.rails import sender_of
from payouts.rules.payees import Rail
from referrals.models import ApiClient, Host
from referrals.rules.refusal import WrongField
from tests.host import HostSoftware
from tests.payouts.sending.two_books import differences, host_story, run
from tests.story import Story

pytestmark = pytest.mark.django_db

CREDITS = "/api/v1/credits"


def told(software, key, status="confirmed", **more):
    answer = software.tell({"key": key, "status": status, **more}, path=CREDITS)
    return answer.status_code, answer.json().get("code")


def test_a_release_writes_the_order_and_calls_nobody(provider):
    host_story(provider, "acme", "beta")

    assert provider.called("send") == []
    assert [
        (order.status, order.amount_minor, order.part, order.payout.status)
        for order in PaymentOrder.objects.order_by("pk")
    ] == [("WAITING", 10_000, 1, "CREDITED")] * 2
    assert len(set(PaymentOrder.objects.values_list("key", flat=True))) == 2


def test_the_call_is_signed_and_says_what_to_credit(provider):
    story, software = host_story(provider)

    run(story, hours=0)

    (order,), (call,) = PaymentOrder.objects.all(), provider.called("send")
    headers = json.loads(call["headers"])
    assert json.loads(call["body"]) == {
        "type": "balance.credit",
        "key": order.key,
        "program": "smartcat",
        "referrer": "rosa",
        "amount": "100.00",
        "currency": "USD",
    }
    assert (headers["webhook-id"], headers["webhook-client"]) == (order.key, story.client.public_id)
    sent_at = str(int(story.now.timestamp()))
    expected = Webhook(software.secret).sign(order.key, story.now, call["body"])
    assert (headers["webhook-timestamp"], headers["webhook-signature"]) == (sent_at, expected)
    assert (order.status, Payout.objects.get().status) == ("ACCEPTED", "CREDITED")


def test_our_books_hold_the_credit_once_whatever_the_host_says(provider):
    story, software = host_story(provider)
    run(story, times=2)

    told(software, PaymentOrder.objects.get().key)

    balance = LedgerAccount.objects.get(enrollment=story.enrollment(), kind="BALANCE")
    assert ledger.balance_minor(balance) == 10_000
    assert Transfer.objects.filter(payout__isnull=False).count() == 0
    assert PaymentOrder.objects.get().status == "CONFIRMED"


def test_a_payout_that_grows_has_an_order_for_each_run(provider):
    story, _ = host_story(provider)
    story.earn("later")
    story.pass_to("2026-03-16T00:05Z")

    parts = list(PaymentOrder.objects.order_by("payout", "part").values_list("part", "amount_minor"))

    assert sum(amount for _, amount in parts) == sum(Payout.objects.values_list("amount_minor", flat=True))
    assert verification.breaches() == []


def test_who_changes_the_secret_is_understood_all_the_while(provider):
    story, old = host_story(provider)
    new = HostSoftware(story.client, at=story.now)

    run(story, hours=0)

    (call,) = provider.called("send")
    signatures = json.loads(call["headers"])["webhook-signature"].split(" ")
    key = PaymentOrder.objects.get().key
    assert signatures == [
        Webhook(secret).sign(key, story.now, call["body"]) for secret in (new.secret, old.secret)
    ]


@pytest.mark.parametrize("mood", ["cut", "500_after", "mute"])
def test_what_the_host_may_have_is_asked_about_and_not_sent_twice(provider, mood):
    provider.sets("forgets", "yes")
    story, _ = host_story(provider)
    provider.behaves(mood)

    run(story, times=3)

    assert PaymentOrder.objects.get().status == "ACCEPTED"
    assert (len(provider.called("send")), provider.paid_twice()) == (1, [])
    assert (differences(provider), verification.breaches()) == ([], [])


def test_the_host_confirms_by_its_answer(provider):
    story, _ = host_story(provider)
    run(story)
    provider.says("confirmed")

    run(story)

    order = PaymentOrder.objects.get()
    assert (order.status, order.next_at) == ("CONFIRMED", None)


def test_what_the_host_tells_counts_once_and_what_contradicts_it_is_kept_and_refused(provider):
    story, software = host_story(provider)
    run(story, hours=0)
    key = PaymentOrder.objects.get().key

    assert [
        told(software, key),
        told(software, key),
        told(software, key, "refused", reason="closed"),
        told(software, "none of yours"),
        told(software, key, "perhaps"),
    ] == [(201, "kept"), (200, "known"), (409, "contradicts"), (422, "wrong_field"), (422, "wrong_field")]
    assert list(PaymentNotice.objects.values_list("outcome", flat=True)) == ["PAID", "REFUSED"]
    assert PaymentOrder.objects.get().status == "CONFIRMED"


def test_another_host_and_nobody_at_all_tell_nothing(provider):
    story, software = host_story(provider)
    run(story, hours=0)
    key = PaymentOrder.objects.get().key
    other = ApiClient.objects.create(host=Host.objects.create(slug="other", name="Other"), name="other")

    assert told(HostSoftware(other, at=story.now), key) == (422, "wrong_field")
    unsigned = software.tell({"key": key, "status": "confirmed"}, path=CREDITS, **{"webhook-signature": ""})
    assert unsigned.status_code == 401
    assert PaymentNotice.objects.count() == 0


def test_what_was_never_sent_cannot_be_confirmed(provider):
    _, software = host_story(provider)

    assert told(software, PaymentOrder.objects.get().key) == (422, "wrong_field")


def test_a_credit_that_the_host_refuses_waits_for_a_person_and_is_sent_again_by_one(provider):
    story, _ = host_story(provider)
    provider.behaves("refuse")
    run(story)
    order = PaymentOrder.objects.get()
    assert (order.status, list(PaymentOrder.objects.filter(orders.UNDELIVERED))) == ("REFUSED", [order])

    sender = sender_of(order.method, at=story.now)
    orders.let_send_again(order, sender=sender, by=story.fay, at=story.now)
    run(story)

    assert PaymentOrder.objects.get().status == "ACCEPTED"
    assert [call["key"] for call in provider.called("send")] == [order.key] * 2
    assert (differences(provider), verification.breaches()) == ([], [])


def test_what_may_have_been_received_is_sent_again_by_nobody(provider):
    story, _ = host_story(provider)
    provider.behaves("cut")
    run(story)
    order = PaymentOrder.objects.get()

    with pytest.raises(orders.StepNotAllowed):
        orders.let_send_again(order, sender=sender_of(order.method, at=story.now), by=story.fay, at=story.now)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"endpoint": ""}, "endpoint"),
        ({"endpoint": "http://host.example/credits"}, "endpoint"),
        ({"endpoint": "https://10.0.0.1/credits"}, "endpoint"),
        ({"client": None}, "client"),
    ],
)
def test_a_host_that_cannot_be_called_is_refused_when_the_way_is_opened(settings, changes, field):
    settings.OUTGOING_TO_LOOPBACK = False
    story = Story()
    right = {"endpoint": "https://host.example/credits", "client": story.client}
    method = PayoutMethod(program=story.program, code=Rail.HOST, **{**right, **changes})

    with pytest.raises(WrongField) as refusal:
        payout_methods.open_method(method, by=story.finn, at=story.now)

    assert refusal.value.field == field


@pytest.mark.parametrize("rail", [Rail.PAYPAL_API, Rail.STRIPE])
def test_a_service_that_is_not_set_up_is_refused_with_what_to_do(settings, rail):
    settings.PAYPAL_URL = settings.STRIPE_URL = ""
    story = Story()

    with pytest.raises(WrongField, match=r"somebody who runs this installation sets (PAYPAL|STRIPE)_URL"):
        payout_methods.open_method(
            PayoutMethod(program=story.program, code=rail), by=story.finn, at=story.now
        )
