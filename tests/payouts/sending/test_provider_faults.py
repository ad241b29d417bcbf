"""F21 and F22: whatever a payment service does with a call, each payout is paid at most once."""

import contextlib
import json
import sqlite3
import threading
import time
from datetime import timedelta

import pytest
from django.db import connection, connections

from payouts import failpoints, verification
from payouts.models import PaymentOrder, Payout, PayoutMethod
from payouts.payments import doubts, orders, reissues, sending
from payouts.rules import call_times
from payouts.rules.lifecycle import OrderStatus, Outcome
from payouts.rules.payees import Rail
from tests.payments import statuses, trail, with_cash
from tests.payouts.sending.two_books import differences, host_story, run

NETWORK = [Rail.PAYPAL_API, Rail.STRIPE]

DOUBT = {
    # Whatever was taken and not told: unknown, asked about, and never sent again.
    "cut": 1,
    "500_after": 1,
    "drip": 1,
    "half_open": 1,
    "huge": 1,
    "mute": 1,
    # Not taken, and not told either: they do not know the key, so it is sent again under it.
    "cut_before": 2,
    "500": 2,
    "redirect": 2,
}
"""Mood to how often it is sent in all."""


def undelivered():
    return PaymentOrder.objects.filter(orders.UNDELIVERED)


def outcomes(order):
    return list(order.calls.values_list("kind", "outcome"))


@pytest.mark.django_db
class TestF21:
    @pytest.mark.parametrize("mood", DOUBT)
    @pytest.mark.parametrize("rail", NETWORK)
    def test_f21_what_may_have_been_received_is_asked_about_before_it_is_sent_again(
        self, provider, rail, mood
    ):
        story = with_cash("acme", rail=rail)
        provider.behaves(mood)

        run(story)

        order = PaymentOrder.objects.get()
        assert (statuses(), order.status) == (["UNKNOWN"], "UNKNOWN")
        assert outcomes(order) == [("SEND", "UNKNOWN")]

        run(story, times=2)

        assert len(provider.called("send")) == DOUBT[mood]
        assert {call["key"] for call in provider.called("send")} == {order.key}
        assert len(provider.accepted()) == 1
        provider.says("confirmed")
        run(story, hours=24)
        assert statuses() == ["CONFIRMED"]
        assert differences(provider) == []
        assert verification.breaches() == []

    @pytest.mark.plants_breaches
    @pytest.mark.parametrize("rail", NETWORK)
    def test_f21_control_sent_again_blindly_it_is_paid_twice_and_both_checkers_tell(
        self, provider, rail, monkeypatch
    ):
        """Of a provider to whom keys mean nothing, only asking first keeps us from paying twice."""
        provider.sets("forgets", "yes")
        monkeypatch.setitem(orders.COMES_TO, Outcome.UNKNOWN, OrderStatus.WAITING)
        story = with_cash("acme", rail=rail)
        provider.behaves("cut")

        run(story, times=2)

        reference = f"P{Payout.objects.get().pk}"
        assert f"{reference} was paid twice" in differences(provider)
        assert "payment orders that were sent again although they may have been received" in {
            breach.message for breach in verification.breaches()
        }

    @pytest.mark.parametrize("rail", NETWORK)
    def test_f21_whom_keys_mean_nothing_is_not_told_twice_either(self, provider, rail):
        provider.sets("forgets", "yes")
        story = with_cash("acme", rail=rail)
        provider.behaves("cut")

        run(story, times=2)

        assert provider.paid_twice() == []
        assert len(provider.called("send")) == 1

    def test_f21_who_dies_after_the_call_leaves_a_doubt_and_no_second_payment(self, provider, monkeypatch):
        story = with_cash("acme", rail=Rail.PAYPAL_API)

        def die(place):
            if place == "after_call":
                raise SystemExit

        with monkeypatch.context() as dying:
            dying.setattr(failpoints, "reach", die)
            with pytest.raises(SystemExit):
                run(story)
        assert [order.status for order in PaymentOrder.objects.all()] == ["CALLING"]

        run(story, times=2)

        assert statuses() == ["SENT"]
        assert trail(Payout.objects.get()) == ["PREPARED", "SENDING", "UNKNOWN", "SENT"]
        assert (len(provider.called("send")), differences(provider)) == (1, [])
        assert verification.breaches() == []

    @pytest.mark.parametrize(("was_sent", "becomes"), [(True, "SENT"), (False, "FAILED")])
    def test_f21_two_people_say_what_it_was_and_the_order_stands_so_too(self, provider, was_sent, becomes):
        story = with_cash("acme", rail=Rail.PAYPAL_API)
        provider.behaves("cut" if was_sent else "cut_before")
        run(story)

        payout = Payout.objects.get()
        doubts.settle(payout, was_sent=was_sent, by=story.fay, approved_by=story.finn, at=story.now)

        assert statuses() == [becomes]
        assert PaymentOrder.objects.get().status == ("ACCEPTED" if was_sent else "REFUSED")
        run(story, times=2)
        assert statuses() == [becomes]
        assert len(provider.called("send")) == 1
        assert (differences(provider), verification.breaches()) == ([], [])

    def test_f21_a_key_that_may_be_forgotten_is_not_sent_under_again(self, provider):
        story = with_cash("acme", rail=Rail.STRIPE)
        provider.behaves("429")
        run(story)

        run(story, hours=21)

        order = PaymentOrder.objects.get()
        assert (order.status, order.next_at, len(provider.called("send"))) == ("WAITING", None, 1)
        assert "paid twice" in order.said
        assert list(undelivered()) == [order]


