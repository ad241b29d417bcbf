"""What has been earned becomes a bonus, once: frozen, booked as owed, with its window."""

import logging
from datetime import UTC, date, datetime, timedelta

import pytest

from payouts import accrual, ledger
from payouts.models import Benefit, Bonus, BonusChange, LedgerAccount, Transfer
from payouts.rules.lifecycle import AccountKind
from referrals import qualification
from tests.story import Story, nothing_changes

pytestmark = pytest.mark.django_db


def utc(text):
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def bonuses(**wanted):
    """Bonuses in the order in which they came: account, reward, period, status."""
    rows = Bonus.objects.filter(**wanted).order_by("pk")
    return list(rows.values_list("account__host_account", "reward__code", "period", "status"))


def owed(story, referrer=None):
    payable = LedgerAccount.objects.get(enrollment=story.enrollment(referrer), kind=AccountKind.PAYABLE)
    return sum(payable.credits.values_list("amount_minor", flat=True)) - sum(
        payable.debits.values_list("amount_minor", flat=True)
    )


def test_a_bonus_freezes_what_it_is_for_and_is_booked_as_owed():
    story = Story()
    acme = story.sign_up("acme")
    decision = story.decide(acme)
    story.wait(days=1)
    story.tell(acme, "subscription.started")
    subscribed_at = story.now
    story.wait(hours=1)

    bonus = Bonus.objects.get()

    assert (bonus.account, bonus.enrollment, bonus.terms) == (acme, story.enrollment(), acme.terms)
    assert (bonus.kind, bonus.amount_minor, bonus.currency) == ("ACCOUNT_BALANCE", 10_000, "USD")
    assert (bonus.activated_at, bonus.milestone_at, bonus.anchor_at) == (subscribed_at,) * 3
    assert (bonus.window_opens_on, bonus.window_closes_on) == (date(2026, 3, 16), date(2026, 3, 31))
    assert bonus.opens_at == utc("2026-03-16")
    assert (bonus.decision, bonus.qualified_by, bonus.people_needed) == (decision, story.cara, 2)
    assert (bonus.status, bonus.milestones_hold, bonus.created_at) == ("ACTIVATED", True, story.now)
    assert bonus.explanation == {
        "terms": 1,
        "milestones": [
            {"code": "qualified", "reached_at": decision.decided_at.isoformat()},
            {"code": "qualifying_purchase", "reached_at": subscribed_at.isoformat()},
        ],
        "decision": decision.pk,
        "anchor": "BONUS_ACTIVATED",
        "facts": 1,
    }
    transfer = Transfer.objects.get()
    assert (transfer.kind, transfer.bonus, transfer.amount_minor) == ("ACTIVATED", bonus, 10_000)
    assert (transfer.debit.kind, transfer.credit.kind) == ("EXPENSE", "PAYABLE")
    assert [(c.old_status, c.new_status, c.changed_at) for c in BonusChange.objects.all()] == [
        ("", "ACTIVATED", story.now)
    ]


def test_evaluating_again_changes_nothing():
    story = Story()
    story.earn()

    with nothing_changes():
        story.wait(days=1)


def test_facts_told_later_move_neither_window_nor_amount():
    story = Story()
    acme = story.sign_up("acme")
    story.decide(acme)
    story.now = utc("2026-03-10T10:00")
    story.tell(acme, "subscription.started")
    story.evaluate()
    before = Bonus.objects.values().get()
    story.tell(acme, "payment.received", 900_000, occurred_at=utc("2026-02-20T10:00"))
    story.wait(days=1)

    assert Bonus.objects.values().get() == before


def test_two_accounts_of_two_referrers_are_owed_to_each():
    story = Story()
    story.earn("acme")
    story.earn("beta")
    story.earn("gamma", link="ben")

    assert (owed(story), owed(story, story.ben)) == (20_000, 10_000)


