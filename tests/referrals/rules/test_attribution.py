"""Which touch brought a sign-up: the published rules one by one, and an oracle that compares pair by pair."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from referrals.rules.attribution import AttributionRules, Candidate, TouchKind, Winner, attribute
from referrals.rules.words import AttributionMethod

SIGNED_UP_AT = datetime(2026, 3, 31, 12, tzinfo=UTC)
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
DAY = timedelta(days=1)
SECOND = timedelta(seconds=1)

ORDINARY = AttributionRules(
    methods={"LINK", "CODE", "MANUAL"},
    touch="LAST",
    window_days=30,
    code_beats_link=True,
    old_links_work=True,
    old_codes_work=True,
)


def opened(*, before: timedelta = DAY, key: int = 1, **changes) -> Candidate:
    return touch(TouchKind.OPENED_LINK, at=SIGNED_UP_AT - before, key=key, **changes)


def typed_code(**changes) -> Candidate:
    return touch(TouchKind.TYPED_CODE, **changes)


def form_link(**changes) -> Candidate:
    return touch(TouchKind.FORM_LINK, **changes)


def touch(kind: TouchKind, **changes) -> Candidate:
    ordinary = {
        "at": SIGNED_UP_AT,
        "key": 0,
        "valid_from": LONG_AGO,
        "valid_until": None,
        "referrer_is_active": True,
    }
    return Candidate(kind=kind, **{**ordinary, **changes})


def brought_by(*candidates: Candidate, **changes) -> tuple[Candidate, str] | None:
    won = attribute(candidates, rules=replace(ORDINARY, **changes), signed_up_at=SIGNED_UP_AT)
    return (won.candidate, won.rule) if won else None


def test_nobody_brought_an_account_without_a_touch():
    assert brought_by() is None


@pytest.mark.parametrize("only", [opened(), typed_code(), form_link()])
def test_a_single_touch_brought_it(only):
    assert brought_by(only) == (only, "only_touch")


def test_of_several_links_the_last_or_the_first_wins_as_the_terms_say():
    first, second, third = opened(before=3 * DAY), opened(before=2 * DAY, key=2), form_link()

    assert brought_by(second, third, first) == (third, "last_touch")
    assert brought_by(second, third, first, touch="FIRST") == (first, "first_touch")


def test_a_typed_code_beats_links_that_came_later_at_the_same_instant():
    code, link = typed_code(), form_link()

    assert brought_by(link, code) == (code, "code_beats_link")
    assert brought_by(link, code, touch="FIRST") == (code, "code_beats_link")


def test_where_a_code_is_one_more_touch_the_order_at_one_instant_is_opened_typed_form():
    link, code, form = opened(before=0 * DAY), typed_code(), form_link()

    assert brought_by(code, form, link, code_beats_link=False) == (form, "last_touch")
    assert brought_by(code, link, code_beats_link=False) == (code, "last_touch")
    assert brought_by(code, form, link, code_beats_link=False, touch="FIRST") == (link, "first_touch")
    assert brought_by(code, form, code_beats_link=False, touch="FIRST") == (code, "first_touch")


def test_of_two_links_opened_at_one_instant_the_later_row_came_later():
    earlier, later = opened(key=7), opened(key=8)

    assert brought_by(later, earlier) == (later, "last_touch")


@pytest.mark.parametrize(
    ("before", "counts"),
    [
        (30 * DAY, True),
        (30 * DAY + SECOND, False),
        (timedelta(0), True),
        (-SECOND, False),
    ],
)
def test_both_ends_of_the_window_belong_to_it(before, counts):
    link = opened(before=before)

    assert brought_by(link) == ((link, "only_touch") if counts else None)


@pytest.mark.parametrize(
    ("candidate", "methods", "counts"),
    [
        (opened(), {"LINK"}, True),
        (form_link(), {"LINK"}, True),
        (typed_code(), {"LINK"}, False),
        (typed_code(), {"CODE"}, True),
        (opened(), {"CODE", "MANUAL"}, False),
        (form_link(), {"CODE", "MANUAL"}, False),
    ],
)
def test_a_touch_counts_by_a_method_of_the_program(candidate, methods, counts):
    assert (brought_by(candidate, methods=methods) is not None) is counts


def test_a_referrer_who_is_not_active_brings_nobody_and_leaves_it_to_others():
    active = opened(before=2 * DAY)

    assert brought_by(form_link(referrer_is_active=False)) is None
    assert brought_by(form_link(referrer_is_active=False), active) == (active, "only_touch")


def test_a_link_counts_from_the_instant_at_which_it_was_made():
    just_made = opened(valid_from=SIGNED_UP_AT - DAY)
    made_later = opened(valid_from=SIGNED_UP_AT - DAY + SECOND)

    assert brought_by(just_made) == (just_made, "only_touch")
    assert brought_by(made_later) is None


@pytest.mark.parametrize(
    ("candidate", "old_ones"),
    [(opened, "old_links_work"), (form_link, "old_links_work"), (typed_code, "old_codes_work")],
)
def test_a_replaced_one_counts_if_it_was_valid_when_used_or_old_ones_work(candidate, old_ones):
    used_at = candidate().at
    still_valid = candidate(valid_until=used_at + SECOND)
    replaced = candidate(valid_until=used_at)

    assert brought_by(still_valid, **{old_ones: False}) == (still_valid, "only_touch")
    assert brought_by(replaced, **{old_ones: False}) is None
    assert brought_by(replaced, **{old_ones: True}) == (replaced, "only_touch")


def test_old_codes_may_work_where_old_links_do_not():
    link = form_link(valid_until=SIGNED_UP_AT - DAY)
    code = typed_code(valid_until=SIGNED_UP_AT - DAY)

    assert brought_by(link, code, old_links_work=False) == (code, "only_touch")


def test_a_form_link_is_a_link_and_a_typed_code_a_code():
    methods = [candidate.method for candidate in (opened(), form_link(), typed_code())]

    assert methods == [AttributionMethod.LINK, AttributionMethod.LINK, AttributionMethod.CODE]


# --- the oracle -----------------------------------------------------------------------------------------

ORDER_AT_ONE_INSTANT = ["OPENED_LINK", "TYPED_CODE", "FORM_LINK"]
hours = st.sampled_from([-1, 0, 1, 24, 30 * 24 - 1, 30 * 24, 30 * 24 + 1, 31 * 24])


def counts(candidate: Candidate, rules: AttributionRules) -> bool:
    """The sentences of cases/README.md about one touch."""
    is_code = candidate.kind.name == "TYPED_CODE"
    by_a_method = ("CODE" if is_code else "LINK") in rules.methods
    age = SIGNED_UP_AT - candidate.at
    in_the_window = timedelta(0) <= age <= timedelta(hours=24 * rules.window_days)
    was_made = candidate.valid_from <= candidate.at
    was_valid_when_used = candidate.valid_until is None or candidate.valid_until > candidate.at
    old_ones_work = rules.old_codes_work if is_code else rules.old_links_work
    return (
        by_a_method
        and in_the_window
        and was_made
        and (was_valid_when_used or old_ones_work)
        and candidate.referrer_is_active
    )


def came_before(one: Candidate, other: Candidate) -> bool:
    if one.at != other.at:
        return one.at < other.at
    if one.kind != other.kind:
        return ORDER_AT_ONE_INSTANT.index(one.kind.name) < ORDER_AT_ONE_INSTANT.index(other.kind.name)
    return one.key < other.key


def chosen_by_comparing(candidates: list[Candidate], rules: AttributionRules) -> Candidate | None:
    """The touch that no other beats, found by looking at each pair."""

    def beats(one: Candidate, other: Candidate) -> bool:
        codes = [candidate.kind.name == "TYPED_CODE" for candidate in (one, other)]
        if rules.code_beats_link and codes[0] != codes[1]:
            return codes[0]
        return came_before(one, other) if rules.touch == "FIRST" else came_before(other, one)

    counting = [candidate for candidate in candidates if counts(candidate, rules)]
    unbeaten = [
        one for one in counting if not any(beats(other, one) for other in counting if other is not one)
    ]
    assert len(unbeaten) == (1 if counting else 0)
    return unbeaten[0] if unbeaten else None


@st.composite
def several_touches(draw) -> list[Candidate]:
    def drawn(kind: TouchKind, *, before: int, key: int) -> Candidate:
        at = SIGNED_UP_AT - timedelta(hours=before)
        made, ended = draw(st.integers(-2, 1)), draw(st.none() | st.integers(-1, 1))
        return touch(
            kind,
            at=at,
            key=key,
            valid_from=at + timedelta(hours=made),
            valid_until=None if ended is None else at + timedelta(hours=max(made, ended)),
            referrer_is_active=draw(st.integers(0, 4)) > 0,
        )

    links = [drawn(TouchKind.OPENED_LINK, before=draw(hours), key=n) for n in range(draw(st.integers(0, 4)))]
    at_the_sign_up = draw(st.sets(st.sampled_from([TouchKind.TYPED_CODE, TouchKind.FORM_LINK])))
    return [*links, *(drawn(kind, before=0, key=0) for kind in sorted(at_the_sign_up))]


some_rules = st.builds(
    AttributionRules,
    methods=st.sets(st.sampled_from(["LINK", "CODE", "MANUAL"])),
    touch=st.sampled_from(["FIRST", "LAST"]),
    window_days=st.sampled_from([1, 30]),
    code_beats_link=st.booleans(),
    old_links_work=st.booleans(),
    old_codes_work=st.booleans(),
)


@settings(max_examples=400, deadline=None)
@given(data=st.data(), candidates=several_touches(), rules=some_rules)
def test_the_winner_is_the_one_that_no_other_beats_in_whatever_order_they_are_looked_at(
    data, candidates, rules
):
    order = data.draw(st.permutations(candidates))

    won: Winner | None = attribute(order, rules=rules, signed_up_at=SIGNED_UP_AT)

    assert (won.candidate if won else None) == chosen_by_comparing(candidates, rules)
