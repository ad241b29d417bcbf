"""What outcomes are worth: bonuses once, again, monthly and the highest, and what a discount comes to."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from payouts.rules.rewards import (
    BonusDraft,
    EarlierBonus,
    Progress,
    RewardRule,
    discount_minor,
    earned,
    granted,
    next_month_day,
)
from referrals.rules.facts import Fact
from referrals.rules.milestones import Outcome, Stretch

LOS_ANGELES = ZoneInfo("America/Los_Angeles")


def at(text):
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def held(*stretches):
    """A history: ``held("2026-01-05")`` holds since then, ``held(("2026-01-05", "2026-01-09"))`` did."""
    pairs = [(s, None) if isinstance(s, str) else s for s in stretches]
    return tuple(Stretch(at(since), at(until) if until else None) for since, until in pairs)


def progress(histories, *, facts=(), qualified_at=None, zone=UTC, as_of="2026-06-30T12:00"):
    outcome = Outcome(histories)
    decided_at = at(qualified_at) if qualified_at else None
    return Progress(outcome=outcome, facts=facts, qualified_at=decided_at, zone=zone, as_of=at(as_of))


def bonus(code="welcome", *, requires=("bought",), amount_minor=10_000, **more):
    return RewardRule(code, "REFERRER", requires, "ACCOUNT_BALANCE", amount_minor, **more)


def before(code="welcome", activated_at="2026-01-05", *, period="", cancelled=False):
    return EarlierBonus(code, period, is_cancelled=cancelled, activated_at=at(activated_at))


def drafts(rules, known, *, stacking="SUM", earlier=()):
    """What is earned, as code, period and the two instants."""
    found = earned(rules, stacking=stacking, progress=known, earlier=earlier)
    return [(d.reward.code, d.period, d.activated_at, d.milestone_at) for d in found]


def test_a_bonus_is_earned_when_its_milestones_were_reached_together():
    rule = bonus(requires=("qualified", "bought"))
    known = progress({"qualified": held("2026-01-05"), "bought": held("2026-01-09")})

    assert earned([rule], stacking="SUM", progress=known, earlier=[]) == [
        BonusDraft(rule, "", activated_at=at("2026-01-09"), milestone_at=at("2026-01-09"))
    ]


def test_nothing_is_earned_by_milestones_that_never_held_together():
    known = progress({"qualified": held(("2026-01-05", "2026-01-08")), "bought": held("2026-01-09")})

    assert drafts([bonus(requires=("qualified", "bought"))], known) == []


def test_a_later_decision_moves_the_activation_and_leaves_the_milestone_where_it_was():
    known = progress({"bought": held("2026-01-09")}, qualified_at="2026-02-01")

    assert drafts([bonus()], known) == [("welcome", "", at("2026-02-01"), at("2026-01-09"))]


def test_an_earlier_decision_does_not_move_it():
    known = progress({"bought": held("2026-01-09")}, qualified_at="2026-01-02")

    assert drafts([bonus()], known) == [("welcome", "", at("2026-01-09"), at("2026-01-09"))]


def test_the_first_bonus_is_earned_even_by_a_milestone_that_no_longer_holds():
    """What it is worth then is the payout schedule's condition to say."""
    known = progress({"bought": held(("2026-01-09", "2026-01-20"))})

    assert drafts([bonus()], known) == [("welcome", "", at("2026-01-09"), at("2026-01-09"))]


def test_what_is_there_is_not_earned_twice():
    known = progress({"bought": held("2026-01-05")})

    assert drafts([bonus()], known, earlier=[before()]) == []


def test_rewards_of_the_referred_account_are_no_bonuses():
    known = progress({"bought": held("2026-01-05")})
    benefit = RewardRule("free_month", "REFERRED", ("bought",), "FREE_MONTHS", quantity=1)

    assert drafts([benefit], known) == []


def test_bonuses_come_in_the_order_of_the_file():
    known = progress({"bought": held("2026-01-05")}, as_of="2026-02-01")
    rules = [bonus("second"), bonus("monthly", recurrence="MONTHLY", each_month_on=1), bonus("first")]

    assert [code for code, *_ in drafts(rules, known)] == ["second", "monthly", "first"]


def test_a_cancelled_bonus_is_earned_again_by_a_new_stretch():
    known = progress({"bought": held(("2026-01-05", "2026-02-10"), "2026-03-01")})

    assert drafts([bonus()], known, earlier=[before(cancelled=True)]) == [
        ("welcome", "", at("2026-03-01"), at("2026-03-01"))
    ]


def test_a_cancelled_bonus_is_earned_again_by_a_new_decision():
    known = progress({"bought": held("2026-01-05")}, qualified_at="2026-02-20")

    assert drafts([bonus()], known, earlier=[before(cancelled=True)]) == [
        ("welcome", "", at("2026-02-20"), at("2026-01-05"))
    ]