def keep_books_of_ben_in(story, currency):
    """In another currency than the program's, nothing that he earns can be booked."""
    ledger.open_referrer_accounts([story.enrollment(story.ben)])
    LedgerAccount.objects.filter(enrollment=story.enrollment(story.ben)).update(currency=currency)


def test_one_poisoned_account_does_not_stop_the_rest(caplog):
    story = Story()
    for name, link in [("acme", "rosa"), ("beta", "ben"), ("gamma", "rosa")]:
        account = story.sign_up(name, link=link)
        story.decide(account)
        story.tell(account, "subscription.started")
    story.now += timedelta(minutes=11)
    qualification.let_take_effect(as_of=story.now, program=story.program)
    keep_books_of_ben_in(story, "EUR")

    with caplog.at_level(logging.CRITICAL, logger="payouts.accrual"):
        tally = accrual.accrue(as_of=story.now, program=story.program)

    assert (tally.examined, tally.done, tally.failed) == (2, 2, 1)
    [error] = tally.errors
    assert error.startswith("account ")
    assert bonuses() == [
        ("acme", "new_customer", "", "ACTIVATED"),
        ("gamma", "new_customer", "", "ACTIVATED"),
    ]

    keep_books_of_ben_in(story, "USD")
    tally = accrual.accrue(as_of=story.now, program=story.program)

    assert (tally.examined, tally.failed, tally.notes["activated"]) == (1, 0, 1)
    assert bonuses(enrollment=story.enrollment(story.ben)) == [("beta", "new_customer", "", "ACTIVATED")]


def test_only_changed_accounts_are_looked_at():
    story = Story()
    story.earn("acme")
    beta = story.sign_up("beta")
    story.evaluate()
    story.tell(beta, "subscription.started")

    assert accrual.accrue(as_of=story.now).examined == 1
    assert accrual.accrue(as_of=story.now).examined == 0


def test_more_accounts_than_fit_into_one_transaction_are_all_looked_at(monkeypatch):
    monkeypatch.setattr(accrual, "CHUNK", 2)
    story = Story()
    for name in ("one", "two", "three", "four", "five"):
        story.sign_up(name)

    assert accrual.accrue(as_of=story.now).examined == 5


HIGHEST = {
    "terms.stacking": "HIGHEST",
    "rewards.qualified_one": {
        "code": "qualified_one",
        "beneficiary": "REFERRER",
        "requires": ["qualified"],
        "kind": "ACCOUNT_BALANCE",
        "amount": "30.00",
    },
}


def test_of_two_rewards_only_the_higher_is_earned():
    story = Story(changes=HIGHEST)
    story.earn()

    assert bonuses() == [("acme", "new_customer", "", "ACTIVATED")]


def test_a_lower_bonus_that_lives_keeps_the_higher_one_away():
    story = Story(changes=HIGHEST)
    acme = story.sign_up()
    story.decide(acme)
    story.wait(minutes=11)
    story.tell(acme, "subscription.started")
    story.wait(days=1)

    assert bonuses() == [("acme", "qualified_one", "", "ACTIVATED")]


def test_when_the_higher_one_is_cancelled_the_lower_one_comes():
    story = Story(changes=HIGHEST)
    bonus = story.earn()
    story.tell(bonus.account, "subscription.refunded")
    story.pass_to("2026-03-16T00:05Z")
    story.wait(minutes=1)

    assert bonuses() == [
        ("acme", "new_customer", "", "CANCELLED"),
        ("acme", "qualified_one", "", "ACTIVATED"),
    ]


CAP = {"rewards.new_customer.cap": 2}


def test_no_more_bonuses_than_the_cap_allows_in_the_order_in_which_accounts_came():
    story = Story(changes=CAP)
    accounts = [story.sign_up(name) for name in ("acme", "beta", "gamma")]
    for account in reversed(accounts):
        story.decide(account)
        story.tell(account, "subscription.started")
    story.wait(minutes=11)

    assert bonuses() == [("acme", "new_customer", "", "ACTIVATED"), ("beta", "new_customer", "", "ACTIVATED")]


