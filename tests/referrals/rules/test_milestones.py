"""The evaluator: the published sentences one by one."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import permutations
from zoneinfo import ZoneInfo

import pytest

from referrals.rules.facts import Fact
from referrals.rules.milestones import Outcome, Ruling, Stretch, evaluate
from referrals.rules.terms import MilestoneRule, MilestoneTest, TermsRules

HOUR = timedelta(hours=1)
SECOND = timedelta(seconds=1)
SIGNED_UP_AT = datetime(2024, 4, 23, 18, tzinfo=UTC)
PAID, REFUNDED = frozenset({"invoice.paid"}), frozenset({"invoice.refunded"})


def after(hours: float) -> datetime:
    return SIGNED_UP_AT + hours * HOUR


def paid(hours: float, amount_minor: int = 0, product: str = "", category: str = "") -> Fact:
    return Fact("invoice.paid", after(hours), amount_minor, product, category)


def refunded(hours: float, amount_minor: int = 0, product: str = "", category: str = "") -> Fact:
    return Fact("invoice.refunded", after(hours), amount_minor, product, category)


def events(kind: str, **changes) -> MilestoneTest:
    return MilestoneTest(kind, **{"counts": PAID, "undone_by": REFUNDED, **changes})


def rules(*milestones: MilestoneRule, **changes) -> TermsRules:
    return TermsRules(**{"zone": ZoneInfo("UTC"), "milestones": milestones, **changes})


def outcome_of(terms: TermsRules, facts: Sequence[Fact] = (), rulings: Sequence[Ruling] = ()) -> Outcome:
    return evaluate(terms, signed_up_at=SIGNED_UP_AT, facts=facts, rulings=rulings)


def held(test: MilestoneTest, *facts: Fact, rulings: Sequence[Ruling] = (), **changes) -> list[tuple]:
    """The stretches in which a test held, in hours after the sign-up."""
    terms = rules(MilestoneRule("reached", (test,)), **changes)
    history = outcome_of(terms, facts, rulings).histories["reached"]
    return [(hours(stretch.since), hours(stretch.until)) for stretch in history]


def hours(at: datetime | None) -> float | None:
    return None if at is None else (at - SIGNED_UP_AT) / HOUR


# --- the published sentences --------------------------------------------------------------------------


def test_signed_up_holds_from_the_sign_up_on():
    assert held(MilestoneTest("SIGNED_UP")) == [(0, None)]


def test_qualified_holds_from_the_decision_until_it_is_revoked():
    rulings = [Ruling(after(1), True), Ruling(after(5), False), Ruling(after(9), True)]  # noqa: FBT003

    assert held(MilestoneTest("QUALIFIED")) == []
    assert held(MilestoneTest("QUALIFIED"), rulings=rulings) == [(1, 5), (9, None)]


@pytest.mark.parametrize(
    ("facts", "stretches"),
    [
        ([], []),
        ([paid(1)], [(1, None)]),
        ([paid(1), paid(3)], [(1, None)]),
        ([refunded(1)], []),
        ([refunded(1), paid(2)], [(2, None)]),
        ([paid(1), refunded(2)], [(1, 2)]),
        ([paid(1), refunded(2), paid(3)], [(1, 2), (3, None)]),
        # Later, not as late: at one instant the undoing one wins.
        ([paid(1), refunded(1)], []),
        ([paid(1), paid(3), refunded(3)], [(1, 3)]),
        ([paid(-1)], []),
        ([paid(0)], [(0, None)]),
        ([refunded(-1), paid(0)], [(0, None)]),
    ],
)
def test_occurred_holds_while_the_latest_counting_event_is_later_than_the_latest_undoing(facts, stretches):
    assert {tuple(held(events("OCCURRED"), *order)) for order in permutations(facts)} == {tuple(stretches)}


def test_occurred_counts_events_of_at_least_so_much_and_any_event_undoes():
    test = events("OCCURRED", at_least_minor=100)

    assert held(test, paid(1, 99)) == []
    assert held(test, paid(1, 100), refunded(2, 1)) == [(1, 2)]


@pytest.mark.parametrize(
    ("facts", "stretches"),
    [
        ([paid(1, 499_999)], []),
        ([paid(1, 500_000)], [(1, None)]),
        ([paid(1, 320_000), paid(2, 180_000)], [(2, None)]),
        ([paid(1, 500_000), refunded(2, 1)], [(1, 2)]),
        ([paid(1, 500_000), refunded(2, 1), paid(3, 1)], [(1, 2), (3, None)]),
        # What happened at one instant is looked at together.
        ([paid(1, 500_000), refunded(1, 1)], []),
        ([refunded(1, 100), paid(2, 500_000)], []),
        ([paid(-1, 500_000)], []),
    ],
)
def test_total_holds_while_what_counts_less_what_is_undone_is_enough(facts, stretches):
    test = events("TOTAL", at_least_minor=500_000)

    assert {tuple(held(test, *order)) for order in permutations(facts)} == {tuple(stretches)}


@pytest.mark.parametrize(
    ("facts", "stretches"),
    [
        ([paid(1, 100, "voice")], [(1, None)]),
        ([paid(1, 100, "chat"), paid(2, 100, "voice")], []),
        ([paid(1, 100, "chat"), paid(1, 100, "voice")], [(1, None)]),
        # A zero invoice is no payment: the next one is the first.
        ([paid(1, 0, "chat"), paid(2, 100, "voice")], [(2, None)]),
        # A partial refund leaves enough, the rest of it does not.
        ([paid(1, 100, "voice"), refunded(2, 40, "voice")], [(1, None)]),
        ([paid(1, 100, "voice"), refunded(2, 40, "voice"), refunded(3, 60, "voice")], [(1, 3)]),
        ([paid(1, 100, "voice"), refunded(2, 100, "voice"), paid(3, 1, "voice")], [(1, 2), (3, None)]),
        ([paid(1, 100, "voice"), refunded(2, 100, "chat")], [(1, None)]),
        ([paid(1, 100, "voice"), refunded(1, 100, "voice")], []),
        ([paid(-1, 100, "chat"), paid(1, 100, "voice")], [(1, None)]),
    ],
)
def test_first_looks_at_the_very_first_counting_event_whatever_its_product(facts, stretches):
    test = events("FIRST", product="voice", at_least_minor=1)

    assert {tuple(held(test, *order)) for order in permutations(facts)} == {tuple(stretches)}


def test_what_first_has_lost_comes_back_with_at_least_one_minor_unit():
    test = events("FIRST")

    assert held(test, paid(1, 0)) == [(1, None)]
    assert held(test, paid(1, 0), refunded(2, 0)) == [(1, 2)]
    assert held(test, paid(1, 0), refunded(2, 0), paid(3, 1)) == [(1, 2), (3, None)]


@pytest.mark.parametrize("kind", ["OCCURRED", "FIRST", "TOTAL"])
def test_product_and_category_filter_what_counts_and_what_undoes(kind):
    test = events(kind, product="voice", category="support", at_least_minor=10)
    right, wrong = ("voice", "support"), [("voice", ""), ("", "support"), ("chat", "support")]

    assert held(test, paid(1, 10, *right), *(refunded(2, 10, *other) for other in wrong)) == [(1, None)]
    assert held(test, paid(1, 10, *right), refunded(2, 10, *right)) == [(1, 2)]
    assert [held(test, paid(1, 10, *other)) for other in wrong] == [[], [], []]


@pytest.mark.parametrize("kind", ["OCCURRED", "FIRST", "TOTAL"])
@pytest.mark.parametrize(
    ("deadline", "of_the_test"),
    [("earn_by", False), ("before", True)],
)
def test_a_deadline_is_exclusive_and_limits_what_counts_but_not_what_undoes(kind, deadline, of_the_test):
    limit = {deadline: after(5)}
    test = events(kind, at_least_minor=10, **(limit if of_the_test else {}))
    of_the_terms = {} if of_the_test else limit

    assert held(test, paid(5, 10), **of_the_terms) == []
    assert held(test, Fact("invoice.paid", after(5) - SECOND, 10), **of_the_terms) != []
    assert held(test, paid(4, 10), refunded(9, 10), **of_the_terms) == [(4, 9)]
    assert held(test, paid(4, 10), refunded(9, 10), paid(10, 10), **of_the_terms) == [(4, 9)]


def test_sign_up_and_decisions_have_no_deadline():
    late = [Ruling(after(50), True)]  # noqa: FBT003

    assert held(MilestoneTest("SIGNED_UP"), earn_by=SIGNED_UP_AT) == [(0, None)]
    assert held(MilestoneTest("QUALIFIED"), rulings=late, earn_by=SIGNED_UP_AT) == [(50, None)]


@pytest.mark.parametrize(
    ("zone", "days", "deadline"),
    [
        ("UTC", 0, 6),
        ("UTC", 2, 54),
        ("America/Los_Angeles", 0, 13),
        # There is no midnight on April 26, 2024: the 25th ends when the clocks jump.
        ("Africa/Cairo", 2, 52),
        ("Africa/Cairo", 3, 75),
    ],
)
def test_within_days_ends_with_the_nth_day_after_the_day_of_sign_up_in_the_zone(zone, days, deadline):
    test = events("OCCURRED", within_days=days)

    assert held(test, paid(deadline - 1 / 3_600), zone=ZoneInfo(zone)) != []
    assert held(test, paid(deadline), zone=ZoneInfo(zone)) == []


def test_within_one_test_the_earliest_deadline_counts():
    test = events("OCCURRED", before=after(30), within_days=3)

    assert held(test, paid(29)) == [(29, None)]
    assert held(test, paid(30)) == []
    assert held(test, paid(29), earn_by=after(29)) == []


def test_any_holds_while_one_test_does_and_all_while_every_one_does():
    occurred = events("OCCURRED", undone_by=frozenset())
    tests = (events("TOTAL", at_least_minor=10), MilestoneTest("QUALIFIED"), occurred)
    facts = [paid(1, 10), refunded(4, 10)]
    rulings = [Ruling(after(2), True), Ruling(after(3), False)]  # noqa: FBT003

    any_of = outcome_of(rules(MilestoneRule("m", tests[:2])), facts, rulings)
    all_of = outcome_of(rules(MilestoneRule("m", tests, needs_all=True)), facts, rulings)

    assert any_of.histories["m"] == (Stretch(after(1), after(4)),)
    assert all_of.histories["m"] == (Stretch(after(2), after(3)),)
    assert (any_of.reached_at("m"), any_of.holds("m")) == (after(1), False)


def test_two_stretches_that_touch_are_one():
    tests = (events("OCCURRED", product="a"), events("OCCURRED", product="b"))
    facts = [paid(1, product="a"), refunded(3, product="a"), paid(3, product="b")]

    assert outcome_of(rules(MilestoneRule("m", tests)), facts).histories["m"] == (Stretch(after(1)),)


def test_a_milestone_after_others_holds_only_while_they_do_wherever_they_stand_in_the_file():
    purchase = MilestoneRule("purchase", (events("OCCURRED"),), after=("qualified", "signed_up"))
    terms = rules(
        purchase,
        MilestoneRule("qualified", (MilestoneTest("QUALIFIED"),), after=("signed_up",)),
        MilestoneRule("signed_up", (MilestoneTest("SIGNED_UP"),)),
    )
    rulings = [Ruling(after(3), True), Ruling(after(6), False), Ruling(after(8), True)]  # noqa: FBT003

    outcome = outcome_of(terms, [paid(1)], rulings)

    assert outcome.histories["purchase"] == (Stretch(after(3), after(6)), Stretch(after(8)))
    assert outcome.together(["purchase", "signed_up"]) == outcome.histories["purchase"]
    assert outcome_of(terms, [paid(1)]).first_unmet(["signed_up", "purchase", "qualified"]) == "purchase"
    assert outcome.first_unmet(["signed_up", "purchase"]) is None


def test_a_stretch_begins_with_its_first_instant_and_ends_before_its_last():
    stretch = Stretch(after(1), after(2))

    assert [stretch.covers(at) for at in (after(1) - SECOND, after(1), after(2) - SECOND, after(2))] == [
        False,
        True,
        True,
        False,
    ]
    assert Stretch(after(1)).covers(after(1_000))


def test_the_event_types_of_milestones_are_those_that_their_tests_count():
    usage = events("OCCURRED", counts=frozenset({"usage.recorded"}))
    terms = rules(
        MilestoneRule("paid", (events("FIRST"), MilestoneTest("QUALIFIED"))),
        MilestoneRule("used", (usage,)),
    )

    assert terms.counting_types(["paid"]) == PAID
    assert terms.counting_types(["paid", "used"]) == {"invoice.paid", "usage.recorded"}
    assert terms.counting_types([]) == frozenset()


# --- deadlines of an account --------------------------------------------------------------------------

LATE, EARLY = after(100), after(50)


@pytest.mark.parametrize(
    ("qualified_by", "earn_by", "tests", "needs_all", "deadline"),
    [
        ("STAFF", None, [LATE], False, None),
        ("STAFF", EARLY, [LATE], False, EARLY),
        ("m", None, [None], False, None),
        ("m", None, [EARLY, LATE], False, LATE),
        ("m", None, [EARLY, None], False, None),
        ("m", LATE, [EARLY, None], False, LATE),
        ("m", EARLY, [LATE, LATE], False, EARLY),
        ("m", None, [LATE, EARLY], True, EARLY),
        ("m", None, [None, LATE], True, LATE),
        ("m", None, [None, None], True, None),
        ("m", EARLY, [None, LATE], True, EARLY),
    ],
)
def test_an_undecided_account_expires_when_nothing_can_qualify_it_any_more(
    qualified_by, earn_by, tests, needs_all, deadline
):
    milestone = MilestoneRule("m", tuple(events("OCCURRED", before=before) for before in tests), needs_all)

    terms = rules(milestone, qualified_by=qualified_by, earn_by=earn_by)

    assert terms.deadline(SIGNED_UP_AT) == deadline


def test_the_days_of_a_deadline_are_counted_from_the_sign_up():
    terms = rules(MilestoneRule("m", (events("OCCURRED", within_days=1),)), qualified_by="m")

    assert terms.deadline(SIGNED_UP_AT) == datetime(2024, 4, 25, tzinfo=UTC)
