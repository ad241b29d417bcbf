"""The evaluator against an oracle that asks the published sentences anew at every instant."""

from datetime import UTC, datetime, timedelta
from itertools import groupby
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st

from referrals.rules.facts import Fact
from referrals.rules.milestones import Outcome, Ruling, Stretch, evaluate
from referrals.rules.terms import MilestoneRule, MilestoneTest, TermsRules
from referrals.rules.zones import local_date

SIGNED_UP_AT = datetime(2024, 4, 23, 18, tzinfo=UTC)
PAID, REFUNDED = frozenset({"invoice.paid"}), frozenset({"invoice.refunded"})


def after(hours: int) -> datetime:
    return SIGNED_UP_AT + timedelta(hours=hours)


def outcome_of(terms: TermsRules, facts: list[Fact], rulings: list[Ruling]) -> Outcome:
    return evaluate(terms, signed_up_at=SIGNED_UP_AT, facts=facts, rulings=rulings)


def is_met_at(
    test: MilestoneTest, terms: TermsRules, facts: list[Fact], rulings: list[Ruling], at: datetime
) -> bool:
    """A sentence of programs/README.md, said of one instant with what had happened by then."""
    if test.kind == "SIGNED_UP":
        return at >= SIGNED_UP_AT
    if test.kind == "QUALIFIED":
        said = [ruling.qualified for ruling in sorted(rulings, key=lambda r: r.at) if ruling.at <= at]
        return said[-1:] == [True]

    def is_of_the_test(fact: Fact) -> bool:
        return (not test.product or fact.product == test.product) and (
            not test.category or fact.category == test.category
        )

    def is_in_time(fact: Fact) -> bool:
        days = local_date(fact.occurred_at, terms.zone) - local_date(SIGNED_UP_AT, terms.zone)
        return (
            (terms.earn_by is None or fact.occurred_at < terms.earn_by)
            and (test.before is None or fact.occurred_at < test.before)
            and (test.within_days is None or days.days <= test.within_days)
        )

    at_least = test.at_least_minor or 0
    happened = [fact for fact in facts if SIGNED_UP_AT <= fact.occurred_at <= at]
    in_time = [fact for fact in happened if fact.type in test.counts and is_in_time(fact)]
    undone = [fact for fact in happened if fact.type in test.undone_by and is_of_the_test(fact)]
    counted = [fact for fact in in_time if is_of_the_test(fact)]
    net = sum(fact.amount_minor for fact in counted) - sum(fact.amount_minor for fact in undone)
    enough = [fact for fact in in_time if fact.amount_minor >= at_least]
    match test.kind:
        case "OCCURRED":
            latest = max((fact.occurred_at for fact in enough if is_of_the_test(fact)), default=None)
            return latest is not None and all(fact.occurred_at < latest for fact in undone)
        case "TOTAL":
            return net >= at_least
        case "FIRST":
            first_at = min((fact.occurred_at for fact in enough), default=None)
            is_first = any(fact.occurred_at == first_at and is_of_the_test(fact) for fact in enough)
            return is_first and (not undone or net >= max(at_least, 1))
    raise AssertionError(test.kind)


def milestone_holds_at(code: str, terms: TermsRules, *told, at: datetime) -> bool:
    milestone = terms.by_code[code]
    holding = [is_met_at(test, terms, *told, at) for test in milestone.tests]
    combined = all(holding) if milestone.needs_all else any(holding)
    return combined and all(milestone_holds_at(earlier, terms, *told, at=at) for earlier in milestone.after)


def histories_from_scratch(terms: TermsRules, facts: list[Fact], rulings: list[Ruling]) -> dict[str, tuple]:
    """Ask each milestone anew at every instant at which something happened."""
    instants = sorted({SIGNED_UP_AT, *(f.occurred_at for f in facts), *(r.at for r in rulings)})
    histories = {}
    for code in terms.by_code:
        verdicts = [(at, milestone_holds_at(code, terms, facts, rulings, at=at)) for at in instants]
        runs = [(next(run)[0], holds) for holds, run in groupby(verdicts, key=lambda verdict: verdict[1])]
        ends = [since for since, _ in runs[1:]] + [None]
        histories[code] = tuple(
            Stretch(since, until) for (since, holds), until in zip(runs, ends, strict=True) if holds
        )
    return histories