def earn_up_to_the_cap(story, names=("acme", "beta")):
    """Two bonuses, and a third account that has earned one for which there is no room."""
    for name in names:
        story.earn(name)
    gamma = story.sign_up("gamma")
    story.decide(gamma)
    story.tell(gamma, "subscription.started")
    story.wait(minutes=11)
    assert not gamma.bonuses.exists()
    return gamma


def test_a_cap_is_each_referrers_own():
    story = Story(changes=CAP)
    earn_up_to_the_cap(story)
    story.earn("delta", link="ben")

    assert bonuses(enrollment=story.enrollment(story.ben)) == [("delta", "new_customer", "", "ACTIVATED")]


def test_a_bonus_cancelled_when_due_makes_room_for_another_account():
    story = Story(changes=CAP)
    earn_up_to_the_cap(story)
    story.tell("acme", "subscription.refunded")
    story.pass_to("2026-03-16T00:05Z")
    story.wait(minutes=1)

    assert bonuses() == [
        ("acme", "new_customer", "", "CANCELLED"),
        ("beta", "new_customer", "", "PAID"),
        ("gamma", "new_customer", "", "ACTIVATED"),
    ]


def refuse(story, account):
    story.revoke(account)
    story.decide(account, "NOT_QUALIFIED", reason="suspected_fraud", by=story.sam)


def test_a_bonus_cancelled_by_a_refusal_makes_room_for_another_account():
    story = Story(changes=CAP)
    earn_up_to_the_cap(story)
    refuse(story, Bonus.objects.get(account__host_account="acme").account)
    story.wait(minutes=11)
    story.wait(minutes=1)

    assert bonuses() == [
        ("acme", "new_customer", "", "CANCELLED"),
        ("beta", "new_customer", "", "ACTIVATED"),
        ("gamma", "new_customer", "", "ACTIVATED"),
    ]


def test_the_room_is_found_even_if_both_accounts_are_looked_at_together():
    story = Story(changes=CAP)
    gamma = earn_up_to_the_cap(story)
    refuse(story, Bonus.objects.get(account__host_account="acme").account)
    story.now += timedelta(minutes=11)
    story.tell(gamma, "invoice.issued")
    story.evaluate()
    story.wait(minutes=1)

    assert bonuses() == [
        ("acme", "new_customer", "", "CANCELLED"),
        ("beta", "new_customer", "", "ACTIVATED"),
        ("gamma", "new_customer", "", "ACTIVATED"),
    ]


def test_a_paid_bonus_makes_no_room():
    story = Story(changes={**CAP, "terms.clawback": "BY_STAFF"})
    earn_up_to_the_cap(story)
    story.pass_to("2026-03-16T00:05Z")
    story.reverse(Bonus.objects.get(account__host_account="acme"))
    story.wait(days=1)

    assert bonuses() == [("acme", "new_customer", "", "REVERSED"), ("beta", "new_customer", "", "PAID")]


def test_a_new_stretch_earns_anew_what_was_cancelled():
    story = Story()
    bonus = story.earn()
    story.tell(bonus.account, "subscription.refunded")
    story.pass_to("2026-03-16T00:05Z")
    story.wait(days=4)
    assert bonuses() == [("acme", "new_customer", "", "CANCELLED")]

    story.tell(bonus.account, "subscription.started")
    story.evaluate()

    again = Bonus.objects.latest("pk")
    assert bonuses() == [
        ("acme", "new_customer", "", "CANCELLED"),
        ("acme", "new_customer", "", "ACTIVATED"),
    ]
    assert (again.activated_at, again.milestone_at) == (story.now, story.now)
    assert again.opens_at == utc("2026-04-16")
    assert owed(story) == 10_000


def test_a_stretch_that_ended_and_began_again_before_the_payout_is_paid_once():
    story = Story()
    bonus = story.earn()
    story.wait(days=1)
    story.tell(bonus.account, "subscription.refunded")
    story.wait(days=1)
    assert not Bonus.objects.get().milestones_hold
    story.tell(bonus.account, "subscription.started")
    story.pass_to("2026-03-16T00:05Z")

    assert bonuses() == [("acme", "new_customer", "", "PAID")]


