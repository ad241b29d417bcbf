"""The books: both legs in one row, every amount once, and whatever people do, never below zero."""

from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction
from django.db.utils import Error
from hypothesis import given, settings
from hypothesis import strategies as st

from payouts import ledger, verification, withdrawals
from payouts.models import Bonus, LedgerAccount, Transfer
from payouts.rules.lifecycle import AccountKind, TransferKind
from tests.story import Story

pytestmark = pytest.mark.django_db

DUE = "2026-03-16T00:05Z"
RELEASED = {
    "kind": TransferKind.RELEASED,
    "debit": AccountKind.PAYABLE,
    "credit": AccountKind.BALANCE,
}


def kinds(enrollment=None):
    return sorted(LedgerAccount.objects.filter(enrollment=enrollment).values_list("kind", flat=True))


def test_a_program_has_its_accounts_from_the_beginning_and_a_referrer_when_they_are_needed():
    story = Story()
    assert kinds() == ["BANK", "CLEARING", "EXPENSE", "FEES", "SERVICES"]
    assert kinds(story.enrollment()) == []

    story.earn()
    assert kinds(story.enrollment()) == ["BALANCE", "CASH_OWED", "CREDIT", "PAYABLE"]
    assert kinds(story.enrollment(story.ben)) == []


def test_accounts_are_opened_once():
    story = Story()
    for _ in range(2):
        ledger.open_program_accounts(story.program)
        ledger.open_referrer_accounts([story.enrollment(), story.enrollment(story.ben)])

    assert LedgerAccount.objects.count() == 4 + 2 * 4


def test_an_account_that_is_asked_for_is_there():
    story = Story()
    enrollment = story.enrollment()

    assert ledger.account_of(enrollment, kind=AccountKind.CREDIT).enrollment == enrollment
    expense = ledger.account_of(enrollment, kind=AccountKind.EXPENSE)
    assert (expense.program, expense.enrollment) == (story.program, None)


def test_a_balance_is_what_was_credited_less_what_was_debited():
    story = Story()
    story.earn("acme")
    story.earn("beta")
    story.pass_to(DUE)
    withdrawals.withdraw(story.enrollment(), amount_minor=3_000, at=story.now)

    balances = {row.kind: ledger.balance_minor(row) for row in LedgerAccount.objects.all()}

    assert balances == {
        "EXPENSE": -20_000,
        "PAYABLE": 0,
        "BALANCE": 17_000,
        "CLEARING": 3_000,
        "BANK": 0,
        "SERVICES": 0,
        "FEES": 0,
        "CREDIT": 0,
        "CASH_OWED": 0,
    }


def test_what_is_booked_for_many_bonuses_is_booked_by_one_statement(django_assert_num_queries):
    story = Story()
    for name in ("one", "two", "three"):
        story.earn(name)

    with transaction.atomic():
        with django_assert_num_queries(1):
            booked = ledger.post_for_each(Bonus.objects.all(), posted_at=story.now, **RELEASED)
        transaction.set_rollback(True)
    assert booked == 3


def test_nothing_is_booked_for_no_bonuses():
    story = Story()

    assert ledger.post_for_each(Bonus.objects.none(), posted_at=story.now, **RELEASED) == 0


def test_a_missing_account_stops_the_whole_statement():
    story = Story()
    story.earn("acme")
    story.earn("beta", link="ben")
    LedgerAccount.objects.filter(enrollment=story.enrollment(story.ben), kind="BALANCE").delete()

    with pytest.raises(IntegrityError), transaction.atomic():
        ledger.post_for_each(Bonus.objects.all(), posted_at=story.now, **RELEASED)
    assert not Transfer.objects.filter(kind="RELEASED").exists()


def test_what_was_never_booked_is_not_reversed():
    story = Story()
    story.earn()

    booked = ledger.post_for_each(
        Bonus.objects.all(),
        kind=TransferKind.REVERSED,
        debit=AccountKind.BALANCE,
        credit=AccountKind.EXPENSE,
        posted_at=story.now,
        reverses=TransferKind.RELEASED,
    )

    assert booked == 0


def test_the_database_itself_refuses_to_book_a_bonus_twice():
    story = Story()
    story.earn()
    story.pass_to(DUE)

    with pytest.raises(IntegrityError), transaction.atomic():
        ledger.post_for_each(Bonus.objects.all(), posted_at=story.now, **RELEASED)


