"""One poisoned row does not stop the rest: it is told in the row of the job, and tried again."""

from datetime import datetime, timedelta
from io import StringIO

import pytest
import time_machine
from django.core.management import CommandError, call_command
from django.db.models import Model

from payouts import batches, explain, holds, ledger, release, sweeps
from payouts.models import Bonus, Hold, LedgerAccount, Payout
from referrals import jobs, qualification
from referrals.jobs import Tally
from referrals.models import FailingPart, JobRun
from tests.factories import LATER, booked_bonus
from tests.story import Story

pytestmark = pytest.mark.django_db

DUE = datetime.fromisoformat("2026-03-16T00:05Z")


def poisoned(story, referrer):
    """Nothing can be paid to this referrer: an account in the books is gone. Returns what heals it."""
    enrollment = story.enrollment(referrer)
    account = LedgerAccount.objects.get(enrollment=enrollment, kind="BALANCE")
    account.delete()
    return lambda: ledger.open_referrer_accounts([enrollment])


def statuses():
    return dict(Bonus.objects.values_list("account__host_account", "status"))


def unable(monkeypatch, module, name, *, is_poisoned):
    """Have a step break off for what is poisoned."""
    step = getattr(module, name)

    def break_off(*args, **more):
        if is_poisoned(*args, **more):
            raise ZeroDivisionError("poison")
        return step(*args, **more)

    monkeypatch.setattr(module, name, break_off)


@pytest.mark.parametrize("size", [1, 2, 100])
def test_a_referrer_who_cannot_be_paid_does_not_stop_the_others_of_the_chunk(size):
    story = Story()
    for name, link in [("one", "rosa"), ("two", "ben"), ("three", "rosa"), ("four", "ben")]:
        story.earn(name, link=link)
    heal = poisoned(story, story.rosa)

    tally = release.release_due(as_of=DUE, size=size)

    assert statuses() == {"one": "ACTIVATED", "two": "PAID", "three": "ACTIVATED", "four": "PAID"}
    assert (tally.examined, tally.done, tally.failed) == (3, 2, 1)
    assert tally.errors[0].startswith(f"enrollment {story.enrollment().pk}: IntegrityError: ")

    heal()
    assert release.release_due(as_of=DUE, size=size).done == 2
    assert set(statuses().values()) == {"PAID"}
    assert sorted(Payout.objects.values_list("amount_minor", flat=True)) == [20_000, 20_000]


def test_a_program_that_cannot_be_paid_does_not_stop_the_others(monkeypatch):
    sick, well = booked_bonus(), booked_bonus()
    unable(monkeypatch, release.due, "due", is_poisoned=lambda schedule, **_: schedule.terms == sick.terms)

    tally = release.release_due(as_of=LATER)

    assert list(Bonus.objects.filter(status="PAID")) == [well]
    assert (tally.done, tally.errors) == (1, [f"{sick.terms}: ZeroDivisionError: poison"])


def test_what_is_held_at_the_last_moment_is_no_failure(monkeypatch):
    story = Story()
    story.earn()
    post = ledger.post_for_each

    def hold_and_post(bonuses, **more):
        Bonus.objects.filter(pk__in=list(bonuses.values_list("pk", flat=True))).update(on_hold=True)
        return post(bonuses, **more)

    monkeypatch.setattr(ledger, "post_for_each", hold_and_post)

    tally = release.release_due(as_of=DUE)

    # The hold was part of the chunk, and went with it.
    assert (tally.done, tally.failed, statuses()) == (0, 0, {"acme": "ACTIVATED"})
    assert Payout.objects.count() == 0


def test_a_schedule_that_cannot_be_prepared_does_not_stop_the_others(monkeypatch):
    by_hand = {"account__enrollment__program__terms__schedule__release": "AFTER_APPROVAL"}
    sick, well = booked_bonus(**by_hand), booked_bonus(**by_hand)
    unable(monkeypatch, batches, "_draft", is_poisoned=lambda schedule, **_: schedule.terms == sick.terms)

    tally = batches.prepare(as_of=LATER)

    assert list(Bonus.objects.exclude(batch=None)) == [well]
    assert (tally.done, tally.errors) == (1, [f"{sick.terms}: ZeroDivisionError: poison"])


def test_a_decision_that_cannot_take_effect_does_not_stop_those_after_it(monkeypatch):
    story = Story()
    accounts = [story.sign_up(name) for name in ("one", "two", "three")]
    for account in accounts:
        story.decide(account)
    unable(monkeypatch, qualification, "take_effect", is_poisoned=lambda account, **_: account == accounts[1])

    tally = sweeps.let_decisions_take_effect(as_of=DUE)

    assert (tally.examined, tally.done) == (3, 2)
    assert tally.errors == [f"account {accounts[1].pk}: ZeroDivisionError: poison"]
    with pytest.raises(ZeroDivisionError):
        qualification.let_take_effect(as_of=DUE)


def test_terms_that_cannot_give_up_do_not_stop_the_other_sweeps(monkeypatch):
    story = Story()
    story.sign_up()
    unable(monkeypatch, sweeps.desk, "give_up_unreachable", is_poisoned=lambda *_, **__: True)

    tally = sweeps.give_up_unreachable(as_of=DUE)

    assert (tally.done, tally.errors) == (0, ["smartcat terms 1: ZeroDivisionError: poison"])


