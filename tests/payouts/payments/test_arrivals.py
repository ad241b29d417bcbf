"""A payment that was given up and arrived all the same: two people say so; nothing is paid twice unseen."""

from datetime import timedelta

import pytest

from payouts import ledger, proposals, verification
from payouts.models import Arrival, PaymentOrder, Payout, SetOff, Transfer
from payouts.payments import arrivals, files, orders, reissues, reports
from payouts.rails import Said, sender_of
from payouts.rules.lifecycle import AccountKind, Call, Outcome, Result
from payouts.rules.payees import Rail
from tests.payments import is_paid_to, pays_by, sent, statuses, with_cash
from tests.story import at_once, refused

pytestmark = pytest.mark.django_db


def voided():
    """A file that somebody has was voided, and the bank says that it paid."""
    story = with_cash("acme")
    (file,) = next_file(story)
    files.download(file, by=story.fay, at=story.now)
    files.void(file, by=story.fay, approved_by=story.finn, at=story.now)
    return told_late(story, file)


def reissued():
    """A payment failed and was reissued; then the bank says that it arrived."""
    story = with_cash("acme")
    file = sent(story)
    reports.tell(Payout.objects.get(), result=Result.FAILED, detail="", by=story.fay, at=story.now)
    reissues.reissue(Payout.objects.all(), by=story.fay, approved_by=story.finn, at=story.now)
    return told_late(story, file)


def next_file(story):
    """A file of all that waits, to be paid today."""
    return files.make(story.method, pay_on=story.now.date(), by=story.fay, at=story.now)


def told_late(story, file):
    line = file.lines.get()
    content = f"reference,result\n{line.reference},confirmed".encode()
    reports.read_in(story.program, name="bank.csv", content=content, by=story.fay, at=story.now)
    with refused("nothing_to_pay"):
        next_file(story)
    return story, line


def settle(story, line, **people):
    two = {"by": story.fay, "approved_by": story.finn, **people}
    return arrivals.settle(line, **two, at=story.now, reason="the bank's statement")


def held(story, kind):
    return ledger.balance_minor(ledger.account_of(story.enrollment(), kind=kind))


def whole():
    assert [(each.message, each.rows) for each in verification.breaches()] == []


@pytest.mark.parametrize("how", [voided, reissued])
def test_it_is_paid_by_what_arrived_and_not_again(how):
    story, line = how()

    arrival = settle(story, line)

    latest = Payout.objects.latest("attempt")
    assert (latest.status, arrival.payout, arrival.overpaid_minor) == ("CONFIRMED", latest, 0)
    change = latest.changes.last()
    assert (change.changed_by, change.approved_by) == (story.fay, story.finn)
    assert (held(story, AccountKind.CLEARING), held(story, AccountKind.BANK)) == (0, 10_000)
    with refused("nothing_to_pay"):
        next_file(story)
    whole()


@pytest.mark.parametrize("how", [voided, reissued])
def test_one_person_does_not_say_so_and_nobody_says_it_twice(how):
    story, line = how()
    with refused("same_person"):
        settle(story, line, approved_by=story.fay)

    settle(story, line)

    with refused("not_given_up"):
        settle(story, line)


def test_what_was_paid_meanwhile_was_paid_twice_and_is_owed_until_it_is_made_up():
    story = with_cash("acme")
    file = sent(story)
    first = Payout.objects.get()
    reports.tell(first, result=Result.FAILED, detail="", by=story.fay, at=story.now)
    reissues.reissue(Payout.objects.all(), by=story.fay, approved_by=story.finn, at=story.now)
    sent(story)
    with refused("still_under_way") as refusal:
        settle(story, file.lines.get())
    assert "was sent again: wait until the bank says" in str(refusal.value)
    second = Payout.objects.get(attempt=2)
    reports.tell(second, result=Result.CONFIRMED, detail="", by=story.fay, at=story.now)

    settle(story, file.lines.get())

    assert Arrival.objects.get().overpaid_minor == 10_000
    booked = Transfer.objects.get(kind="OVERPAID")
    assert (booked.debit.kind, booked.credit.kind, booked.amount_minor) == ("CASH_OWED", "BANK", 10_000)
    assert (held(story, AccountKind.CASH_OWED), held(story, AccountKind.BANK)) == (-10_000, 20_000)
    whole()

    story.earn("beta")
    story.pass_to("2026-04-16T00:05Z")

    assert statuses() == ["REISSUED", "CONFIRMED", "CANCELLED"]
    assert (held(story, AccountKind.CASH_OWED), SetOff.objects.get().amount_minor) == (0, 10_000)
    whole()


