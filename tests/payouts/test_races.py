"""
Two at once: of two steps that exclude each other one comes first, and the other sees it.

A race with a negative control beside it: the same race without its guard goes wrong, so it is the guard that
makes it go right. Where luck would decide whether two steps overlap, the first one lingers before its end.
"""

import time
from collections import Counter
from datetime import datetime, timedelta
from functools import partial
from threading import Barrier, Event

import pytest
from django.db import models

from payouts import accrual, batches, cancellations, holds, ledger, release, verification, withdrawals
from payouts.models import BatchChange, Bonus, BonusChange, Hold, Payout, PayoutBatch, Transfer, Withdrawal
from payouts.models.bonus import BonusQuerySet
from payouts.rules.lifecycle import AccountKind
from referrals import qualification
from referrals.models import ReferredAccount
from tests.story import Story, at_once

pytestmark = pytest.mark.django_db(transaction=True)

DUE = "2026-03-16T00:05Z"


def due_story(*names, changes=None):
    """Accounts of Rosa and of Ben, by turns, whose bonuses are due and not looked at yet."""
    story = Story(changes=changes)
    for number, name in enumerate(names):
        story.earn(name, link=("rosa", "ben")[number % 2])
    story.now = datetime.fromisoformat(DUE)
    story.evaluate()
    return story


def releasing(story, size=1):
    return lambda: release.release_due(as_of=story.now, program=story.program, size=size).done


def lingering(monkeypatch, **changes):
    """Whoever changes bonuses so waits a moment before the transaction ends; set when it has come to that."""
    swap = BonusQuerySet.update
    changed = Event()

    def update_and_linger(bonuses, **asked):
        rows = swap(bonuses, **asked)
        if changes.items() <= asked.items():
            changed.set()
            time.sleep(0.2)
        return rows

    monkeypatch.setattr(BonusQuerySet, "update", update_and_linger)
    return changed


def after(event, step):
    """Take the step when the event has come."""

    def wait_and_take():
        assert event.wait(timeout=20)
        return step()

    return wait_and_take


def found():
    return [breach.message for breach in verification.breaches()]


@pytest.mark.parametrize("mode", ["AUTOMATIC", "AFTER_APPROVAL"])
def test_two_releases_at_once_pay_each_bonus_once(mode):
    story = due_story("one", "two", "three", "four", "five", "six", changes={"payout_schedule.release": mode})
    if mode == "AFTER_APPROVAL":
        batches.prepare(as_of=story.now, program=story.program)
        story.approve_all()

    paid = at_once(*[releasing(story)] * 2)

    assert sum(paid) == 6
    assert list(Bonus.objects.values_list("status", flat=True)) == ["PAID"] * 6
    assert Counter(Transfer.objects.values_list("kind", flat=True)) == {"ACTIVATED": 6, "RELEASED": 6}
    assert sum(Payout.objects.values_list("amount_minor", flat=True)) == 60_000
    assert set(PayoutBatch.objects.values_list("status", flat=True)) == {"RELEASED"}


def test_without_the_claim_the_books_still_refuse_a_second_payment(monkeypatch):
    story = due_story("one", "two")
    monkeypatch.setattr(BonusQuerySet, "unpaid", lambda bonuses: bonuses.all())
    monkeypatch.setattr(models.QuerySet, "select_for_update", lambda rows, **_: rows)
    first_is_paying = lingering(monkeypatch, status="PAID")

    paid, refused = at_once(releasing(story, size=10), after(first_is_paying, releasing(story, size=10)))

    assert (paid, refused) == (2, 0)
    assert list(Bonus.objects.values_list("status", flat=True)) == ["PAID"] * 2
    assert Transfer.objects.filter(kind="RELEASED").count() == 2


def holding(story, bonus):
    return lambda: holds.place(bonus, reason="a question", by=story.fay, at=story.now)


def test_of_a_hold_and_a_release_at_once_exactly_one_gets_the_bonus():
    story = due_story("one", "two", "three", "four")

    paid, *placed = at_once(
        releasing(story), *[holding(story, bonus) for bonus in Bonus.objects.order_by("-pk")]
    )

    accepted = [each for each in placed if isinstance(each, Hold)]
    assert {type(each) for each in placed} <= {Hold, holds.AlreadyPaid}
    assert paid + len(accepted) == 4
    assert set(Bonus.objects.filter(on_hold=True).values_list("pk", "status")) == {
        (hold.bonus_id, "ACTIVATED") for hold in accepted
    }


