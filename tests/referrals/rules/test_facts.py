"""Facts about an account: the closed list, and what the account is after them."""

from datetime import UTC, datetime, timedelta
from itertools import permutations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from referrals.rules.facts import (
    ACTIVITY_AFTER,
    Activity,
    ActivitySince,
    EventType,
    Fact,
    activity,
    first_payment_at,
)

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)

# As programs/README.md says it.
MADE_BY = {
    "ACTIVE": {"account.activated", "subscription.started"},
    "PAUSED": {"account.paused"},
    "PAST_DUE": {"account.past_due"},
    "CANCELLED": {"account.cancelled", "subscription.cancelled"},
}
FROM_GOOD_TO_BAD = ["ACTIVE", "PAUSED", "PAST_DUE", "CANCELLED"]

some_facts = st.lists(
    st.builds(
        Fact,
        type=st.sampled_from(EventType.values()),
        occurred_at=st.integers(0, 6).map(lambda hours: NOON + hours * HOUR),
        amount_minor=st.integers(0, 2),
    ),
    max_size=7,
)


def activity_by_walking(facts: list[Fact], *, as_of: datetime) -> str:
    """Walk from hour to hour; in each, the worst that is told decides, and nothing told changes nothing."""
    now = "ACTIVE"
    for at in sorted({fact.occurred_at for fact in facts if fact.occurred_at <= as_of}):
        told = [fact.type for fact in facts if fact.occurred_at == at]
        made = [state for state in FROM_GOOD_TO_BAD if MADE_BY[state] & set(told)]
        now = made[-1] if made else now
    return now


def test_the_list_of_event_types_is_the_published_one():
    assert EventType.values() == [
        "account.activated",
        "account.paused",
        "account.past_due",
        "account.cancelled",
        "subscription.started",
        "subscription.cancelled",
        "subscription.refunded",
        "invoice.issued",
        "invoice.paid",
        "invoice.refunded",
        "payment.received",
        "payment.refunded",
        "earning.posted",
        "earning.reversed",
        "usage.recorded",
        "usage.reversed",
    ]
    assert EventType.ACCOUNT_PAST_DUE.label == "account: past due"


@pytest.mark.parametrize("type", EventType)
def test_each_event_type_moves_the_activity_as_published_or_not_at_all(type):
    makes = [state for state, types in MADE_BY.items() if type.value in types]

    assert [ACTIVITY_AFTER[type].value] == makes if type in ACTIVITY_AFTER else makes == []


def test_an_account_is_active_at_first_and_facts_about_money_do_not_change_that():
    facts = [Fact("invoice.paid", NOON, 100), Fact("subscription.refunded", NOON)]

    assert activity(facts, as_of=NOON) == ActivitySince(Activity.ACTIVE, None)


def test_the_latest_fact_decides_in_whatever_order_they_are_told():
    facts = [
        Fact("account.paused", NOON),
        Fact("account.activated", NOON + 2 * HOUR),
        Fact("account.past_due", NOON + HOUR),
    ]

    told_in_every_order = {activity(order, as_of=NOON + 3 * HOUR) for order in permutations(facts)}

    assert told_in_every_order == {ActivitySince(Activity.ACTIVE, NOON + 2 * HOUR)}


def test_of_two_facts_at_one_instant_the_worse_one_decides():
    facts = [Fact("account.activated", NOON), Fact("account.cancelled", NOON), Fact("account.paused", NOON)]

    told_in_every_order = {activity(order, as_of=NOON) for order in permutations(facts)}

    assert told_in_every_order == {ActivitySince(Activity.CANCELLED, NOON)}


def test_a_fact_counts_from_its_own_instant_on():
    facts = [Fact("account.cancelled", NOON)]

    assert activity(facts, as_of=NOON - timedelta(microseconds=1)) == ActivitySince(Activity.ACTIVE, None)
    assert activity(facts, as_of=NOON) == ActivitySince(Activity.CANCELLED, NOON)


@settings(max_examples=200, deadline=None)
@given(data=st.data(), facts=some_facts, hours=st.integers(-1, 7))
def test_the_activity_is_the_one_found_by_walking_and_no_order_changes_it(data, facts, hours):
    as_of = NOON + hours * HOUR

    found = activity(facts, as_of=as_of)

    assert found.activity == activity_by_walking(facts, as_of=as_of)
    assert activity(data.draw(st.permutations(facts)), as_of=as_of) == found


@settings(max_examples=100, deadline=None)
@given(facts=some_facts)
def test_the_first_payment_is_the_earliest_above_zero(facts):
    ordered = sorted(facts, key=lambda fact: fact.occurred_at)
    paid = [f for f in ordered if f.type in {"invoice.paid", "payment.received"} and f.amount_minor > 0]

    assert first_payment_at(facts) == (paid[0].occurred_at if paid else None)