# Midnights of the three zones among them, and before the sign-up.
instants = (st.sampled_from([-1, 0, 4, 6, 13, 28, 30, 37, 52]) | st.integers(0, 80)).map(after)
zones = st.sampled_from(["UTC", "America/Los_Angeles", "Africa/Cairo"]).map(ZoneInfo)
types = ["invoice.paid", "invoice.paid", "invoice.refunded", "payment.received", "payment.refunded"]


@st.composite
def some_tests(draw, few: st.SearchStrategy[datetime]) -> MilestoneTest:
    kind = draw(st.sampled_from(["QUALIFIED", "SIGNED_UP", *["OCCURRED", "FIRST", "TOTAL"] * 3]))
    if kind in ("SIGNED_UP", "QUALIFIED"):
        return MilestoneTest(kind)
    return MilestoneTest(
        kind,
        counts=draw(st.sampled_from([PAID, PAID | {"payment.received"}])),
        undone_by=draw(st.sampled_from([REFUNDED, REFUNDED | {"payment.refunded"}, frozenset()])),
        product=draw(st.sampled_from(["voice", ""])),
        category=draw(st.sampled_from(["", "", "support"])),
        at_least_minor=draw(st.integers(1, 9) if kind == "TOTAL" else st.sampled_from([None, 0, 1, 3])),
        before=draw(st.none() | st.none() | few),
        within_days=draw(st.none() | st.none() | st.integers(0, 3)),
    )


@st.composite
def some_terms(draw, few: st.SearchStrategy[datetime]) -> TermsRules:
    milestones: list[MilestoneRule] = []
    for code in "abc"[: draw(st.integers(1, 3))]:
        earlier = [milestone.code for milestone in milestones]
        milestones.append(
            MilestoneRule(
                code,
                tests=tuple(draw(st.lists(some_tests(few), min_size=1, max_size=2))),
                needs_all=draw(st.booleans()),
                after=tuple(draw(st.lists(st.sampled_from(earlier), unique=True))) if earlier else (),
            )
        )
    return TermsRules(
        zone=draw(zones),
        milestones=tuple(draw(st.permutations(milestones))),
        earn_by=draw(st.none() | st.none() | st.none() | few),
    )


@st.composite
def stories(draw) -> tuple[TermsRules, list[Fact], list[Ruling]]:
    """Terms, facts and decisions that share a few instants, so that much happens at one of them."""
    few = st.sampled_from(draw(st.lists(instants, min_size=2, max_size=4)))
    fact = st.builds(
        Fact,
        type=st.sampled_from(types),
        occurred_at=few,
        amount_minor=st.sampled_from([0, 1, 3, 5]),
        product=st.sampled_from(["voice", "voice", "chat"]),
        category=st.sampled_from(["support", "support", ""]),
    )
    ruling = st.builds(Ruling, at=few.map(lambda at: max(at, SIGNED_UP_AT)), qualified=st.booleans())
    return (
        draw(some_terms(few)),
        draw(st.lists(fact, min_size=1, max_size=7)),
        draw(st.lists(ruling, max_size=3)),
    )


@settings(max_examples=300, deadline=None)
@given(data=st.data(), story=stories())
def test_the_evaluator_finds_what_asking_at_every_instant_finds_in_whatever_order_facts_come(data, story):
    terms, facts, rulings = story
    expected = histories_from_scratch(terms, facts, rulings)

    outcome = outcome_of(terms, data.draw(st.permutations(facts)), rulings)

    assert outcome.histories == expected
    for code, history in expected.items():
        assert outcome.reached_at(code) == (history[0].since if history else None)
        assert outcome.holds(code) == (history[-1:] != () and history[-1].until is None)


@settings(max_examples=100, deadline=None)
@given(story=stories())
def test_milestones_hold_together_while_each_of_them_does(story):
    terms, facts, rulings = story
    outcome = outcome_of(terms, facts, rulings)
    happened = {SIGNED_UP_AT, *(f.occurred_at for f in facts), *(r.at for r in rulings)}

    together = outcome.together(terms.by_code)

    for at in happened:
        each = [any(s.covers(at) for s in outcome.histories[code]) for code in terms.by_code]
        assert any(stretch.covers(at) for stretch in together) == all(each)
