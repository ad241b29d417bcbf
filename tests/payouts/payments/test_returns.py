"""A payment over the network comes back after it had arrived: two people say so, and it is tried again."""

import pytest
from django.contrib.auth.models import Group
from django.core.management import call_command
from django.urls import reverse

from payouts import ledger, verification
from payouts.models import PaymentOrder, Payout, Transfer
from payouts.payments import orders, reissues, returns
from payouts.rails import sender_of
from payouts.rules.lifecycle import AccountKind
from payouts.rules.payees import Rail
from referrals.models import Proposal
from tests.admin_pages import just_logged_in, main_part, page
from tests.payments import arrived_over_network, sent, statuses, trail, with_cash
from tests.story import at_once, refused

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("paypal")]


def arrived():
    story = with_cash("acme", rail=Rail.PAYPAL_API)
    order = arrived_over_network(story)
    assert (statuses(), order.status) == (["CONFIRMED"], "CONFIRMED")
    return story


def settle(story, **people):
    two = {"by": story.fay, "approved_by": story.finn, **people}
    returns.settle(Payout.objects.earliest("pk"), **two, at=story.now, reason="In their account.")


def held(story, kind):
    return ledger.balance_minor(ledger.account_of(story.enrollment(), kind=kind))


def whole():
    assert [(each.message, each.rows) for each in verification.breaches()] == []


def test_it_is_booked_back_and_tried_again_under_another_key():
    story = arrived()

    settle(story)

    payout, order = Payout.objects.get(), PaymentOrder.objects.get()
    assert (payout.status, order.status, order.next_at) == ("RETURNED", "RETURNED", None)
    assert (held(story, AccountKind.CLEARING), held(story, AccountKind.BANK)) == (10_000, 0)
    assert Transfer.objects.filter(kind="RETURNED").count() == 1
    change, call = payout.changes.last(), order.calls.last()
    assert (change.changed_by, change.approved_by) == (story.fay, story.finn)
    assert (call.kind, call.outcome, call.detail, call.by) == (
        "SETTLE",
        "RETURNED",
        "In their account.",
        story.fay,
    )
    whole()

    reissues.reissue(Payout.objects.all(), by=story.fay, approved_by=story.finn, at=story.now)
    orders.write(story.method, sender=sender_of(story.method, at=story.now), at=story.now)

    assert (statuses(), trail(payout)[-1]) == (["REISSUED", "SENDING"], "REISSUED")
    assert len(set(PaymentOrder.objects.values_list("key", flat=True))) == 2
    whole()


def test_one_person_does_not_say_so_and_nobody_says_it_twice():
    story = arrived()
    with refused("same_person"):
        settle(story, approved_by=story.fay)

    settle(story)

    with refused("not_arrived"):
        settle(story)


def test_of_what_went_by_a_file_or_did_not_arrive_nobody_says_so():
    story = with_cash("acme")
    with refused("not_arrived"):
        settle(story)
    sent(story)
    with refused("not_arrived"):
        settle(story)


@pytest.mark.django_db(transaction=True)
def test_of_two_at_once_one_books_it_back():
    story = arrived()

    met = at_once(lambda: settle(story), lambda: settle(story))

    assert sorted(type(each).__name__ for each in met) == ["NoneType", "NotArrived"]
    assert Transfer.objects.filter(kind="RETURNED").count() == 1


def test_the_page_offers_it_once_it_has_arrived_and_waits_for_a_second_person():
    call_command("make_groups", verbosity=0)
    story = arrived()
    payout = Payout.objects.get()
    fay, finn = (
        client_of(person, role)
        for person, role in [(story.fay, "Finance preparers"), (story.finn, "Finance approvers")]
    )
    address = reverse("admin:payouts_payout_came-back", args=[payout.pk])

    assert "It came back" in main_part(fay.get(page(payout)))
    fay.post(address, {"reason": "It stands in their account."})
    assert statuses() == ["CONFIRMED"]
    finn.post(reverse("admin:referrals_proposal_confirm", args=[Proposal.objects.get().pk]))

    assert statuses() == ["RETURNED"]
    assert fay.post(address, {"reason": "Once more."}).status_code == 409


def client_of(user, group):
    user.groups.set(Group.objects.filter(name=group))
    return just_logged_in(user)
