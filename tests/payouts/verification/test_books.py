"""The books, exactly once, derived equals summed, bounds: each breach is named."""

import pytest

from payouts.models import BonusChange, LedgerAccount, Payout, PayoutChange, Spend, Transfer
from referrals.models import FunnelCount
from tests.factories import (
    LATER,
    EnrollmentFactory,
    ReferredAccountFactory,
    TermsFactory,
    booked_bonus,
    cancelled_bonus,
    ledger_account,
    paid_bonus,
    reversed_bonus,
)
from tests.payouts.verification.plant import alter, found, guards_down, taken_out, transfer_of

pytestmark = pytest.mark.django_db

SUMS = "payouts with another amount than their bonuses together, less what was set off"


def test_transfers_of_nothing():
    spent = taken_out(paid_bonus().enrollment, kind="SPENT")
    alter(spent, amount_minor=0, without=["transfer_amount_positive"])
    alter(spent.spend, amount_minor=0, without=["spend_amount_positive"])

    assert found() == [("I1", "transfers that move no amount", [spent.pk])]


def test_transfers_to_oneself():
    given = taken_out(paid_bonus().enrollment, kind="GIVEN")
    alter(given, credit=given.debit, without=["transfer_between_two_accounts"])

    assert found() == [
        ("I1", "transfers from an account to itself", [given.pk]),
        ("I1", "gifts not booked with their amount, giver and receiver", [given.gift_id]),
    ]


def test_transfers_between_currencies():
    spent = taken_out(paid_bonus().enrollment, kind="SPENT")
    euros = LedgerAccount.objects.create(kind="SERVICES", program=spent.credit.program, currency="EUR")
    alter(spent, credit=euros)

    assert found() == [
        ("I1", "transfers in another currency than one of their accounts", [spent.pk]),
        ("I1", "currencies whose debits and credits differ", ["EUR", "USD"]),
    ]


def test_transfers_between_accounts_of_the_wrong_kind():
    spent = taken_out(paid_bonus().enrollment, kind="SPENT")
    alter(spent, credit=ledger_account("EXPENSE", enrollment=spent.spend.enrollment))

    assert found() == [
        ("I1", "transfers between kinds of accounts that do not suit their own kind", [spent.pk])
    ]


def test_transfers_with_the_wrong_cause():
    taken = taken_out(paid_bonus().enrollment, kind="WITHDRAWN")
    alter(taken, kind="SPENT", credit=ledger_account("SERVICES", enrollment=taken.withdrawal.enrollment))

    assert in_the_books() == [("I1", "transfers whose cause does not suit their kind", [taken.pk])]


def test_transfers_with_two_causes():
    enrollment = paid_bonus().enrollment
    taken = taken_out(enrollment, kind="WITHDRAWN")
    spend = Spend.objects.create(
        enrollment=enrollment, amount_minor=100, currency="USD", service="a service", spent_at=LATER
    )
    alter(taken, spend=spend, without=["transfer_has_one_cause"])

    assert found() == [("I1", "transfers whose cause does not suit their kind", [taken.pk])]


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("WITHDRAWN", "withdrawals not booked with their amount and referrer"),
        ("SPENT", "spends not booked with their amount and referrer"),
        ("GIVEN", "gifts not booked with their amount, giver and receiver"),
    ],
)
class TestWhatAReferrerTakes:
    def test_with_another_amount(self, kind, message):
        taken = taken_out(paid_bonus().enrollment, kind=kind)
        alter(taken, amount_minor=99)

        assert in_the_books() == [("I1", message, [cause_of(taken).pk])]

    def test_from_another_referrer(self, kind, message):
        bonus = paid_bonus()
        taken = taken_out(bonus.enrollment, kind=kind)
        account_of_same_program = ReferredAccountFactory(
            enrollment__program=bonus.enrollment.program, status="QUALIFIED", evaluated=True
        )
        other = paid_bonus(account=account_of_same_program)
        alter(taken, debit=ledger_account("BALANCE", enrollment=other.enrollment))

        assert in_the_books() == [("I1", message, [cause_of(taken).pk])]

    def test_without_a_transfer(self, kind, message):
        taken = taken_out(paid_bonus().enrollment, kind=kind)
        with guards_down(Transfer):
            taken.delete()

        assert in_the_books() == [("I1", message, [cause_of(taken).pk])]