@pytest.mark.plants_breaches
def test_without_the_swap_a_hold_is_accepted_and_paid_through(monkeypatch):
    story = due_story("one")
    bonus = Bonus.objects.get()
    looked_and_paid = Barrier(2)
    swap = BonusQuerySet.update

    def look_only(bonuses, **changes):
        if changes != {"on_hold": True}:
            return swap(bonuses, **changes)
        looked_at = bonuses.count()
        looked_and_paid.wait(timeout=20)
        return looked_at

    def release_when_looked_at():
        paid = releasing(story)()
        looked_and_paid.wait(timeout=20)
        return paid

    monkeypatch.setattr(BonusQuerySet, "update", look_only)
    monkeypatch.setattr(holds, "place", holds.place.__wrapped__)

    hold, paid = at_once(holding(story, bonus), release_when_looked_at)

    bonus.refresh_from_db()
    assert (hold.lifted_at, paid, bonus.status) == (None, 1, "PAID")


def test_two_runs_at_once_ask_about_a_late_bonus_once(monkeypatch):
    story = due_story("one", "two", changes={"payout_schedule.late_policy": "HOLD"})
    story.now += timedelta(days=30)
    first_has_asked = lingering(monkeypatch, on_hold=True)
    run = partial(batches.prepare, as_of=story.now, program=story.program)

    at_once(run, after(first_has_asked, run))

    assert sorted(Hold.objects.values_list("bonus", "reason")) == [
        (pk, "late") for pk in sorted(Bonus.objects.values_list("pk", flat=True))
    ]


def with_balance():
    """Rosa has 100.00."""
    story = due_story("acme")
    releasing(story)()
    return story


def withdrawing(story, amount_minor, withdraw=withdrawals.withdraw):
    enrollment = story.enrollment()
    return lambda: withdraw(enrollment, amount_minor=amount_minor, at=story.now)


def balance_minor(story):
    return ledger.balance_minor(ledger.account_of(story.enrollment(), kind=AccountKind.BALANCE))


def test_of_two_withdrawals_of_one_balance_only_one_fits():
    story = with_balance()

    given = at_once(*[withdrawing(story, 6_000)] * 2)

    assert Counter(type(each) for each in given) == {Withdrawal: 1, withdrawals.InsufficientBalance: 1}
    assert balance_minor(story) == 4_000


@pytest.mark.plants_breaches
def test_without_transaction_and_lock_both_withdrawals_fit_and_the_verifier_finds_it(monkeypatch):
    story = with_balance()
    both_have_summed = Barrier(2)
    balance = ledger.balance_minor

    def balance_and_wait(account):
        there = balance(account)
        both_have_summed.wait(timeout=20)
        return there

    monkeypatch.setattr(ledger, "lock", lambda account: None)
    monkeypatch.setattr(ledger, "balance_minor", balance_and_wait)
    without_transaction = withdrawals.withdraw.__wrapped__

    given = at_once(*[withdrawing(story, 6_000, without_transaction)] * 2)

    monkeypatch.undo()
    assert [type(each) for each in given] == [Withdrawal, Withdrawal]
    assert balance_minor(story) == -2_000
    assert found() == ["payables, balances and credits below zero, reversals left aside"]


def put_up_story():
    story = due_story("one", "two", changes={"payout_schedule.release": "AFTER_APPROVAL"})
    batches.prepare(as_of=story.now, program=story.program)
    batches.put_up(PayoutBatch.objects.get(), by=story.fay, at=story.now)
    return story


def approving(story):
    """Finn and Sam, each with the batch before him."""
    return [
        partial(batches.approve, PayoutBatch.objects.get(), by=by, at=story.now)
        for by in (story.finn, story.sam)
    ]


def test_a_batch_that_is_voided_while_it_is_paid_leaves_a_whole_trail(monkeypatch):
    story = due_story("one", "two", changes={"payout_schedule.release": "AFTER_APPROVAL"})
    batches.prepare(as_of=story.now, program=story.program)
    story.approve_all()
    batch = PayoutBatch.objects.get()
    paying = lingering(monkeypatch, status="PAID")
    void = partial(batches.void, batch, by=story.sam, at=story.now)

    paid, _ = at_once(releasing(story, size=10), after(paying, void))

    assert (paid, set(Bonus.objects.values_list("status", flat=True))) == (2, {"PAID"})
    assert found() == []


