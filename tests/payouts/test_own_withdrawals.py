"""The referrer's own page of withdrawing: who may, how much, and that a form sent twice takes it once."""

from functools import partial

import pytest
import time_machine

from payouts import ledger, own_withdrawals, withdrawals
from payouts.models import Withdrawal
from payouts.rules.lifecycle import AccountKind
from referrals import enrollment
from referrals.models import Enrollment
from tests.payments import is_paid_to, pays_by
from tests.refer_page import logged_in, read, text_of
from tests.story import Story, at_once, nothing_changes, refused

pytestmark = pytest.mark.django_db

PAGE = "/refer/smartcat/withdraw/"


def rich(changes=None) -> Story:
    """Rosa has 100.00."""
    story = Story("smartcat", changes)
    story.earn()
    story.pass_to("2026-03-16T00:05Z")
    return story


@pytest.fixture
def story() -> Story:
    return rich()


def send(story, amount="60.00", seen="10000", referrer=None):
    with time_machine.travel(story.now, tick=False):
        return logged_in(referrer or story.rosa).post(PAGE, {"amount": amount, "seen": seen})


def ask(story, amount_minor=6_000, seen_minor=10_000):
    return own_withdrawals.ask(
        story.enrollment(), amount_minor=amount_minor, seen_minor=seen_minor, at=story.now
    )


def left(story):
    return ledger.balance_minor(ledger.account_of(story.enrollment(), kind=AccountKind.BALANCE))


def test_the_page_says_what_there_is_and_what_happens_next(story):
    Enrollment.objects.update(withdrawal_minimum_minor=2_000)
    pays_by(story)
    is_paid_to(story)

    said = read(story, PAGE)

    assert "Your balance: $100.00 ." in said
    assert "You can withdraw $20.00 or more at a time." in said
    assert "The amount leaves your balance at once, and we send it to you next." in said


def test_the_least_is_that_of_the_method_where_it_is_more(story):
    Enrollment.objects.update(withdrawal_minimum_minor=2_000)
    pays_by(story, minimum_minor=5_000)
    is_paid_to(story)

    assert "You can withdraw $50.00 or more at a time." in read(story, PAGE)
    refusal = send(story, "49.99")

    assert refusal.status_code == 409
    assert "less than the least that can be withdrawn: $50.00." in text_of(refusal)
    assert left(story) == 10_000


def test_who_has_told_nobody_where_to_is_asked_to(story):
    said = read(story, PAGE)
    with time_machine.travel(story.now, tick=False):
        typed = {"amount": "60.00", "seen": "10000"}
        after = logged_in(story.rosa).post(PAGE, typed, follow=True)

    assert "The amount leaves your balance at once. Tell support where to send it." in said
    assert "$60.00 left your balance. Tell support where to send it." in text_of(after)


def test_the_way_there_stands_where_the_money_is(story):
    assert "Withdraw" in read(story)
    assert "Withdraw" not in read(Story("smithai", host="other"), referrer=None)


def test_an_amount_is_withdrawn(story):
    answer = send(story)

    assert (answer.status_code, answer["Location"]) == (302, "/refer/smartcat/")
    withdrawal = Withdrawal.objects.get()
    assert (withdrawal.enrollment, withdrawal.amount_minor) == (story.enrollment(), 6_000)
    assert left(story) == 4_000


def test_a_form_that_is_sent_twice_takes_the_money_once(story):
    send(story, "20.00")
    again = send(story, "20.00")

    assert again.status_code == 409
    assert "Your balance has changed since you opened this page." in text_of(again)
    assert (left(story), Withdrawal.objects.count()) == (8_000, 1)


@pytest.mark.parametrize(
    ("amount", "said"),
    [
        ("100.01", "That is more than there is."),
        ("0", "Write an amount above zero."),
        ("19.99", "That is less than the least that can be withdrawn: $20.00."),
    ],
)
def test_what_cannot_be_withdrawn_is_said_and_changes_nothing(story, amount, said):
    Enrollment.objects.update(withdrawal_minimum_minor=2_000)
    logged_in(story.rosa)
    with nothing_changes():
        answer = send(story, amount)

    assert answer.status_code == 409
    assert said in text_of(answer)


@pytest.mark.parametrize("amount", ["", "twenty", "1,50", "-5.00", "5.001", "1e2", "5.00 USD", "9" * 29])
def test_what_is_no_amount_is_asked_for_again(story, amount):
    logged_in(story.rosa)
    with nothing_changes():
        answer = send(story, amount)

    assert answer.status_code == 200
    assert answer.context["form"].errors["amount"]


@pytest.mark.parametrize(("amount", "minor"), [("20", 2_000), ("20.5", 2_050), (" 20.50 ", 2_050)])
def test_an_amount_is_read_as_people_write_it(story, amount, minor):
    send(story, amount)

    assert Withdrawal.objects.get().amount_minor == minor


@pytest.mark.parametrize("seen", ["", "x", "--1", "٣"])
def test_a_forged_balance_is_no_balance(story, seen):
    logged_in(story.rosa)
    with nothing_changes():
        assert send(story, seen=seen).status_code == 200


def test_what_is_for_services_only_cannot_be_withdrawn():
    story = rich({"rewards.new_customer.withdrawable": False})
    assert "it cannot be withdrawn" in read(story, PAGE)
    assert "Withdraw" not in read(story)

    with nothing_changes():
        assert send(story).status_code == 409


def test_who_has_nothing_reads_what_fills_the_balance(story):
    assert "There is nothing to withdraw." in read(story, PAGE, referrer=story.ben)


def test_who_is_suspended_waits(story):
    enrollment.suspend(story.rosa, program=story.program, by=story.sam, at=story.now, reason="a question")

    assert "Your taking part is paused." in read(story, PAGE)
    with refused("taking_part_is_paused"):
        ask(story)


def test_nobody_withdraws_for_somebody_else(story):
    send(story, referrer=story.ben)

    assert (left(story), Withdrawal.objects.count()) == (10_000, 0)


def test_who_takes_no_part_finds_nothing(story):
    other = Story("smithai", host="other")

    for path in (PAGE, "/refer/smartcat/statement/", "/refer/nowhere/withdraw/"):
        assert logged_in(other.rosa).get(path).status_code == 404
    assert logged_in(story.ben).get(PAGE).status_code == 200


@pytest.mark.django_db(transaction=True)
def test_a_form_that_is_sent_twice_at_once_takes_the_money_once():
    story = rich()

    results = at_once(*[partial(ask, story, 4_000)] * 3)

    assert sorted(getattr(each, "code", "done") for each in results) == ["balance_moved"] * 2 + ["done"]
    assert left(story) == 6_000


@pytest.mark.django_db(transaction=True)
def test_without_the_balance_that_was_seen_it_would_be_taken_thrice():
    story = rich()

    at_once(*[partial(withdrawals.withdraw, story.enrollment(), amount_minor=3_000, at=story.now)] * 3)

    assert left(story) == 1_000