def test_what_was_kept_after_its_file_was_voided_left_all_the_same_and_is_owed():
    story = with_cash("acme", "beta", changes={"terms.clawback": "BY_STAFF"})
    story.earn("gamma")
    story.pass_to("2026-04-16T00:05Z")
    (file,) = next_file(story)
    files.download(file, by=story.fay, at=story.now)
    files.void(file, by=story.fay, approved_by=story.finn, at=story.now)
    payout = Payout.objects.filter(enrollment=story.enrollment()).earliest("pk")
    story.reverse(payout.bonuses.get())
    payout.refresh_from_db()
    assert (payout.status, payout.amount_minor) == ("CANCELLED", 0)

    settle(story, payout.lines.get())

    # What is owed again is kept at once from Rosa's other payout.
    other = Payout.objects.filter(enrollment=story.enrollment()).latest("pk")
    assert (other.status, held(story, AccountKind.CASH_OWED)) == ("CANCELLED", 0)
    whole()


@pytest.mark.parametrize("how", [voided, reissued])
def test_what_comes_back_after_that_is_tried_again(how):
    story, line = how()
    settle(story, line)
    content = f"reference,result\n{line.reference},returned".encode()

    report = reports.read_in(story.program, name="bank.csv", content=content, by=story.fay, at=story.now)

    assert (report.done, Payout.objects.latest("attempt").status) == (1, "RETURNED")
    reissues.reissue(Payout.objects.all(), by=story.fay, approved_by=story.finn, at=story.now)
    assert [file.total_minor for file in next_file(story)] == [10_000]
    whole()


@pytest.mark.usefixtures("paypal")
def test_it_pays_an_attempt_that_was_refused_over_the_network():
    story = with_cash("acme")
    file = sent(story)
    reports.tell(Payout.objects.get(), result=Result.FAILED, detail="", by=story.fay, at=story.now)
    by_network = pays_by(story, Rail.PAYPAL_API)
    is_paid_to(story, rail=Rail.PAYPAL_API)
    story.now += timedelta(days=8)
    reissues.reissue(Payout.objects.all(), by=story.fay, approved_by=story.finn, at=story.now)
    orders.write(by_network, sender=sender_of(by_network, at=story.now), at=story.now)
    order = PaymentOrder.objects.get()
    orders.take_up(order, at=story.now)
    orders.record(order, Said(Outcome.REFUSED), kind=Call.SEND, at=story.now)
    assert statuses() == ["REISSUED", "FAILED"]

    settle(story, file.lines.get())

    assert (statuses(), order.status) == (["REISSUED", "CONFIRMED"], "REFUSED")
    whole()


@pytest.mark.django_db(transaction=True)
def test_of_a_reissue_at_the_same_moment_nobody_is_held_to_have_been_paid_twice():
    story = with_cash("acme")
    file = sent(story)
    reports.tell(Payout.objects.get(), result=Result.FAILED, detail="", by=story.fay, at=story.now)
    line = file.lines.get()
    two = {"by": story.fay, "approved_by": story.finn, "at": story.now}

    at_once(lambda: settle(story, line), lambda: reissues.reissue(Payout.objects.all(), **two))

    assert [arrival.overpaid_minor for arrival in Arrival.objects.all()] in ([], [0])
    assert held(story, AccountKind.CASH_OWED) == 0
    whole()


def test_a_payment_that_stands_did_not_arrive_late():
    story = with_cash("acme")
    file = sent(story)

    with refused("not_given_up"):
        settle(story, file.lines.get())


def test_it_waits_for_a_second_person_as_a_proposal():
    story, line = voided()
    proposal = proposals.proposals.propose(
        "payment_arrived",
        target=str(line.payout_id),
        arguments={"line": str(line.pk), "payment": "P1", "reason": "the bank's statement"},
        by=story.fay,
        at=story.now,
    )

    proposals.confirm(proposal, by=story.finn, at=story.now)

    arrival = Arrival.objects.get()
    assert (arrival.told_by, arrival.confirmed_by, arrival.reason) == (
        story.fay,
        story.finn,
        "the bank's statement",
    )