def in_the_books():
    """All but I9: what is wrong in the books of a withdrawal is wrong for its payout as well."""
    return [breach for breach in found() if breach[0] != "I9"]


def cause_of(taken):
    return taken.withdrawal or taken.spend or taken.gift


NOT_ONCE = "bonuses without exactly one transfer of each kind that their status calls for"


@pytest.mark.parametrize(
    ("bonus_with", "kind"),
    [
        (booked_bonus, "ACTIVATED"),
        (cancelled_bonus, "CANCELLED"),
        (paid_bonus, "RELEASED"),
        (reversed_bonus, "REVERSED"),
    ],
)
def test_bonuses_whose_transfer_is_gone(bonus_with, kind):
    bonus = bonus_with()
    with guards_down(Transfer):
        transfer_of(bonus, kind).delete()

    assert found() == [("I2", NOT_ONCE, [bonus.pk])]


def test_bonuses_paid_twice():
    bonus = paid_bonus()
    # Enough is payable, so that only the second payment is wrong.
    account = ReferredAccountFactory(enrollment=bonus.enrollment, status="QUALIFIED", evaluated=True)
    booked_bonus(account=account)
    again = transfer_of(bonus, "RELEASED")
    again.pk = None
    with guards_down(Transfer, "transfer_once_per_bonus_and_kind"):
        again.save()

    assert found() == [
        ("I2", "bonuses without exactly one transfer of each kind that their status calls for", [bonus.pk])
    ]


def test_bonuses_whose_status_calls_for_no_payment():
    bonus = paid_bonus()
    alter(bonus, status="APPROVED", without=["bonus_paid_with_its_payout"])
    BonusChange.objects.create(bonus=bonus, old_status="PAID", new_status="APPROVED", changed_at=LATER)

    assert found() == [("I2", NOT_ONCE, [bonus.pk])]


@pytest.mark.parametrize("kind", ["ACTIVATED", "RELEASED"])
def test_transfers_of_another_amount_than_the_bonus(kind):
    transfer = transfer_of(paid_bonus(), kind)
    alter(transfer, amount_minor=transfer.amount_minor + (1 if kind == "ACTIVATED" else -1))

    assert found() == [
        ("I2", "transfers with another amount, currency or referrer than their bonus", [transfer.pk])
    ]


def test_bonuses_paid_by_what_is_owed_to_another_referrer():
    bonus = paid_bonus()
    program = bonus.enrollment.program
    other = booked_bonus(
        account=ReferredAccountFactory(enrollment__program=program, status="QUALIFIED", evaluated=True)
    )
    released = transfer_of(bonus, "RELEASED")
    alter(released, debit=ledger_account("PAYABLE", enrollment=other.enrollment))

    assert found() == [
        ("I2", "transfers with another amount, currency or referrer than their bonus", [released.pk]),
        ("I13", "transfers of a bonus that touch an account of another referrer or program", [released.pk]),
    ]


def test_bonuses_paid_into_an_account_of_the_wrong_kind():
    bonus = paid_bonus()
    alter(transfer_of(bonus, "RELEASED"), credit=ledger_account("CREDIT", enrollment=bonus.enrollment))

    assert found() == [
        ("I2", "bonuses paid into, or taken back from, an account of another kind", [bonus.pk])
    ]


def test_bonuses_taken_back_from_an_account_of_the_wrong_kind():
    bonus = reversed_bonus()
    alter(transfer_of(bonus, "REVERSED"), debit=ledger_account("CREDIT", enrollment=bonus.enrollment))

    assert found() == [
        ("I2", "bonuses paid into, or taken back from, an account of another kind", [bonus.pk])
    ]


