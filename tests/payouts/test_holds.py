"""A hold stops a bonus until a person lifts it; late bonuses are held once, by rule."""

import pytest

from payouts import holds
from payouts.models import Bonus, Hold
from tests.story import Story, refused

pytestmark = pytest.mark.django_db

DUE = "2026-03-16T00:05Z"


def place(story, bonus, reason="a question"):
    return holds.place(bonus, reason=reason, by=story.fay, at=story.now)


def lift(story, bonus):
    holds.lift(bonus, by=story.finn, at=story.now)


def statuses():
    return list(Bonus.objects.order_by("pk").values_list("status", "on_hold"))


def test_a_held_bonus_waits_until_it_is_lifted_and_the_next_run_pays_it():
    story = Story()
    bonus = story.earn()
    hold = place(story, bonus)
    placed_at = story.now
    story.pass_to(DUE)
    assert statuses() == [("ACTIVATED", True)]

    lift(story, bonus)
    lifted_at = story.now
    story.pass_to("2026-03-17T00:05Z")

    assert statuses() == [("PAID", False)]
    hold.refresh_from_db()
    assert (hold.reason, hold.placed_by, hold.placed_at, hold.by_rule) == (
        "a question",
        story.fay,
        placed_at,
        False,
    )
    assert (hold.lifted_by, hold.lifted_at) == (story.finn, lifted_at)


def test_a_held_bonus_is_not_even_cancelled_before_it_is_lifted():
    story = Story()
    bonus = story.earn()
    place(story, bonus)
    story.tell("acme", "subscription.refunded")
    story.pass_to(DUE)
    assert statuses() == [("ACTIVATED", True)]

    lift(story, bonus)
    story.pass_to("2026-03-17T00:05Z")
    assert statuses() == [("CANCELLED", False)]


def test_lifting_ends_all_holds_at_once():
    story = Story()
    bonus = story.earn()
    place(story, bonus, "one question")
    place(story, bonus, "another question")
    lift(story, bonus)

    assert [hold.lifted_by for hold in Hold.objects.all()] == [story.finn, story.finn]
    assert statuses() == [("ACTIVATED", False)]


def test_an_approved_bonus_can_be_held_and_is_paid_in_its_batch_when_lifted():
    story = Story(changes={"payout_schedule.release": "AFTER_APPROVAL"})
    bonus = story.earn()
    story.earn("beta")
    story.pass_to(DUE)
    story.approve_all()
    place(story, bonus)
    story.pass_to("2026-03-17T00:05Z")
    assert statuses() == [("APPROVED", True), ("PAID", False)]

    lift(story, bonus)
    story.pass_to("2026-03-18T00:05Z")

    assert statuses() == [("PAID", False), ("PAID", False)]
    [payout] = {bonus.payout for bonus in Bonus.objects.select_related("payout")}
    assert (payout.amount_minor, payout.batch.status) == (20_000, "RELEASED")
    assert payout.changes.count() == 1


def paid(story):
    story.pass_to(DUE)


def cancelled(story):
    story.tell("acme", "subscription.refunded")
    story.pass_to(DUE)


def reversed_(story):
    story.pass_to(DUE)
    story.reverse(Bonus.objects.get())


@pytest.mark.parametrize(
    ("end", "code"),
    [(paid, "already_paid"), (cancelled, "already_cancelled"), (reversed_, "already_reversed")],
)
def test_what_has_ended_cannot_be_held(end, code):
    story = Story(changes={"terms.clawback": "BY_STAFF"})
    same_bonus_in_another_tab = story.earn()
    end(story)

    with refused(code):
        place(story, same_bonus_in_another_tab)


def test_what_is_not_held_cannot_be_lifted():
    story = Story()
    bonus = story.earn()
    with refused("not_held"):
        lift(story, bonus)

    place(story, bonus)
    lift(story, bonus)
    with refused("not_held"):
        lift(story, bonus)


def test_the_latest_bonus_of_an_account_reward_and_period_is_meant():
    story = Story()
    first = story.earn()
    cancelled(story)
    story.wait(days=1)
    story.tell("acme", "subscription.started")
    story.wait(minutes=1)

    found = holds.latest_bonus(story.program, host_account="acme", reward="new_customer")

    assert (found, found != first) == (Bonus.objects.latest("pk"), True)


def test_a_month_is_named_by_its_period():
    story = Story("smithai-legacy")
    acme = story.sign_up()
    story.tell(acme, "account.activated")
    story.now = story.now.replace(month=5)
    story.evaluate()

    march = holds.latest_bonus(story.program, host_account="acme", reward="monthly_credit", period="2025-03")

    assert march.period == "2025-03"
    with refused("no_such_bonus"):
        holds.latest_bonus(story.program, host_account="acme", reward="monthly_credit", period="2025-09")


@pytest.mark.parametrize(
    ("host_account", "reward"), [("nobody", "new_customer"), ("acme", "no_reward"), ("acme", "")]
)
def test_where_there_is_no_such_bonus_it_is_said(host_account, reward):
    story = Story()
    story.earn()

    with refused("no_such_bonus"):
        holds.latest_bonus(story.program, host_account=host_account, reward=reward)


LATE = {"payout_schedule.late_policy": "HOLD"}


def test_a_late_bonus_is_held_once_and_paid_when_a_person_lets_it_go():
    story = Story(changes=LATE)
    bonus = story.earn()
    story.pass_to("2026-04-01T00:05Z")

    [hold] = Hold.objects.all()
    assert (hold.bonus, hold.reason, hold.by_rule, hold.placed_by, hold.placed_at) == (
        bonus,
        "late",
        True,
        None,
        story.now,
    )
    assert statuses() == [("ACTIVATED", True)]

    story.pass_to("2026-04-02T00:05Z")
    assert Hold.objects.count() == 1

    lift(story, bonus)
    story.pass_to("2026-04-03T00:05Z")
    bonus.refresh_from_db()
    assert (bonus.status, bonus.days_late, Hold.objects.count()) == ("PAID", 3, 1)


def test_on_the_last_day_of_its_window_a_bonus_is_not_late():
    story = Story(changes=LATE)
    story.earn()
    story.pass_to("2026-03-31T23:59Z")

    assert (statuses(), Hold.objects.count()) == ([("PAID", False)], 0)


def test_days_are_counted_where_the_schedule_is():
    story = Story(changes={**LATE, "payout_schedule.time_zone": "America/Los_Angeles"})
    story.earn()
    story.pass_to("2026-04-01T06:59Z")

    assert (statuses(), Hold.objects.count()) == ([("PAID", False)], 0)


def test_a_late_bonus_that_a_person_holds_as_well_is_asked_about_once():
    story = Story(changes=LATE)
    bonus = story.earn()
    place(story, bonus)
    story.pass_to("2026-04-01T00:05Z")
    assert [hold.reason for hold in Hold.objects.all()] == ["a question", "late"]

    lift(story, bonus)
    story.pass_to("2026-04-02T00:05Z")
    assert statuses() == [("PAID", False)]


def test_where_late_bonuses_go_with_the_next_run_nobody_is_asked():
    story = Story()
    story.earn()
    story.pass_to("2026-04-05T00:05Z")

    assert (statuses(), Hold.objects.count(), Bonus.objects.get().days_late) == ([("PAID", False)], 0, 5)