def test_a_new_decision_earns_anew_what_a_refusal_cancelled():
    story = Story()
    bonus = story.earn()
    story.revoke(bonus.account)
    story.decide(bonus.account, "NOT_QUALIFIED", reason="already_registered")
    story.wait(minutes=11)
    story.reopen(bonus.account)
    decision = story.decide(bonus.account, by=story.sam)
    story.wait(minutes=11)

    again = Bonus.objects.latest("pk")
    assert bonuses() == [
        ("acme", "new_customer", "", "CANCELLED"),
        ("acme", "new_customer", "", "ACTIVATED"),
    ]
    assert (again.activated_at, again.decision, again.qualified_by) == (
        decision.decided_at,
        decision,
        story.sam,
    )


def test_a_revoked_account_that_is_qualified_again_keeps_its_bonus_and_window():
    story = Story()
    bonus = story.earn()
    story.revoke(bonus.account)
    story.wait(days=40)
    story.decide(bonus.account, by=story.sam)
    story.wait(minutes=11)

    assert bonuses() == [("acme", "new_customer", "", "ACTIVATED")]
    assert Bonus.objects.get().opens_at == bonus.opens_at


def months(story):
    rows = Bonus.objects.order_by("period")
    return [(bonus.period, bonus.activated_at, bonus.window_opens_on) for bonus in rows]


def test_months_are_caught_up_each_with_the_first_instant_of_its_day_where_the_program_is():
    story = Story("smithai-legacy")
    acme = story.sign_up()
    story.tell(acme, "account.activated")
    story.evaluate()
    story.now = utc("2025-04-30T07:00")
    story.evaluate()

    assert months(story) == [
        ("2025-02", utc("2025-02-28T08:00"), date(2025, 2, 28)),
        ("2025-03", utc("2025-03-31T07:00"), date(2025, 3, 31)),
        ("2025-04", utc("2025-04-30T07:00"), date(2025, 4, 30)),
    ]


def test_a_month_comes_by_time_alone():
    story = Story("smithai-legacy")
    acme = story.sign_up()
    story.tell(acme, "account.activated")
    story.evaluate()
    acme.refresh_from_db()
    assert (months(story), acme.evaluate_at) == ([], utc("2025-02-28T08:00"))

    story.now = utc("2025-02-28T08:00")
    story.evaluate()

    acme.refresh_from_db()
    assert [period for period, *_ in months(story)] == ["2025-02"]
    assert acme.evaluate_at == utc("2025-03-31T07:00")


def test_a_month_that_a_fact_told_late_brings_is_caught_up():
    story = Story("smithai-legacy")
    acme = story.sign_up()
    story.now = utc("2025-05-10T12:00")
    story.evaluate()
    story.tell(acme, "account.activated", occurred_at=utc("2025-03-05T12:00"))
    story.evaluate()

    assert [period for period, *_ in months(story)] == ["2025-03", "2025-04"]


def test_a_month_once_there_stays_whatever_is_told_later():
    story = Story("smithai-legacy")
    acme = story.sign_up()
    story.tell(acme, "account.activated")
    story.now = utc("2025-03-01T12:00")
    story.evaluate()
    story.tell(acme, "account.paused", occurred_at=utc("2025-02-20T12:00"))
    story.now = utc("2025-04-10T12:00")
    story.evaluate()

    assert [period for period, *_ in months(story)] == ["2025-02"]


SMITHAI_BILL = {"product": "virtual_receptionist"}