@pytest.mark.parametrize("instead", [None, "ACTIVATED"])
def test_reversals_of_the_wrong_transfer(instead):
    bonus = reversed_bonus()
    back = transfer_of(bonus, "REVERSED")
    alter(back, reverses=transfer_of(bonus, instead) if instead else None)

    assert found() == [("I2", "transfers that reverse another one than they should", [back.pk])]


def test_payments_that_claim_to_reverse():
    bonus = paid_bonus()
    released = transfer_of(bonus, "RELEASED")
    alter(released, reverses=transfer_of(bonus, "ACTIVATED"))

    assert found() == [("I2", "transfers that reverse another one than they should", [released.pk])]


def test_payouts_that_are_not_the_sum_of_their_bonuses():
    payout = paid_bonus().payout
    alter(payout, amount_minor=payout.amount_minor + 1)

    assert found() == [("I8", SUMS, [payout.pk])]


def test_payouts_of_nothing():
    paid = paid_bonus()
    empty = Payout.objects.create(
        batch=paid.batch,
        enrollment=EnrollmentFactory(program=paid.enrollment.program),
        amount_minor=1,
        currency="USD",
        status="CREDITED",
        created_at=LATER,
    )
    PayoutChange.objects.create(payout=empty, new_status="CREDITED", changed_at=LATER)

    assert found() == [("I8", SUMS, [empty.pk])]


@pytest.mark.parametrize("counted", [0, 2])
def test_counters_that_do_not_count(counted):
    account = ReferredAccountFactory(evaluated=True)
    FunnelCount.objects.update(accounts=counted)

    assert found() == [
        ("I8", "enrollments with a counter that is not the number of their accounts", [account.enrollment_id])
    ]


def test_counters_that_are_missing_or_too_many():
    missing = ReferredAccountFactory(evaluated=True).enrollment
    missing.funnel_counts.all().delete()
    nobody = EnrollmentFactory()
    nobody.funnel_counts.create(milestone="signed_up", accounts=1)
    EnrollmentFactory().funnel_counts.create(milestone="signed_up", accounts=0)

    assert found() == [
        (
            "I8",
            "enrollments with a counter that is not the number of their accounts",
            [missing.pk, nobody.pk],
        )
    ]


@pytest.mark.parametrize("kind", ["WITHDRAWN", "SPENT", "GIVEN"])
def test_balances_below_zero(kind):
    bonus = paid_bonus()
    taken = taken_out(bonus.enrollment, kind=kind, amount_minor=bonus.amount_minor + 1)

    assert found() == [
        ("I11", "payables, balances and credits below zero, reversals left aside", [taken.debit_id])
    ]


def test_more_bonuses_than_the_cap():
    bonus = booked_bonus(account__enrollment__program__terms__reward__cap=1)
    account = ReferredAccountFactory(enrollment=bonus.enrollment, status="QUALIFIED", evaluated=True)
    cancelled_bonus(account=account)
    assert found() == []

    booked_bonus(account=account)

    assert found() == [
        ("I11", "enrollments with more bonuses of a reward than its cap", [bonus.enrollment_id])
    ]


def test_a_cap_that_later_terms_lower_leaves_what_was_earned():
    bonus = booked_bonus(account__enrollment__program__terms__reward__cap=2)
    enrollment = bonus.enrollment
    booked_bonus(account=ReferredAccountFactory(enrollment=enrollment, status="QUALIFIED", evaluated=True))
    later = TermsFactory(program=enrollment.program, reward__cap=1)
    account = ReferredAccountFactory(enrollment=enrollment, terms=later, status="QUALIFIED", evaluated=True)
    assert found() == []

    booked_bonus(account=account)

    assert found() == [("I11", "enrollments with more bonuses of a reward than its cap", [enrollment.pk])]