@pytest.mark.parametrize(
    "broken",
    [
        pytest.param({"amount_minor": 0}, id="nothing"),
        pytest.param({"amount_minor": -1}, id="less than nothing"),
        pytest.param({"bonus": None}, id="for no cause"),
        pytest.param({"debit": None}, id="from nowhere"),
        pytest.param({"debit": "credit"}, id="from an account to itself"),
    ],
)
def test_the_database_itself_refuses_a_transfer_of(broken):
    story = Story()
    bonus = story.earn()
    accounts = {
        side: ledger.account_of(story.enrollment(), kind=kind)
        for side, kind in {"debit": AccountKind.PAYABLE, "credit": AccountKind.BALANCE}.items()
    }
    ordinary = {"amount_minor": 1, "currency": "USD", "kind": "RELEASED", "posted_at": story.now}
    changed = {name: accounts.get(value, value) for name, value in broken.items()}

    with pytest.raises(IntegrityError), transaction.atomic():
        Transfer.objects.create(**{**ordinary, **accounts, "bonus": bonus, **changed})


@pytest.mark.parametrize("step", [lambda rows: rows.update(amount_minor=1), lambda rows: rows.delete()])
def test_the_database_itself_refuses_to_change_or_delete_a_transfer(step):
    story = Story()
    story.earn()

    with pytest.raises(Error, match="append-only"), transaction.atomic():
        step(Transfer.objects.all())


AMOUNTS = st.integers(min_value=1, max_value=25_000)
WHO = st.sampled_from(["rosa", "ben"])
STEPS = st.one_of(
    st.tuples(st.just("earn"), WHO, st.none()),
    st.tuples(st.just("pay"), st.none(), st.none()),
    st.tuples(st.sampled_from(["withdraw", "spend", "transfer"]), WHO, AMOUNTS),
)


class Purse:
    """What the referrers must have, counted on fingers beside the books."""

    def __init__(self, story):
        self.story = story
        self.owed = {"rosa": 0, "ben": 0}
        self.has = {"rosa": 0, "ben": 0}

    def earn(self, who, number):
        self.story.earn(f"account{number}", link=who)
        self.owed[who] += 10_000

    def pay(self):
        self.story.pass_to(self.story.now + timedelta(days=60))
        for who, owed in self.owed.items():
            self.has[who] += owed
            self.owed[who] = 0

    def take(self, step, who, amount_minor):
        other = "ben" if who == "rosa" else "rosa"
        more = {"spend": {"service": "a plan"}, "transfer": {"receiver": self.enrollment(other)}}
        take = getattr(withdrawals, step)
        try:
            take(self.enrollment(who), amount_minor=amount_minor, at=self.story.now, **more.get(step, {}))
        except withdrawals.InsufficientBalance:
            assert amount_minor > self.has[who]
            return
        self.has[who] -= amount_minor
        if step == "transfer":
            self.has[other] += amount_minor

    def enrollment(self, who):
        return self.story.enrollment(getattr(self.story, who))

    def in_the_books(self, kind):
        return {
            who: ledger.balance_minor(ledger.account_of(self.enrollment(who), kind=kind))
            for who in ("rosa", "ben")
        }


def test_whatever_people_do_the_books_say_what_they_have_and_nobody_has_less_than_nothing():
    story = Story(changes={"rewards.new_customer.transferable": True})
    began = story.now

    @settings(max_examples=12, deadline=None)
    @given(st.lists(STEPS, min_size=3, max_size=12))
    def play(steps):
        story.now = began
        with transaction.atomic():
            purse = Purse(story)
            for number, (step, who, amount_minor) in enumerate(steps):
                if step == "earn":
                    purse.earn(who, number)
                elif step == "pay":
                    purse.pay()
                else:
                    purse.take(step, who, amount_minor)

            assert purse.in_the_books(AccountKind.BALANCE) == purse.has
            assert purse.in_the_books(AccountKind.PAYABLE) == purse.owed
            assert min(purse.has.values()) >= 0
            assert sum(ledger.balance_minor(row) for row in LedgerAccount.objects.all()) == 0
            assert verification.breaches() == []
            transaction.set_rollback(True)

    play()