@pytest.mark.parametrize(
    ("history", "qualified_at"),
    [
        pytest.param(held("2026-01-05"), None, id="the same stretch"),
        pytest.param(held("2026-01-05"), "2026-01-03", id="the same stretch and decision"),
        pytest.param(held(("2026-01-05", "2026-02-10")), "2026-03-01", id="nothing holds any more"),
    ],
)
def test_a_cancelled_bonus_stays_cancelled_without_anything_new(history, qualified_at):
    known = progress({"bought": history}, qualified_at=qualified_at)

    assert drafts([bonus()], known, earlier=[before(cancelled=True)]) == []


def test_a_stretch_must_be_newer_than_every_bonus_before():
    known = progress({"bought": held(("2026-01-05", "2026-02-10"), "2026-03-01")})
    earlier = [before(cancelled=True), before(activated_at="2026-03-01", cancelled=True)]

    assert drafts([bonus()], known, earlier=earlier) == []


def test_a_living_bonus_beside_a_cancelled_one_is_enough():
    known = progress({"bought": held(("2026-01-05", "2026-02-10"), "2026-03-01")})
    earlier = [before(cancelled=True), before(activated_at="2026-02-20")]

    assert drafts([bonus()], known, earlier=earlier) == []


SMALL = bonus("small", requires=("signed",), amount_minor=1_000)
LARGE = bonus("large", requires=("bought",), amount_minor=9_000)
EQUAL = bonus("equal", requires=("bought",), amount_minor=9_000)


def highest(histories, *, rules=(SMALL, LARGE, EQUAL), earlier=()):
    return [code for code, *_ in drafts(rules, progress(histories), stacking="HIGHEST", earlier=earlier)]


def test_of_several_only_the_highest_is_earned_and_of_equals_the_first():
    assert highest({"signed": held("2026-01-01"), "bought": held("2026-01-05")}) == ["large"]


def test_the_highest_is_looked_for_among_what_holds_now():
    histories = {"signed": held("2026-01-01"), "bought": held(("2026-01-05", "2026-01-09"))}

    assert highest(histories) == ["small"]


def test_nothing_is_earned_while_another_one_lives():
    histories = {"signed": held("2026-01-01"), "bought": held("2026-01-05")}

    assert highest(histories, earlier=[before("small")]) == []
    assert highest(histories, earlier=[before("small", cancelled=True)]) == ["large"]


def test_nothing_is_earned_where_nothing_holds():
    assert highest({"signed": (), "bought": held(("2026-01-05", "2026-01-09"))}) == []


def test_a_monthly_reward_stands_beside_the_highest():
    monthly = bonus("monthly", requires=("signed",), recurrence="MONTHLY", each_month_on=1)
    known = progress({"signed": held("2026-01-31"), "bought": held("2026-01-31")}, as_of="2026-02-01")

    found = drafts([SMALL, monthly, LARGE], known, stacking="HIGHEST", earlier=[before("monthly")])

    assert [(code, period) for code, period, *_ in found] == [("monthly", "2026-02"), ("large", "")]


def test_all_add_up_otherwise():
    histories = {"signed": held("2026-01-01"), "bought": held("2026-01-05")}

    assert [code for code, *_ in drafts([SMALL, LARGE, EQUAL], progress(histories))] == [
        "small",
        "large",
        "equal",
    ]


def months(rule=None, histories=None, *, earlier=(), **known):
    rule = rule or bonus(recurrence="MONTHLY", each_month_on=1)
    found = drafts([rule], progress(histories or {"bought": held("2026-01-05")}, **known), earlier=earlier)
    return [period for _, period, *_ in found]


def test_every_month_that_has_begun_since_it_was_reached_counts():
    assert months(as_of="2026-04-01") == ["2026-02", "2026-03", "2026-04"]


def test_the_first_day_counts_from_its_first_instant_on():
    assert months(as_of="2026-01-31T23:59:59") == []
    assert months(as_of="2026-02-01T00:00") == ["2026-02"]


def test_a_month_is_activated_at_the_first_instant_of_its_day_in_the_zone_of_the_program():
    last_day = bonus(recurrence="MONTHLY", each_month_on=-1)
    known = progress({"bought": held("2026-02-10")}, zone=LOS_ANGELES, as_of="2026-03-31T07:00")

    assert drafts([last_day], known) == [
        ("welcome", "2026-02", at("2026-02-28T08:00"), at("2026-02-28T08:00")),
        ("welcome", "2026-03", at("2026-03-31T07:00"), at("2026-03-31T07:00")),
    ]


def test_a_day_begins_later_in_the_west():
    last_day = bonus(recurrence="MONTHLY", each_month_on=-1)

    assert months(last_day, as_of="2026-01-31T07:59:59", zone=LOS_ANGELES) == []
    assert months(last_day, as_of="2026-01-31T08:00", zone=LOS_ANGELES) == ["2026-01"]


