"""Paying what is due: chunk by chunk, referrer by referrer, each bonus once."""

from datetime import date, datetime

import pytest
from django.db import IntegrityError, transaction

from payouts import ledger, release
from payouts.models import Bonus, LedgerAccount, Payout, PayoutBatch, Transfer
from payouts.rules.lifecycle import AccountKind
from referrals import enrollment
from tests.factories import ProgramFactory
from tests.story import Story, nothing_changes

pytestmark = pytest.mark.django_db

DUE = "2026-03-16T00:05Z"


def balance_minor(story, referrer=None, kind=AccountKind.BALANCE):
    account = LedgerAccount.objects.get(enrollment=story.enrollment(referrer), kind=kind)
    return ledger.balance_minor(account)


def outcome():
    rows = Bonus.objects.order_by("pk")
    return list(rows.values_list("account__host_account", "status"))


def earn_for(story, **names):
    """Accounts for each referrer: ``earn_for(story, rosa=3, ben=2)`` are rosa1 to rosa3, ben1 and ben2."""
    for referrer, many in names.items():
        for number in range(1, many + 1):
            story.earn(f"{referrer}{number}", link=referrer)


def release_due(story, *, at=DUE, **more):
    story.now = datetime.fromisoformat(at)
    return release.release_due(as_of=story.now, program=story.program, **more)


def test_a_paid_bonus_says_when_it_was_paid_in_which_batch_and_payout():
    story = Story()
    bonus = story.earn()
    story.pass_to(DUE)

    bonus.refresh_from_db()
    assert (bonus.status, bonus.paid_at, bonus.released_on, bonus.days_late) == (
        "PAID",
        story.now,
        date(2026, 3, 16),
        0,
    )
    transfer = Transfer.objects.get(kind="RELEASED")
    assert (transfer.bonus, transfer.debit.kind, transfer.credit.kind) == (bonus, "PAYABLE", "BALANCE")
    assert (transfer.amount_minor, transfer.currency, transfer.posted_at) == (10_000, "USD", story.now)
    assert list(bonus.changes.values_list("old_status", "new_status", "changed_at")) == [
        ("", "ACTIVATED", bonus.created_at),
        ("ACTIVATED", "APPROVED", story.now),
        ("APPROVED", "PAID", story.now),
    ]
    payout = Payout.objects.get()
    assert (bonus.payout, bonus.batch) == (payout, payout.batch)
    assert (payout.enrollment, payout.amount_minor, payout.currency) == (bonus.enrollment, 10_000, "USD")
    assert list(payout.changes.values_list("old_status", "new_status", "changed_at")) == [
        ("", payout.status, story.now)
    ]
    assert payout.batch.status == "RELEASED"


def test_nothing_is_paid_before_its_window_opens():
    story = Story()
    story.earn()

    with nothing_changes():
        assert release_due(story, at="2026-03-15T23:59:59.999999Z").done == 0
    assert release_due(story, at="2026-03-16T00:00Z").done == 1


def test_a_window_opens_where_the_schedule_is():
    story = Story(changes={"payout_schedule.time_zone": "America/Los_Angeles"})
    story.earn()

    assert release_due(story, at="2026-03-16T06:59Z").done == 0
    assert release_due(story, at="2026-03-16T07:00Z").done == 1
    assert Bonus.objects.get().released_on == date(2026, 3, 16)


@pytest.mark.parametrize("size", [1, 2, 100])
def test_whatever_the_chunks_everything_is_paid_once_and_each_referrer_by_one_payout(size):
    story = Story()
    story.referrer("cleo")
    earn_for(story, rosa=2, ben=4, cleo=1)

    tally = release_due(story, size=size)

    assert (tally.done, tally.examined) == (7, 7)
    assert {status for _, status in outcome()} == {"PAID"}
    payouts = Payout.objects.order_by("enrollment")
    assert [(p.enrollment.referrer.host_account, p.amount_minor, p.bonuses.count()) for p in payouts] == [
        ("rosa", 20_000, 2),
        ("ben", 40_000, 4),
        ("cleo", 10_000, 1),
    ]
    batch = PayoutBatch.objects.get()
    assert (batch.status, batch.automatic, batch.bonuses.count()) == ("RELEASED", True, 7)
    assert balance_minor(story, story.ben) == 40_000


def test_a_run_after_a_run_does_nothing():
    story = Story()
    earn_for(story, rosa=2, ben=1)
    release_due(story)

    with nothing_changes():
        assert release_due(story).done == 0
        assert release_due(story, at="2026-03-17T00:05Z").done == 0


def test_two_runs_on_a_day_pay_by_two_batches():
    story = Story()
    earn_for(story, rosa=2)
    story.tell("rosa2", "invoice.issued")
    release_due(story)
    story.evaluate()
    release_due(story, at="2026-03-16T12:05Z")

    batches = PayoutBatch.objects.order_by("pk")
    assert [(b.run_on, b.sequence, b.status, b.bonuses.count()) for b in batches] == [
        (date(2026, 3, 16), 1, "RELEASED", 1),
        (date(2026, 3, 16), 2, "RELEASED", 1),
    ]