def test_a_tick_goes_on_after_a_sweep_that_breaks_off(monkeypatch):
    Story().earn()
    monkeypatch.setitem(sweeps.SWEEPS, "prepare_batches", lambda *, as_of: 1 // 0)
    said, complained = StringIO(), StringIO()

    with time_machine.travel(DUE, tick=False), pytest.raises(CommandError, match="1 failed"):
        call_command("tick", stdout=said, stderr=complained)

    assert complained.getvalue() == "prepare_batches: ZeroDivisionError: integer division or modulo by zero\n"
    assert "release: examined 1, done 1, failed 0\n" in said.getvalue()
    assert statuses() == {"acme": "PAID"}


def test_the_jobs_of_one_program_tell_what_failed_and_do_the_rest():
    story = Story()
    story.earn("one", link="rosa")
    story.earn("two", link="ben")
    poisoned(story, story.rosa)

    with pytest.raises(sweeps.SomethingFailed, match=f"enrollment {story.enrollment().pk}: IntegrityError"):
        sweeps.run_daily(story.program, as_of=DUE)

    assert statuses() == {"one": "ACTIVATED", "two": "PAID"}


# --- the nightly look at the books -----------------------------------------------------------------------


def verify_books():
    return sweeps.run("verify_books", as_of=DUE, clock=lambda: DUE)


def test_books_that_are_right_are_recorded_as_such():
    Story().earn()
    release.release_due(as_of=DUE)

    run = verify_books()

    assert (run.examined > 5, run.done, run.failed, run.error) == (True, run.examined, 0, "")


@pytest.mark.plants_breaches
def test_every_breach_is_a_failure_and_is_told():
    story = Story()
    bonus = story.earn()
    release.release_due(as_of=DUE)
    _raw_update(bonus, days_late=3)

    run = verify_books()

    assert (run.failed, run.done) == (1, run.examined - 1)
    assert run.error == (
        "I4: bonuses that record another number of days late than they were released after their window: "
        f"1 [{bonus.pk}]"
    )
    assert JobRun.objects.get(job="verify_books") == run


def _raw_update(row: Model, **changes: object) -> None:
    type(row)._base_manager.filter(pk=row.pk).update(**changes)


def runs(number, *, begin=DUE, every=timedelta(minutes=6)):
    """Run the release so many times, one after the other; when the next one would be."""
    for place in range(number):
        at = begin + place * every
        sweeps.run(release.JOB, as_of=at, clock=lambda at=at: at)
    return begin + number * every


def test_a_part_that_fails_is_remembered_with_its_tries_until_it_does_not():
    story = Story()
    story.earn()
    heal = poisoned(story, story.rosa)

    then = runs(3)

    failing = FailingPart.objects.get()
    assert (failing.job, failing.part, failing.tries) == ("release", f"enrollment {story.enrollment().pk}", 3)
    assert (failing.since, failing.last_at) == (DUE, DUE + timedelta(minutes=12))
    assert failing.error.startswith("IntegrityError: ")
    assert not Hold.objects.exists()

    heal()
    runs(1, begin=then)
    assert not FailingPart.objects.exists()
    assert statuses() == {"acme": "PAID"}


def test_a_run_beside_another_that_found_nothing_does_not_forget_the_tries():
    story = Story()
    story.earn()
    poisoned(story, story.rosa)
    runs(3)

    jobs.recorded(release.JOB, Tally, as_of=DUE, clock=lambda: DUE + timedelta(minutes=12, seconds=1))

    assert FailingPart.objects.get().tries == 3


def test_what_cannot_be_paid_again_and_again_waits_on_hold_for_a_person():
    story = Story()
    story.earn()
    story.earn("beta", link="ben")
    heal = poisoned(story, story.rosa)

    # Ten tries, and an hour.
    then = runs(10)
    assert statuses() == {"acme": "ACTIVATED", "beta": "PAID"}
    assert not Hold.objects.exists()
    then = runs(1, begin=then)
    hold = Hold.objects.get()
    assert (hold.bonus.account.host_account, hold.reason, hold.by_rule) == ("acme", "payment_failed", True)
    assert explain.of_bonus(hold.bonus, as_of=DUE) == "payment_failed"
    then = runs(2, begin=then)
    assert (Hold.objects.count(), FailingPart.objects.count()) == (1, 0)

    heal()
    holds.lift(hold.bonus, by=story.fay, at=DUE)
    runs(1, begin=then)
    assert statuses() == {"acme": "PAID", "beta": "PAID"}


def test_a_few_minutes_of_trouble_put_nothing_on_hold():
    story = Story()
    story.earn()
    story.earn("beta", link="ben")
    poisoned(story, story.rosa)

    runs(40, every=timedelta(seconds=15))

    assert FailingPart.objects.get().tries == 40
    assert not Hold.objects.exists()


def test_while_nobody_can_be_paid_at_all_nothing_is_put_on_hold():
    story = Story()
    story.earn()
    story.earn("beta", link="ben")
    poisoned(story, story.rosa)
    poisoned(story, story.ben)

    runs(15)

    assert FailingPart.objects.count() == 2
    assert not Hold.objects.exists()


def test_lifted_without_mending_the_cause_it_is_held_again():
    story = Story()
    bonus = story.earn()
    story.earn("beta", link="ben")
    poisoned(story, story.rosa)
    then = runs(11)
    holds.lift(bonus, by=story.fay, at=DUE)
    # Others are paid meanwhile, so the fault is this one's.
    story.earn("gamma", link="ben")

    runs(11, begin=then + timedelta(minutes=10))

    assert bonus.holds.count() == 2