def test_the_day_on_which_it_was_reached_counts_only_if_it_was_reached_by_its_first_instant():
    assert months(histories={"bought": held("2026-02-01T00:00")}, as_of="2026-02-28") == ["2026-02"]
    assert months(histories={"bought": held("2026-02-01T00:01")}, as_of="2026-02-28") == []


def test_months_that_are_there_are_not_earned_again_and_a_cancelled_one_is_not_revived():
    earlier = [before(period="2026-02"), before(period="2026-03", cancelled=True)]

    assert months(as_of="2026-04-15", earlier=earlier) == ["2026-04"]


def test_a_month_in_which_the_milestone_did_not_hold_is_left_out():
    gap = {"bought": held(("2026-01-05", "2026-02-20"), "2026-03-20")}

    assert months(histories=gap, as_of="2026-05-01") == ["2026-02", "2026-04", "2026-05"]


def test_a_month_before_the_decision_is_left_out():
    assert months(qualified_at="2026-03-01T00:00", as_of="2026-04-01") == ["2026-03", "2026-04"]
    assert months(qualified_at="2026-03-01T00:01", as_of="2026-04-01") == ["2026-04"]


@pytest.mark.parametrize("event", ["account.paused", "account.past_due", "account.cancelled"])
def test_a_month_that_found_the_account_not_active_is_left_out(event):
    facts = [Fact(event, at("2026-01-31")), Fact("account.activated", at("2026-02-02"))]

    assert months(facts=facts, as_of="2026-03-01") == ["2026-03"]


def test_nothing_is_earned_monthly_before_it_was_reached():
    assert months(histories={"bought": ()}) == []


def test_a_monthly_reward_is_looked_at_when_its_next_day_begins():
    first, last = (bonus(recurrence="MONTHLY", each_month_on=day) for day in (1, -1))
    as_of = at("2026-02-15")

    assert next_month_day([first], zone=UTC, as_of=as_of) == at("2026-03-01")
    assert next_month_day([last], zone=LOS_ANGELES, as_of=as_of) == at("2026-02-28T08:00")
    assert next_month_day([first, last, bonus()], zone=UTC, as_of=as_of) == at("2026-02-28")
    assert next_month_day([bonus()], zone=UTC, as_of=as_of) is None


def test_at_its_very_instant_the_next_month_is_meant():
    last = bonus(recurrence="MONTHLY", each_month_on=-1)

    assert next_month_day([last], zone=UTC, as_of=at("2026-01-31")) == at("2026-02-28")


def test_benefits_are_granted_to_the_referred_account_when_reached_and_stay():
    free = RewardRule("free_month", "REFERRED", ("signed",), "FREE_MONTHS", quantity=1)
    gone = RewardRule("discount", "REFERRED", ("bought",), "DISCOUNT", 1_000)
    open_still = RewardRule("credit", "REFERRED", ("spent",), "ACCOUNT_CREDIT", 1_000)
    outcome = Outcome(
        {"signed": held("2026-01-01"), "bought": held(("2026-01-05", "2026-01-09")), "spent": ()}
    )

    assert granted([free, bonus(), gone, open_still], outcome=outcome) == [
        (free, at("2026-01-01")),
        (gone, at("2026-01-05")),
    ]


BILLED = frozenset({"invoice.issued"})


@pytest.mark.parametrize(
    ("bills", "product", "expected"),
    [
        pytest.param([("invoice.issued", 6_000, "voice")], "", 6_000, id="at most the bill"),
        pytest.param([("invoice.issued", 25_000, "voice")], "", 10_000, id="at most the discount"),
        pytest.param([("invoice.issued", 10_000, "voice")], "", 10_000, id="just the bill"),
        pytest.param(
            [("invoice.issued", 2_000, "voice"), ("invoice.issued", 3_000, "voice")],
            "",
            5_000,
            id="all bills of that instant",
        ),
        pytest.param(
            [("invoice.issued", 2_000, "voice"), ("invoice.issued", 3_000, "desk")],
            "voice",
            2_000,
            id="bills of the product only",
        ),
        pytest.param([("invoice.paid", 2_000, "voice")], "", 10_000, id="no bill: the whole amount"),
        pytest.param([("invoice.issued", 0, "voice")], "", 10_000, id="a bill of nothing: the whole amount"),
        pytest.param([], "", 10_000, id="nothing told: the whole amount"),
    ],
)
def test_a_discount_is_the_smaller_of_its_amount_and_the_bill_of_that_instant(bills, product, expected):
    rule = RewardRule("discount", "REFERRED", ("billed",), "DISCOUNT", 10_000, product=product)
    earned_at = at("2026-01-05T10:00")
    facts = [Fact(type, earned_at, amount, of) for type, amount, of in bills]
    facts.append(Fact("invoice.issued", at("2026-01-05T10:01"), 700, "voice"))

    assert discount_minor(rule, earned_at=earned_at, facts=facts, types=BILLED) == expected
