"""
Two people, the release and the decisions that take effect, all at one instant (F26); and a new version of the
terms that is published while the release runs (F27).

Of steps that exclude each other exactly one is taken, and who was told yes finds it so. Beside each race
stands its negative control: without its guard the checker turns red.
"""

from datetime import timedelta
from functools import partial
from threading import Event

import pytest
from django.db import DatabaseError, models, transaction

from payouts import accrual, holds, program_files, release, verification
from payouts.models import Bonus, Hold, PayoutSchedule
from payouts.rules import program_document
from payouts.rules.lifecycle import UNPAID
from referrals import calendars, first_decider, qualification
from referrals.models import Decision, ReferredAccount, Terms
from referrals.rules.refusal import Refused
from tests.payouts.verification.plant import alter
from tests.story import Story, at_once, written

pytestmark = pytest.mark.django_db(transaction=True)

DUE = "2026-03-16T00:05Z"


def found():
    return {(breach.invariant, breach.message) for breach in verification.breaches()}


# --- decide, undo, revoke, hold: F26 ------------------------------------------------------------------------


class Scene:
    """Six accounts of which something can be said at this instant, by two people each."""

    def __init__(self) -> None:
        self.story = story = Story(changes={"terms.clawback": "BY_STAFF"})
        self.revoked = [story.earn(name).account for name in ("acme", "beta")]
        self.held = [story.earn(name, link="ben") for name in ("core", "delta")]
        story.now = self.at_midnight
        self.undecided = story.sign_up("echo")
        self.decided = [story.sign_up(name) for name in ("fox", "golf")]
        for account in self.decided:
            story.decide(account)
        # Their time to be undone ends now; whoever undoes came a second before.
        story.now += timedelta(minutes=story.program.undo_minutes)

    @property
    def at_midnight(self):
        return self.story.now.fromisoformat(DUE)

    def releasing(self):
        return release.release_due(as_of=self.story.now, program=self.story.program, size=1).done

    def taking_effect(self):
        return qualification.let_take_effect(as_of=self.story.now, program=self.story.program)

    def undoing(self, account, undo=qualification.undo):
        return partial(undo, account, by=self.story.sam, at=self.story.now - timedelta(seconds=1))

    def deciding(self, person):
        return partial(self.story.decide, self.undecided, by=person)

    def revoking(self, account):
        return partial(self.story.revoke, account)

    def holding(self, bonus):
        return partial(holds.place, bonus, reason="a question", by=self.story.fay, at=self.story.now)


@pytest.mark.parametrize("round_", range(3))
def test_of_all_that_people_say_while_the_release_runs_each_is_so_or_refused(round_):
    """F26."""
    scene = Scene()
    story = scene.story

    effective, *others = at_once(
        scene.taking_effect,
        scene.releasing,
        scene.releasing,
        *[scene.undoing(account) for account in scene.decided],
        scene.deciding(story.cara),
        scene.deciding(story.sam),
        *[scene.revoking(account) for account in scene.revoked],
        *[scene.holding(bonus) for bonus in scene.held],
    )

    paid, undone, decided, revoked, held = (
        sum(others[:2]),
        others[2:4],
        others[4:6],
        others[6:8],
        others[8:],
    )
    # Each of the two decisions was undone or took effect.
    assert effective + undone.count(None) == 2
    for account, answer in zip(scene.decided, undone, strict=True):
        account.refresh_from_db()
        assert (answer is None) == (account.status == "IN_REVIEW")
    # One of two people decided.
    assert sorted(type(answer).__name__ for answer in decided) == ["Decision", "DecisionPending"]
    assert Decision.objects.filter(account=scene.undecided).count() == 1
    # A qualification is taken back in any case; its bonus is paid before, or waits.
    assert revoked == [None, None]
    # Who was told that it is on hold, never sees it paid.
    for bonus, answer in zip(scene.held, held, strict=True):
        bonus.refresh_from_db()
        assert (bonus.status, bonus.on_hold) == (
            ("ACTIVATED", True) if isinstance(answer, Hold) else ("PAID", False)
        )
    assert paid == Bonus.objects.filter(status="PAID").count()

    # What was paid before it was revoked is taken back by two names; of the rest nothing more is paid.
    story.now += timedelta(minutes=1)
    assert scene.releasing() == 0
    for bonus in Bonus.objects.filter(account__in=scene.revoked):
        assert bonus.status == "PAID" or bonus.under_review
        if bonus.status == "PAID":
            story.reverse(bonus)
    assert not Bonus.objects.filter(account__in=scene.revoked, status="PAID").exists()
    assert found() == set()


@pytest.mark.plants_breaches
def test_without_the_swap_an_undone_decision_takes_effect_and_the_checker_turns_red(monkeypatch):
    """F26: control."""
    scene = Scene()
    (account, other), taken = scene.decided, Event()
    qualification.undo(other, by=scene.story.sam, at=scene.story.now - timedelta(seconds=1))
    swap = models.QuerySet.update

    def overwrite(rows, **changes):
        if rows.model is ReferredAccount and changes.get("pending_decision", "") is None:
            rows = ReferredAccount.objects.filter(pk=account.pk)
        return swap(rows, **changes)

    def take_effect():
        try:
            return scene.taking_effect()
        finally:
            taken.set()

    monkeypatch.setattr(models.QuerySet, "update", overwrite)
    monkeypatch.setattr(first_decider, "refuse_undoing", lambda account, by: taken.wait(timeout=20))

    given = at_once(take_effect, scene.undoing(account, qualification.undo.__wrapped__))

    monkeypatch.undo()
    assert given == [1, None]
    assert ("I6", "accounts whose trail is broken") in found()


