"""What a referrer does with the balance: withdraw it, spend it, give it away, never more than there is."""

import pytest
from django.db import IntegrityError, transaction

from payouts import ledger, withdrawals
from payouts.models import Gift, Spend, Transfer, Withdrawal
from payouts.rules.lifecycle import AccountKind
from referrals.models import Enrollment
from referrals.rules.refusal import WrongField
from tests.factories import EnrollmentFactory
from tests.story import Story, nothing_changes, refused

pytestmark = pytest.mark.django_db

DUE = "2026-03-16T00:05Z"
TRANSFERABLE = {"rewards.new_customer.transferable": True}
CREDIT = {
    "rewards.new_customer.kind": "ACCOUNT_CREDIT",
    "rewards.new_customer.withdrawable": False,
    "rewards.new_customer.transferable": True,
}


def with_money(changes=TRANSFERABLE):
    """A story in which Rosa has 100.00."""
    story = Story(changes=changes)
    story.earn()
    story.pass_to(DUE)
    return story


def has(story, referrer=None, kind=AccountKind.BALANCE):
    return ledger.balance_minor(ledger.account_of(story.enrollment(referrer), kind=kind))


def withdraw(story, amount_minor):
    return withdrawals.withdraw(story.enrollment(), amount_minor=amount_minor, at=story.now)


def spend(story, amount_minor):
    return withdrawals.spend(story.enrollment(), amount_minor=amount_minor, service="a plan", at=story.now)


def give(story, amount_minor, receiver=None):
    receiver = receiver or story.enrollment(story.ben)
    return withdrawals.transfer(
        story.enrollment(), receiver=receiver, amount_minor=amount_minor, at=story.now
    )


WAYS = {"withdraw": withdraw, "spend": spend, "transfer": give}


def test_money_is_withdrawn_to_the_clearing_account():
    story = with_money()
    withdrawal = withdraw(story, 4_000)

    transfer = Transfer.objects.latest("pk")
    assert (transfer.kind, transfer.debit.kind, transfer.credit.kind) == ("WITHDRAWN", "BALANCE", "CLEARING")
    assert (transfer.amount_minor, transfer.withdrawal, transfer.posted_at) == (4_000, withdrawal, story.now)
    assert (withdrawal.enrollment, withdrawal.amount_minor, withdrawal.currency, withdrawal.requested_at) == (
        story.enrollment(),
        4_000,
        "USD",
        story.now,
    )
    assert has(story) == 6_000


def test_a_service_is_paid_from_the_balance():
    story = with_money()
    bought = spend(story, 4_000)

    transfer = Transfer.objects.latest("pk")
    assert (transfer.kind, transfer.debit.kind, transfer.credit.kind) == ("SPENT", "BALANCE", "SERVICES")
    assert (transfer.spend, bought.service, bought.spent_at) == (bought, "a plan", story.now)
    assert has(story) == 6_000


def test_an_amount_is_given_to_another_referrer():
    story = with_money()
    gift = give(story, 4_000)

    transfer = Transfer.objects.latest("pk")
    assert (transfer.kind, transfer.gift, gift.given_at) == ("GIVEN", gift, story.now)
    assert (gift.giver, gift.receiver) == (story.enrollment(), story.enrollment(story.ben))
    assert (has(story), has(story, story.ben)) == (6_000, 4_000)


@pytest.mark.parametrize("way", WAYS)
def test_all_that_is_there_can_be_taken_and_not_one_unit_more(way):
    story = with_money()
    with refused("insufficient_balance"):
        WAYS[way](story, 10_001)

    WAYS[way](story, 10_000)
    assert has(story) == 0
    with refused("insufficient_balance"):
        WAYS[way](story, 1)


@pytest.mark.parametrize("way", WAYS)
def test_what_is_no_whole_number_above_zero_is_refused_by_its_name(way):
    story = with_money()

    with nothing_changes():
        for amount in (0, -1, -10_000, 0.5, 100.0, "100", None, True, False):
            with pytest.raises(WrongField) as refusal:
                WAYS[way](story, amount)
            assert (refusal.value.field, repr(amount) in str(refusal.value)) == ("amount", True)


@pytest.mark.parametrize("way", WAYS)
def test_who_has_earned_nothing_yet_has_nothing(way):
    story = Story(changes=TRANSFERABLE)

    with refused("insufficient_balance") as refusal:
        WAYS[way](story, 1)
    assert "0.00 USD" in str(refusal.value)


def test_what_is_owed_and_not_paid_yet_is_no_balance():
    story = Story()
    story.earn()

    with refused("insufficient_balance"):
        withdraw(story, 1)


def test_where_no_reward_may_be_withdrawn_none_is():
    story = with_money({"rewards.new_customer.withdrawable": False})

    with refused("not_withdrawable"):
        withdraw(story, 1_000)
    spend(story, 1_000)


def test_where_no_reward_may_be_given_away_none_is():
    story = with_money(None)

    with refused("not_transferable"):
        give(story, 1_000)


def test_not_less_is_withdrawn_than_the_referrers_own_minimum():
    story = with_money()
    Enrollment.objects.update(withdrawal_minimum_minor=5_000)

    with refused("below_withdrawal_minimum"):
        withdraw(story, 4_999)
    withdraw(story, 5_000)
    spend(story, 1_000)
    give(story, 1_000)
    assert has(story) == 3_000


def test_refusals_come_in_the_order_of_the_steps():
    story = with_money({"rewards.new_customer.withdrawable": False})
    Enrollment.objects.update(withdrawal_minimum_minor=50_000)
    with refused("not_withdrawable"):
        withdraw(story, 20_000)
    with refused("not_transferable"):
        give(story, 20_000)


def test_below_the_minimum_is_said_before_what_is_missing():
    story = with_money()
    Enrollment.objects.update(withdrawal_minimum_minor=50_000)

    with refused("below_withdrawal_minimum"):
        withdraw(story, 20_000)


def test_nobody_gives_to_himself_or_to_another_program():
    story = with_money()
    elsewhere = EnrollmentFactory(program__host=story.host)

    for receiver in (story.enrollment(), elsewhere):
        with nothing_changes(), pytest.raises(WrongField) as refusal:
            give(story, 1_000, receiver)
        assert refusal.value.field == "receiver"


def test_credit_is_spent_and_given_and_never_withdrawn():
    story = with_money(CREDIT)
    spend(story, 3_000)
    give(story, 2_000)

    kinds = Transfer.objects.order_by("pk").values_list("kind", "debit__kind", "credit__kind")
    assert list(kinds)[-2:] == [("SPENT", "CREDIT", "SERVICES"), ("GIVEN", "CREDIT", "CREDIT")]
    assert has(story, kind=AccountKind.CREDIT) == 5_000
    assert has(story, story.ben, kind=AccountKind.CREDIT) == 2_000
    assert has(story) == 0
    with refused("not_withdrawable"):
        withdraw(story, 1_000)
    with refused("insufficient_balance"):
        spend(story, 5_001)


@pytest.mark.parametrize("model", [Withdrawal, Spend, Gift])
def test_the_database_itself_refuses_an_amount_of_nothing(model):
    story = with_money()
    for way in WAYS.values():
        way(story, 1_000)
    row = model.objects.get()

    row.pk, row.amount_minor = None, 0
    with pytest.raises(IntegrityError), transaction.atomic():
        row.save(force_insert=True)
