"""Why is it not paid yet? The first unmet condition, and every rule with its words."""

from datetime import datetime

import pytest

from payouts import explain, holds
from payouts.models import Bonus
from referrals import enrollment
from tests.story import Story

pytestmark = pytest.mark.django_db

DUE = "2026-03-16T00:05Z"
AFTER_APPROVAL = {"payout_schedule.release": "AFTER_APPROVAL"}
ACTIVE = {"payout_schedule.condition": "REFERRED_ACCOUNT_ACTIVE"}
WAITS = {"payout_schedule.if_paused": "WAIT", "payout_schedule.if_past_due": "WAIT"}
MINIMUM = {"payout_schedule.minimum": "100.01"}


def why(story, account="acme"):
    return explain.first_unmet(story.program, host_account=account, as_of=story.now)


def hold(story, reason):
    holds.place(Bonus.objects.get(), reason=reason, by=story.fay, at=story.now)


def suspend(story):
    enrollment.suspend(story.rosa, program=story.program, by=story.fay, at=story.now, reason="a question")


def opened(story):
    """The window opens, and the jobs have not run yet."""
    story.now = datetime.fromisoformat("2026-03-16T00:00Z")


def test_an_account_that_nobody_brought_is_not_attributed():
    story = Story()
    story.tell("acme", "subscription.started")

    assert explain.account(story.program, host_account="acme", as_of=story.now) == explain.Explanation(
        "not_attributed", ()
    )


def test_an_account_that_staff_look_at_is_in_review():
    story = Story()
    acme = story.sign_up()
    assert why(story) == "in_review"

    story.decide(acme)
    assert why(story) == "in_review"


def test_a_refused_account_has_its_reason():
    story = Story()
    story.sign_up(email="office@gmail.com")

    assert why(story) == "public_email_domain"


def test_an_expired_account_has_the_reason_of_its_terms():
    story = Story("upwork-2019")
    story.sign_up("ann")
    story.wait(days=90)

    assert why(story, "ann") == "threshold_not_reached_by_deadline"


def test_an_expired_account_is_just_expired_where_the_terms_name_no_reason():
    story = Story(
        "smithai", changes={f"milestones.paying_client.any.{test}.within_days": 30 for test in (0, 1)}
    )
    story.sign_up()
    story.wait(days=60)

    assert why(story) == "expired"


def test_without_a_bonus_it_is_the_first_milestone_that_does_not_hold():
    story = Story()
    acme = story.sign_up()
    story.decide(acme)
    story.wait(minutes=11)
    assert why(story) == "qualifying_purchase"


def test_an_account_that_only_signed_up_lacks_the_milestone_of_the_first_reward():
    story = Story("smithai")
    story.sign_up()
    assert why(story) == "receptionist_paid"


def test_where_the_referrer_earns_nothing_nothing_is_missing():
    benefit = {
        "code": "welcome",
        "beneficiary": "REFERRED",
        "requires": ["signed_up"],
        "kind": "ACCOUNT_CREDIT",
        "amount": "5.00",
    }
    story = Story(
        "smithai-legacy",
        changes={
            "rewards.welcome": benefit,
            "rewards.monthly_credit": None,
            "payout_schedule.anchor": "BONUS_ACTIVATED",
        },
    )
    story.sign_up()

    assert why(story) is None


def test_a_bonus_waits_for_its_window_then_for_the_next_run_and_then_nothing_is_missing():
    story = Story()
    story.earn()
    assert why(story) == "window_not_open"

    opened(story)
    assert why(story) == "next_run"

    story.pass_to(DUE)
    assert why(story) is None


def test_a_bonus_waits_for_an_approval():
    story = Story(changes=AFTER_APPROVAL)
    story.earn()
    assert why(story) == "window_not_open"

    story.pass_to(DUE)
    assert why(story) == "awaiting_approval"

    story.approve_all()
    assert why(story) == "next_run"

    story.pass_to("2026-03-17T00:05Z")
    assert why(story) is None


def test_a_cancelled_bonus_has_its_reason():
    story = Story()
    story.earn()
    story.tell("acme", "subscription.refunded")
    story.pass_to(DUE)

    assert why(story) == "milestone_no_longer_holds"


def test_a_bonus_that_was_taken_back_is_reversed():
    story = Story(changes={"terms.clawback": "BY_STAFF"})
    story.earn()
    story.pass_to(DUE)
    story.reverse(Bonus.objects.get())

    assert why(story) == "reversed"


def test_a_held_bonus_has_the_reason_of_its_first_hold_that_is_not_lifted():
    story = Story()
    bonus = story.earn()
    hold(story, "lifted")
    holds.lift(bonus, by=story.fay, at=story.now)
    hold(story, "first")
    hold(story, "second")

    assert why(story) == "first"


def test_a_late_bonus_is_held_as_late():
    story = Story(changes={"payout_schedule.late_policy": "HOLD"})
    story.earn()
    story.pass_to("2026-04-01T00:05Z")

    assert why(story) == "late"


def test_a_bonus_of_a_suspended_referrer_says_so():
    story = Story()
    story.earn()
    suspend(story)

    assert why(story) == "referrer_suspended"


@pytest.mark.parametrize(
    ("event", "code"),
    [
        ("account.paused", "referred_account_paused"),
        ("account.past_due", "referred_account_past_due"),
    ],
)
def test_an_account_that_is_not_active_holds_its_bonus_once_it_is_open(event, code):
    story = Story(changes={**ACTIVE, **WAITS})
    story.earn()
    story.tell("acme", event)
    story.evaluate()
    assert why(story) == "window_not_open"

    story.pass_to(DUE)
    assert why(story) == code