@pytest.mark.django_db
class TestF22:
    @pytest.mark.parametrize("mood", ["429", "poor"])
    @pytest.mark.parametrize("rail", NETWORK)
    def test_f22_what_is_put_off_is_sent_again_under_the_same_key(self, provider, rail, mood):
        story = with_cash("acme", rail=rail)
        provider.behaves(mood, mood)

        run(story, times=3)

        assert outcomes(PaymentOrder.objects.get()) == [
            ("SEND", "NOT_TAKEN"),
            ("SEND", "NOT_TAKEN"),
            ("SEND", "ACCEPTED"),
        ]
        assert statuses() == ["SENT"]
        assert len({call["key"] for call in provider.called("send")}) == 1
        assert differences(provider) == []

    def test_f22_retries_are_bounded_and_then_a_person_is_asked(self, provider):
        story = with_cash("acme", rail=Rail.PAYPAL_API)
        provider.behaves(*["429"] * 50)

        told = run(story, times=20, failing=True)

        assert told == [f"{PaymentOrder.objects.get()} waits for a person: They put it off (429)."]
        assert len(provider.called("send")) == len(call_times.SENT_AGAIN) + 1
        assert list(undelivered()) == list(PaymentOrder.objects.all())
        assert statuses() == ["SENDING"]
        assert verification.breaches() == []

    def test_f22_what_nobody_takes_is_given_up_and_reissued_and_what_they_may_have_is_not(self, provider):
        story = with_cash("acme", rail=Rail.PAYPAL_API)
        provider.behaves("429", "cut")
        run(story)
        orders.give_up(PaymentOrder.objects.get(), by=story.finn, at=story.now)
        assert statuses() == ["FAILED"]

        reissues.reissue(Payout.objects.all(), by=story.fay, approved_by=story.finn, at=story.now)
        run(story)

        with pytest.raises(orders.StepNotAllowed):
            orders.give_up(PaymentOrder.objects.last(), by=story.finn, at=story.now)
        assert statuses() == ["REISSUED", "UNKNOWN"]
        assert verification.breaches() == []

    def test_f22_control_without_the_bound_they_never_end(self, provider, monkeypatch):
        monkeypatch.setattr(call_times, "after", lambda waits, *, tries, key: timedelta(minutes=1))
        story = with_cash("acme", rail=Rail.PAYPAL_API)
        provider.behaves(*["429"] * 50)

        run(story, times=20)

        assert len(provider.called("send")) == 20
        assert list(undelivered()) == []

    @pytest.mark.parametrize("rail", NETWORK)
    def test_f22_a_refusal_fails_the_payout_and_its_reissue_has_a_key_of_its_own(self, provider, rail):
        story = with_cash("acme", rail=rail)
        provider.behaves("refuse")
        run(story)
        assert statuses() == ["FAILED"]
        assert "Nobody is there." in PaymentOrder.objects.get().said

        reissues.reissue(Payout.objects.all(), by=story.fay, approved_by=story.finn, at=story.now)
        run(story)

        first, second = PaymentOrder.objects.order_by("pk")
        assert statuses() == ["REISSUED", "SENT"]
        assert first.key != second.key
        assert [row["key"] for row in provider.accepted()] == [second.key]
        assert (differences(provider), verification.breaches()) == ([], [])

    def test_f22_what_comes_back_before_it_is_confirmed_can_be_reissued(self, provider):
        story = with_cash("acme", rail=Rail.PAYPAL_API)
        run(story)
        provider.says("returned")
        run(story)

        assert (statuses(), PaymentOrder.objects.get().status) == (["RETURNED"], "RETURNED")
        assert reissues.reissue(Payout.objects.all(), by=story.fay, approved_by=story.finn, at=story.now) == 1
        assert verification.breaches() == []

    def test_f22_a_service_that_lies_about_the_amount_is_not_believed(self, provider):
        story = with_cash("acme", rail=Rail.STRIPE)
        provider.behaves("cut")
        run(story)
        with_other_amount = "UPDATE accepted SET amount = '1'"
        from_outside(provider, with_other_amount)

        run(story)

        assert statuses() == ["UNKNOWN"]
        assert PaymentOrder.objects.get().said == "They told of another transfer."
        assert len(provider.called("send")) == 1

    def test_f22_what_is_sent_is_what_their_reference_documents(self, provider):
        story = with_cash("acme", rail=Rail.PAYPAL_API)
        run(story)
        (order,), (call,) = PaymentOrder.objects.all(), provider.called("send")

        assert json.loads(call["body"]) == {
            "sender_batch_header": {
                "sender_batch_id": order.key,
                "email_subject": "Referral program smartcat",
            },
            "items": [
                {
                    "recipient_type": "EMAIL",
                    "receiver": "rosa@mail.example",
                    "amount": {"value": "100.00", "currency": "USD"},
                    "note": "Referral program smartcat",
                    "sender_item_id": f"P{order.payout_id}",
                }
            ],
        }
        assert json.loads(call["headers"])["authorization"] == "Bearer token"