MINIMUM = {"payout_schedule.minimum": "250.00"}


@pytest.mark.parametrize("size", [2, 100])
def test_a_minimum_is_measured_by_whole_referrer_whatever_the_chunks(size):
    story = Story(changes=MINIMUM)
    earn_for(story, rosa=2, ben=4)

    assert release_due(story, size=size).done == 4
    assert outcome() == [
        ("rosa1", "ACTIVATED"),
        ("rosa2", "ACTIVATED"),
        ("ben1", "PAID"),
        ("ben2", "PAID"),
        ("ben3", "PAID"),
        ("ben4", "PAID"),
    ]


def test_what_is_below_the_minimum_is_carried_over_until_there_is_enough():
    story = Story(changes=MINIMUM)
    earn_for(story, rosa=2)
    story.pass_to(DUE)
    assert {status for _, status in outcome()} == {"ACTIVATED"}

    story.earn("later")
    story.pass_to("2026-04-16T00:05Z")
    assert {status for _, status in outcome()} == {"PAID"}
    assert Payout.objects.get().amount_minor == 30_000
    assert list(Bonus.objects.order_by("pk").values_list("days_late", flat=True)) == [16, 16, 0]


def test_exactly_the_minimum_is_enough():
    story = Story(changes={"payout_schedule.minimum": "200.00"})
    earn_for(story, rosa=2)

    assert release_due(story).done == 2


def test_what_waits_or_fails_does_not_count_towards_the_minimum():
    story = Story(changes={"payout_schedule.minimum": "200.00"})
    earn_for(story, rosa=2)
    story.tell("rosa1", "subscription.refunded")
    story.pass_to(DUE)

    assert outcome() == [("rosa1", "CANCELLED"), ("rosa2", "ACTIVATED")]


def test_a_minimum_is_measured_by_kind():
    cash = {
        "code": "cash_too",
        "beneficiary": "REFERRER",
        "requires": ["qualified"],
        "kind": "CASH",
        "amount": "250.00",
    }
    story = Story(changes={**MINIMUM, "rewards.cash_too": cash})
    account = story.sign_up()
    story.decide(account)
    story.tell(account, "subscription.started")
    story.wait(minutes=11)
    story.pass_to(DUE)

    assert list(Bonus.objects.order_by("kind").values_list("kind", "status")) == [
        ("ACCOUNT_BALANCE", "ACTIVATED"),
        ("CASH", "PAID"),
    ]


def test_a_minimum_counts_what_is_approved_and_what_waits_for_approval():
    story = Story(changes={**MINIMUM, "payout_schedule.release": "AFTER_APPROVAL"})
    earn_for(story, rosa=3)
    story.pass_to(DUE)
    story.approve_all()
    story.earn("later")
    story.pass_to("2026-04-16T00:05Z")

    assert [status for _, status in outcome()] == ["PAID", "PAID", "PAID", "ACTIVATED"]


KINDS = {
    "ACCOUNT_BALANCE": ("CREDITED", {"BALANCE": 10_000, "CREDIT": 0}),
    "ACCOUNT_CREDIT": ("CREDITED", {"BALANCE": 0, "CREDIT": 10_000}),
    "CASH": ("PREPARED", {"BALANCE": 0, "CREDIT": 0}),
}


@pytest.mark.parametrize("kind", KINDS)
def test_balance_and_credit_are_credited_and_cash_is_prepared_to_be_sent(kind):
    status, balances = KINDS[kind]
    story = Story(changes={"rewards.new_customer.kind": kind, "rewards.new_customer.withdrawable": False})
    story.earn()
    story.pass_to(DUE)

    assert (Payout.objects.get().status, PayoutBatch.objects.get().kind) == (status, kind)
    assert {of: balance_minor(story, kind=AccountKind(of)) for of in balances} == balances
    assert balance_minor(story, kind=AccountKind.PAYABLE) == 0


@pytest.mark.parametrize(
    ("at", "days_late"), [("2026-03-31T23:59Z", 0), ("2026-04-01T00:00Z", 1), ("2026-05-01T00:05Z", 31)]
)
def test_days_late_are_counted_from_the_last_day_of_the_window(at, days_late):
    story = Story()
    story.earn()
    story.pass_to(at)

    assert Bonus.objects.get().days_late == days_late


def test_each_bonus_of_a_run_counts_its_own_days():
    story = Story()
    story.earn("early")
    story.now = datetime.fromisoformat("2026-03-02T10:00Z")
    story.earn("middle")
    story.now = datetime.fromisoformat("2026-04-02T10:00Z")
    story.earn("recent")
    story.pass_to("2026-05-20T00:05Z")

    assert list(Bonus.objects.order_by("pk").values_list("days_late", flat=True)) == [50, 20, 0]