@pytest.mark.parametrize(("bill_minor", "discount_minor"), [(23_500, 10_000), (4_000, 4_000)])
def test_a_discount_is_at_most_the_bill_and_stays_what_it_was(bill_minor, discount_minor):
    story = Story("smithai")
    acme = story.sign_up()
    story.tell(acme, "invoice.issued", bill_minor, **SMITHAI_BILL)
    billed_at = story.now
    story.wait(minutes=5)
    story.tell(acme, "invoice.issued", 1_000, occurred_at=billed_at, **SMITHAI_BILL)
    story.wait(minutes=5)

    [benefit] = Benefit.objects.all()
    assert (benefit.account, benefit.kind, benefit.amount_minor) == (acme, "DISCOUNT", discount_minor)
    assert (benefit.earned_at, benefit.granted_at, benefit.status) == (
        billed_at,
        billed_at + timedelta(minutes=5),
        "GRANTED",
    )
    assert (benefit.currency, benefit.product, benefit.quantity) == ("USD", "virtual_receptionist", None)


def test_a_free_month_has_no_amount_and_is_granted_once():
    story = Story("upwork-2019")
    ann = story.sign_up("ann")
    story.wait(minutes=1)
    story.tell(ann, "earning.posted", 100)
    story.wait(minutes=1)

    [benefit] = Benefit.objects.all()
    assert (benefit.kind, benefit.quantity, benefit.amount_minor, benefit.currency) == (
        "FREE_MONTHS",
        1,
        None,
        "",
    )


def test_nothing_is_granted_while_a_decision_waits_or_staff_review():
    benefit = {
        "code": "welcome",
        "beneficiary": "REFERRED",
        "requires": ["signed_up"],
        "kind": "ACCOUNT_CREDIT",
        "amount": "5.00",
    }
    story = Story(changes={"rewards.welcome": benefit})
    acme = story.sign_up()
    story.evaluate()
    assert not Benefit.objects.exists()

    story.decide(acme)
    story.wait(minutes=9)
    assert not Benefit.objects.exists()

    story.wait(minutes=1)
    assert [(each.kind, each.amount_minor) for each in Benefit.objects.all()] == [("ACCOUNT_CREDIT", 500)]


ANCHORS = {
    "BONUS_ACTIVATED": utc("2026-03-05T10:00"),
    "FIRST_PAYMENT": utc("2026-02-03T10:00"),
    "MILESTONE_REACHED": utc("2026-02-20T10:00"),
}


@pytest.mark.parametrize("anchor", ANCHORS)
def test_the_window_is_counted_from_the_anchor_of_the_schedule(anchor):
    story = Story(
        changes={
            "payout_schedule.anchor": anchor,
            "rewards.new_customer.requires": ["subscribed"],
            "payout_schedule.opens": {"day": 1},
        }
    )
    acme = story.sign_up()
    story.now = utc("2026-02-03T10:00")
    story.tell(acme, "payment.received", 0, occurred_at=utc("2026-02-02T11:00"))
    story.tell(acme, "payment.received", 100)
    story.now = utc("2026-02-20T10:00")
    story.tell(acme, "subscription.started")
    story.now = utc("2026-03-05T10:00")
    story.decide(acme)
    story.wait(minutes=11)

    bonus = Bonus.objects.get()
    assert bonus.anchor_at == ANCHORS[anchor]
    assert bonus.opens_at == utc(f"2026-{ANCHORS[anchor].month + 1:02d}-01")


def test_without_any_payment_the_activation_is_the_anchor():
    story = Story(changes={"payout_schedule.anchor": "FIRST_PAYMENT"})
    bonus = story.earn()

    assert bonus.anchor_at == bonus.activated_at


def test_an_account_that_is_not_qualified_earns_nothing():
    story = Story()
    acme = story.sign_up()
    story.tell(acme, "subscription.started")
    story.wait(days=1)
    story.decide(acme)
    story.wait(minutes=9)

    assert not Bonus.objects.exists()


def test_a_refused_account_loses_its_unpaid_bonus_at_once():
    story = Story()
    bonus = story.earn()
    refuse(story, bonus.account)
    story.wait(minutes=11)

    bonus.refresh_from_db()
    assert (bonus.status, bonus.cancel_reason) == ("CANCELLED", "qualification_revoked")
    assert owed(story) == 0