@pytest.mark.plants_breaches
def test_without_the_mark_on_its_bonus_a_revoked_account_is_paid_and_the_checker_turns_red():
    """F26: control."""
    scene = Scene()
    story, account = scene.story, scene.revoked[0]

    qualification.revoke(account, by=story.cara, approved_by=story.sam, at=story.now, reason="a mistake")
    ReferredAccount.objects.filter(pk=account.pk).update(facts_evaluated=models.F("facts_changed"))
    story.now += timedelta(minutes=1)
    scene.releasing()

    assert ("I5", "bonuses paid while their account was not qualified") in found()


@pytest.mark.plants_breaches
def test_without_the_swap_a_hold_is_paid_through_and_the_checker_turns_red():
    """F26: control. The hold is written down, and the bonus itself does not know it."""
    scene = Scene()
    (bonus, _), story = scene.held, scene.story

    Hold.objects.create(bonus=bonus, reason="a question", placed_at=story.now, placed_by=story.fay)
    scene.releasing()

    assert found() == {("I12", "bonuses paid although somebody holds them")}


# --- terms and schedules: F27 -------------------------------------------------------------------------------

NEW_VERSION = {
    "terms.version": 2,
    "rewards.new_customer.amount": "250.00",
    "payout_schedule.month_offset": 2,
    "payout_schedule.opens": {"day": 1},
    "payout_schedule.closes": {"day": 5},
}


def new_version():
    changed, problems = program_document.changed(written("smartcat"), NEW_VERSION)
    assert problems == []
    document, problems = program_document.check(changed, calendars.all_business_days())
    assert problems == []
    return document


def frozen():
    """What a bonus promises, by its account."""
    names = ["amount_minor", "terms__version", "window_opens_on", "window_closes_on", "opens_at"]
    rows = Bonus.objects.order_by("pk").values_list("account__host_account", *names)
    return {account: promised for account, *promised in rows}


def edited(**changes):
    """Somebody changes a schedule behind the back of the program; what the database says to it."""
    try:
        with transaction.atomic():
            return PayoutSchedule.objects.update(**changes)
    except DatabaseError as refused:
        return refused


@pytest.mark.parametrize("round_", range(2))
def test_terms_that_are_published_during_a_run_change_nothing_that_was_promised(round_):
    """F27."""
    story = Story()
    for name, link in [("acme", "rosa"), ("beta", "ben"), ("core", "rosa"), ("delta", "ben")]:
        story.earn(name, link=link)
    late = story.sign_up("echo")
    story.decide(late)
    story.tell(late, "subscription.started")
    story.now += timedelta(minutes=11)
    qualification.let_take_effect(as_of=story.now)
    promised = frozen()
    story.now = story.now.fromisoformat(DUE)

    paid, more, published, evaluated, refusal = at_once(
        *[partial(release.release_due, as_of=story.now, size=1)] * 2,
        partial(program_files.store, new_version(), host=story.host, now=story.now),
        partial(accrual.accrue, as_of=story.now),
        partial(edited, month_offset=3),
    )

    assert not any(isinstance(each, Refused) for each in (paid, more, published, evaluated))
    assert isinstance(refusal, DatabaseError)
    # Whoever signed up earlier keeps terms, amount and window, also of a bonus that is written down only now.
    assert frozen() == {**promised, "echo": promised["acme"]}
    release.release_due(as_of=story.now)
    assert frozen() == {**promised, "echo": promised["acme"]}
    assert set(Bonus.objects.values_list("status", "paid_at")) == {("PAID", story.now)}
    # Each version of the terms still is what its fingerprint says.
    for terms in Terms.objects.filter(program=story.program):
        document = program_files.export_version("smartcat", terms.version, host=story.host)
        assert program_document.fingerprint(document) == terms.sha256

    # Who comes afterwards comes under the new ones.
    story.earn("fox")
    amount_minor, version, opens_on, *_ = frozen()["fox"]
    assert (amount_minor, version, f"{opens_on}") == (25_000, 2, "2026-05-01")
    assert found() == set()


@pytest.mark.django_db
@pytest.mark.plants_breaches
def test_an_account_that_is_moved_to_new_terms_turns_the_checker_red():
    """F27: control."""
    story = Story()
    account = story.earn().account
    program_files.store(new_version(), host=story.host, now=story.now)

    alter(account, terms=Terms.objects.get(version=2))

    assert {invariant for invariant, _ in found()} == {"I13"}


@pytest.mark.django_db
@pytest.mark.plants_breaches
def test_a_paid_bonus_whose_window_follows_a_new_schedule_turns_the_checker_red():
    """F27: control."""
    story = Story()
    story.earn()
    story.pass_to(DUE)
    bonus = Bonus.objects.get()
    assert bonus.status not in UNPAID

    alter(
        bonus,
        without=["bonus_never_paid_before_its_window"],
        opens_at=bonus.opens_at + timedelta(days=15),
        window_opens_on=bonus.window_opens_on + timedelta(days=15),
    )

    assert {invariant for invariant, _ in found()} == {"I4"}