def test_the_bonus_of_a_suspended_referrer_waits():
    story = Story()
    earn_for(story, rosa=1, ben=1)
    enrollment.suspend(story.rosa, program=story.program, by=story.fay, at=story.now, reason="a question")
    story.pass_to(DUE)
    assert outcome() == [("rosa1", "ACTIVATED"), ("ben1", "PAID")]

    enrollment.resume(story.rosa, program=story.program, by=story.fay, at=story.now)
    story.pass_to("2026-03-17T00:05Z")
    assert outcome() == [("rosa1", "PAID"), ("ben1", "PAID")]


def test_the_bonus_of_an_account_in_review_waits_for_the_new_decision():
    story = Story()
    bonus = story.earn()
    story.revoke(bonus.account)
    story.pass_to(DUE)
    assert outcome() == [("acme", "ACTIVATED")]

    story.decide(bonus.account, by=story.sam)
    story.now = datetime.fromisoformat("2026-03-16T12:00Z")
    story.pass_to("2026-03-17T00:05Z")
    assert outcome() == [("acme", "PAID")]


def test_the_bonus_of_an_account_with_facts_not_looked_at_yet_waits():
    """A refund that was told just now could be among them."""
    story = Story()
    earn_for(story, rosa=2)
    story.tell("rosa1", "subscription.refunded")

    assert release_due(story).done == 1
    assert outcome() == [("rosa1", "ACTIVATED"), ("rosa2", "PAID")]

    story.pass_to("2026-03-16T12:05Z")
    assert outcome() == [("rosa1", "CANCELLED"), ("rosa2", "PAID")]


def test_the_condition_is_looked_at_again_when_an_approved_bonus_is_paid():
    story = Story(changes={"payout_schedule.release": "AFTER_APPROVAL"})
    earn_for(story, rosa=2)
    story.pass_to(DUE)
    story.approve_all()
    story.tell("rosa1", "subscription.refunded")
    story.evaluate()

    assert release_due(story, at="2026-03-17T00:05Z").done == 1
    assert outcome() == [("rosa1", "APPROVED"), ("rosa2", "PAID")]


def test_only_the_program_that_was_asked_for_is_paid():
    story = Story()
    story.earn()
    due = datetime.fromisoformat(DUE)

    assert release.release_due(as_of=due, program=ProgramFactory()).done == 0
    assert release.release_due(as_of=due).done == 1


def test_a_chunk_that_fails_pays_nothing_of_itself_and_what_was_paid_before_stays():
    story = Story()
    earn_for(story, rosa=1, ben=1)
    # Ben's balance is gone, so that his bonus cannot be booked.
    LedgerAccount.objects.filter(enrollment=story.enrollment(story.ben), kind="BALANCE").delete()

    tally = release_due(story, size=1)

    assert (tally.done, tally.failed) == (1, 1)
    assert outcome() == [("rosa1", "PAID"), ("ben1", "ACTIVATED")]
    LedgerAccount.objects.create(
        kind="BALANCE", program=story.program, enrollment=story.enrollment(story.ben), currency="USD"
    )
    assert release_due(story, at="2026-03-17T00:05Z").done == 1
    assert set(PayoutBatch.objects.values_list("status", flat=True)) == {"RELEASED"}


def test_a_chunk_whose_claim_did_not_hold_is_rolled_back_whole(monkeypatch):
    """Negative control of the claim: so it goes if a bonus is held between its claim and its payment."""
    story = Story()
    earn_for(story, rosa=2)
    post_for_each = ledger.post_for_each

    def hold_and_post(bonuses, **booked):
        Bonus.objects.filter(account__host_account="rosa1").update(on_hold=True)
        return post_for_each(bonuses, **booked)

    monkeypatch.setattr(ledger, "post_for_each", hold_and_post)

    # Neither paid nor failed: the next run tries again.
    tally = release_due(story)
    assert (tally.done, tally.failed) == (0, 0)
    assert outcome() == [("rosa1", "ACTIVATED"), ("rosa2", "ACTIVATED")]
    assert not Transfer.objects.filter(kind="RELEASED").exists()
    assert not PayoutBatch.objects.exists()


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"status": "PAID"}, id="paid without payout"),
        pytest.param({"paid_at": datetime.fromisoformat("2026-03-15T00:00Z")}, id="paid before its window"),
        pytest.param({"on_hold": True, "status": "PAID"}, id="paid on hold"),
        pytest.param({"status": "CANCELLED"}, id="cancelled without reason"),
        pytest.param({"amount_minor": 0}, id="worth nothing"),
    ],
)
def test_the_database_itself_refuses_a_bonus_that_is(changes):
    story = Story()
    story.earn()

    with pytest.raises(IntegrityError), transaction.atomic():
        Bonus.objects.update(**changes)