def from_outside(provider, statement):
    """Somebody changes the provider's book."""
    from_provider = provider.folder / "book.sqlite3"
    with contextlib.closing(sqlite3.connect(from_provider)) as book, book:
        book.execute(statement)


@pytest.mark.django_db(transaction=True)
class TestF22Host:
    def test_f22_a_confirmation_before_our_commit_is_parked_and_told_three_times_counts_once(
        self, provider, live_server
    ):
        story, software = host_story(provider)
        provider.sets(
            "calls_back", f"{live_server.url}/api/v1/credits {story.client.public_id} {software.secret}"
        )
        provider.behaves("early")

        run(story)

        order = PaymentOrder.objects.get()
        eventually(lambda: len(provider.called("told")) == 3)
        assert [call["mood"] for call in provider.called("told")] == ["201", "200", "200"]
        assert (order.status, order.next_at) == ("CONFIRMED", None)
        assert outcomes(order) == [("SEND", "ACCEPTED")]
        assert list(order.notices.values_list("outcome", flat=True)) == ["PAID"]
        provider.says("confirmed")
        assert (differences(provider), verification.breaches()) == ([], [])

    def test_f22_control_unparked_it_is_lost_and_the_books_differ(self, provider, live_server, monkeypatch):
        monkeypatch.setattr(orders, "_heed", lambda order, notice, *, at: "")
        story, software = host_story(provider)
        provider.sets(
            "calls_back", f"{live_server.url}/api/v1/credits {story.client.public_id} {software.secret}"
        )
        provider.behaves("early")

        run(story)
        provider.says("confirmed")
        eventually(lambda: len(provider.called("told")) == 3)

        order = PaymentOrder.objects.get()
        assert differences(provider) == [f"{order} is ACCEPTED here and confirmed there"]

    def test_f22_no_transaction_is_open_while_anybody_is_called(self, provider, monkeypatch):
        story = with_cash("acme", rail=Rail.PAYPAL_API)
        seen = []
        call = sending.sender_of

        def noticing(method, *, at):
            seen.append(connection.in_atomic_block)
            return call(method, at=at)

        monkeypatch.setattr(sending, "sender_of", noticing)

        run(story, times=2)

        assert (set(seen), statuses()) == ({False}, ["SENT"])

    def test_f22_two_workers_at_once_send_each_payout_once(self, provider):
        provider.sets("forgets", "yes")
        provider.behaves("slow", "slow", "slow", "slow")
        story = with_cash("acme", "beta", rail=Rail.PAYPAL_API)

        both(story)

        assert (statuses(), provider.paid_twice()) == (["SENT", "SENT"], [])
        assert (differences(provider), verification.breaches()) == ([], [])

    @pytest.mark.plants_breaches
    def test_f22_control_taken_up_by_both_it_is_paid_twice(self, provider, monkeypatch):
        def by_anybody(order, *, at):
            PaymentOrder.objects.filter(pk=order.pk).update(status="CALLING")
            order.status = "CALLING"
            return True

        monkeypatch.setattr(orders, "take_up", by_anybody)
        provider.sets("forgets", "yes")
        provider.behaves("slow", "slow", "slow", "slow")
        story = with_cash("acme", rail=Rail.PAYPAL_API)
        method = PayoutMethod.objects.get()
        orders.write(method, sender=sending.sender_of(method, at=story.now), at=story.now)

        both(story)

        assert provider.paid_twice() == [f"P{Payout.objects.get().pk}"]


def eventually(condition, *, within=10):
    end = time.monotonic() + within
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)


def both(story):
    """Two workers find the same orders, and then both begin."""
    meeting = threading.Barrier(2)
    due = orders.due

    def found(**asked):
        rows = list(due(**asked)[:10])
        if asked["status"] == OrderStatus.WAITING:
            meeting.wait(timeout=20)
        return rows

    def work():
        try:
            sending.run(as_of=story.now)
        finally:
            connections.close_all()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(orders, "due", found)
        workers = [threading.Thread(target=work) for _ in range(2)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