def test_an_account_that_is_not_active_holds_nothing_where_the_schedule_pays():
    story = Story(changes=ACTIVE)
    story.earn()
    story.tell("acme", "account.paused")
    story.evaluate()
    opened(story)

    assert why(story) == "next_run"


def test_below_the_minimum_is_said_once_it_is_open_and_nothing_is_overdue():
    story = Story(changes=MINIMUM)
    story.earn()
    assert why(story) == "window_not_open"

    story.pass_to("2026-04-02T00:05Z")
    assert why(story) == "below_minimum"
    assert explain.overdue_days(Bonus.objects.get(), as_of=story.now) == 0


def test_what_holds_a_bonus_is_said_in_order():
    story = Story(changes={**ACTIVE, **WAITS, **MINIMUM})
    bonus = story.earn()
    story.tell("acme", "account.paused")
    story.revoke(bonus.account)
    suspend(story)
    hold(story, "a question")
    story.evaluate()
    opened(story)

    def held():
        return explain.held(Bonus.objects.get(), as_of=story.now)

    assert held() == "a question"
    holds.lift(bonus, by=story.fay, at=story.now)
    assert held() == "referrer_suspended"
    enrollment.resume(story.rosa, program=story.program, by=story.fay, at=story.now)
    assert held() == "in_review"
    story.decide(bonus.account)
    story.wait(minutes=11)
    assert held() == "referred_account_paused"
    story.tell("acme", "account.activated")
    story.evaluate()
    assert held() == "below_minimum"
    story.earn("beta")
    story.now = datetime.fromisoformat("2026-04-16T00:00Z")
    assert explain.held(bonus, as_of=story.now) is None


@pytest.mark.parametrize("end", ["PAID", "CANCELLED"])
def test_nothing_holds_a_bonus_that_is_not_unpaid(end):
    story = Story()
    story.earn()
    if end == "CANCELLED":
        story.tell("acme", "subscription.refunded")
    story.pass_to(DUE)
    suspend(story)

    bonus = Bonus.objects.get()
    assert (bonus.status, explain.held(bonus, as_of=story.now)) == (end, None)
    assert explain.overdue_days(bonus, as_of=datetime.fromisoformat("2026-06-01T00:00Z")) == 0


@pytest.mark.parametrize(("at", "days"), [("2026-03-31T23:59Z", 0), ("2026-04-01T00:00Z", 1)])
def test_a_bonus_is_overdue_from_the_day_after_its_window(at, days):
    story = Story()
    bonus = story.earn()
    hold(story, "a question")

    assert explain.overdue_days(bonus, as_of=datetime.fromisoformat(at)) == days


TWO_REWARDS = {
    "rewards.qualified_one": {
        "code": "qualified_one",
        "beneficiary": "REFERRER",
        "requires": ["qualified"],
        "kind": "CASH",
        "amount": "30.00",
    }
}


def test_of_several_bonuses_the_first_of_the_file_that_is_not_paid_speaks_for_the_account():
    story = Story(changes=TWO_REWARDS)
    account = story.sign_up()
    story.decide(account)
    story.tell(account, "subscription.started")
    story.wait(minutes=11)
    first, second = Bonus.objects.order_by("reward__position")
    holds.place(second, reason="the second", by=story.fay, at=story.now)
    assert why(story) == "window_not_open"

    story.pass_to(DUE)
    assert [explain.of_bonus(bonus, as_of=story.now) for bonus in Bonus.objects.order_by("pk")] == [
        None,
        "the second",
    ]
    assert (first.reward.code, why(story)) == ("new_customer", "the second")


def test_of_several_bonuses_of_a_reward_the_latest_speaks():
    story = Story()
    story.earn()
    story.tell("acme", "subscription.refunded")
    story.pass_to(DUE)
    story.wait(days=1)
    story.tell("acme", "subscription.started")
    story.wait(minutes=1)

    assert why(story) == "window_not_open"


def test_of_several_months_the_first_that_is_not_paid_speaks():
    story = Story("smithai-legacy")
    acme = story.sign_up()
    story.tell(acme, "account.activated")
    story.pass_to("2025-03-01T12:00Z")
    story.pass_to("2025-03-31T06:59Z")
    assert why(story) is None

    story.now = datetime.fromisoformat("2025-03-31T07:00Z")
    story.evaluate()
    assert why(story) == "next_run"


def test_every_rule_is_told_with_its_words_and_since_when_it_is_met():
    story = Story()
    acme = story.sign_up()
    signed_up_at = story.now
    story.wait(days=1)
    decision = story.decide(acme)
    story.wait(minutes=11)

    told = explain.account(story.program, host_account="acme", as_of=story.now).lines

    assert [(line.code, line.is_met, line.since) for line in told] == [
        ("signed_up", True, signed_up_at),
        ("qualified", True, decision.decided_at),
        ("subscribed", False, None),
        ("qualifying_purchase", False, None),
    ]
    assert (told[0].label, told[0].quote) == ("Signed up with your link", "number of companies")


def test_a_rule_that_no_longer_holds_says_since_when():
    story = Story()
    story.earn()
    story.tell("acme", "subscription.refunded")
    refunded_at = story.now
    story.wait(days=1)

    told = explain.account(story.program, host_account="acme", as_of=story.now).lines

    assert [(line.code, line.is_met, line.since) for line in told][2:] == [
        ("subscribed", False, refunded_at),
        ("qualifying_purchase", False, refunded_at),
    ]