def test_bonuses_that_are_cancelled_while_they_are_approved_leave_a_whole_trail(monkeypatch):
    story = put_up_story()
    batch = PayoutBatch.objects.get()
    cancelling = lingering(monkeypatch, status="CANCELLED")
    cancel = partial(cancellations.cancel_each, Bonus.objects.unpaid(), reason="for_a_test", at=story.now)
    approve = partial(batches.approve, batch, by=story.finn, at=story.now)

    cancelled, approval = at_once(cancel, after(cancelling, approve))

    batch.refresh_from_db()
    assert (cancelled, type(approval), batch.status) == (2, batches.ContentChanged, "DRAFT")
    assert found() == []


def two_for_one_place():
    """Two accounts of Rosa have earned a bonus of which she can have one."""
    story = Story(changes={"rewards.new_customer.cap": 1})
    for name in ("acme", "beta"):
        account = story.sign_up(name)
        story.decide(account)
        story.tell(account, "subscription.started")
    story.now += timedelta(minutes=11)
    qualification.let_take_effect(as_of=story.now)
    return story


def evaluating(story, chunk=accrual.Accrual.chunk):
    return [
        partial(chunk, accrual.Accrual(as_of=story.now), [pk])
        for pk in ReferredAccount.objects.order_by("pk").values_list("pk", flat=True)
    ]


def test_two_accounts_evaluated_at_once_do_not_get_past_a_cap(monkeypatch):
    story = two_for_one_place()
    book = accrual._book

    def book_and_linger(new, *, at):
        book(new, at=at)
        time.sleep(0.2)

    monkeypatch.setattr(accrual, "_book", book_and_linger)

    at_once(*evaluating(story))

    assert Bonus.objects.count() == 1


@pytest.mark.plants_breaches
def test_without_transaction_and_lock_they_do_and_the_verifier_finds_it(monkeypatch):
    story = two_for_one_place()
    both_have_counted = Barrier(2)
    book = accrual._book

    def wait_and_book(new, *, at):
        both_have_counted.wait(timeout=20)
        book(new, at=at)

    monkeypatch.setattr(models.QuerySet, "select_for_update", lambda rows, **_: rows)
    monkeypatch.setattr(accrual, "_book", wait_and_book)

    at_once(*evaluating(story, accrual.Accrual.chunk.__wrapped__))

    monkeypatch.undo()
    assert found() == ["enrollments with more bonuses of a reward than its cap"]


def approvals():
    return (
        BatchChange.objects.filter(new_status="APPROVED").count(),
        BonusChange.objects.filter(new_status="APPROVED").count(),
    )


def test_of_two_approvals_at_once_one_counts():
    story = put_up_story()

    given = at_once(*approving(story))

    assert Counter(type(each) for each in given) == {type(None): 1, batches.StepNotAllowed: 1}
    assert approvals() == (1, 2)


@pytest.mark.plants_breaches
def test_without_the_swap_both_approvals_count_and_the_verifier_finds_it(monkeypatch):
    story = put_up_story()
    both_have_looked = Barrier(2)
    sign = batches._sign
    swap = models.QuerySet.update

    def wait_and_sign(batch, **more):
        # Both have seen what was put up; only now do they write.
        both_have_looked.wait(timeout=20)
        return sign(batch, **more)

    def overwrite(rows, **changes):
        if rows.model is PayoutBatch:
            rows = PayoutBatch.objects.all()
        return swap(rows, **changes)

    monkeypatch.setattr(models.QuerySet, "select_for_update", lambda rows, **_: rows)
    monkeypatch.setattr(batches, "_sign", wait_and_sign)
    monkeypatch.setattr(batches, "_approve", batches._approve.__wrapped__)
    monkeypatch.setattr(models.QuerySet, "update", overwrite)

    given = at_once(*approving(story))

    monkeypatch.undo()
    assert given == [None, None]
    assert approvals()[0] == 2
    assert "batches whose trail is broken" in found()
