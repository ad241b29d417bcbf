"""What will not be paid is cancelled with a reason, and its booking reversed."""

import pytest

from payouts import cancellations
from payouts.models import Bonus, Transfer
from referrals import enrollment
from tests.story import Story, nothing_changes

pytestmark = pytest.mark.django_db

DUE = "2026-03-16T00:05Z"


def outcome():
    return list(Bonus.objects.order_by("pk").values_list("status", "cancel_reason"))


def booked():
    rows = Transfer.objects.order_by("pk")
    return [(t.kind, t.debit.kind, t.credit.kind, t.amount_minor, t.reverses_id) for t in rows]


def test_a_cancelled_bonus_is_owed_no_more_and_says_why():
    story = Story()
    bonus = story.earn()
    story.tell("acme", "subscription.refunded")
    story.pass_to(DUE)

    activated = Transfer.objects.get(kind="ACTIVATED")
    assert outcome() == [("CANCELLED", "milestone_no_longer_holds")]
    assert booked() == [
        ("ACTIVATED", "EXPENSE", "PAYABLE", 10_000, None),
        ("CANCELLED", "PAYABLE", "EXPENSE", 10_000, activated.pk),
    ]
    change = bonus.changes.last()
    assert (change.old_status, change.new_status, change.reason, change.changed_at) == (
        "ACTIVATED",
        "CANCELLED",
        "milestone_no_longer_holds",
        story.now,
    )


def test_what_does_not_hold_is_cancelled_when_it_is_due_and_not_before():
    story = Story()
    story.earn()
    story.tell("acme", "subscription.refunded")
    story.pass_to("2026-03-15T23:59Z")

    assert outcome() == [("ACTIVATED", "")]


ACTIVE = {"payout_schedule.condition": "REFERRED_ACCOUNT_ACTIVE"}


@pytest.mark.parametrize(
    ("event", "policy", "expected"),
    [
        ("account.cancelled", {}, ("CANCELLED", "referred_account_not_active")),
        ("account.paused", {"if_paused": "CANCEL"}, ("CANCELLED", "referred_account_not_active")),
        ("account.paused", {"if_paused": "WAIT"}, ("ACTIVATED", "")),
        ("account.paused", {"if_paused": "PAY"}, ("PAID", "")),
        ("account.past_due", {"if_past_due": "CANCEL"}, ("CANCELLED", "referred_account_not_active")),
        ("account.past_due", {"if_past_due": "WAIT"}, ("ACTIVATED", "")),
        ("account.past_due", {"if_past_due": "PAY"}, ("PAID", "")),
    ],
)
def test_an_account_that_is_not_active_cancels_waits_or_is_paid_as_the_schedule_says(event, policy, expected):
    story = Story(changes={**ACTIVE, **{f"payout_schedule.{key}": value for key, value in policy.items()}})
    story.earn()
    story.tell("acme", event)
    story.pass_to(DUE)

    assert outcome() == [expected]


@pytest.mark.parametrize("condition", ["NONE", "MILESTONE_HOLDS"])
def test_where_activity_is_not_asked_for_a_cancelled_account_is_paid(condition):
    story = Story(changes={"payout_schedule.condition": condition})
    story.earn()
    story.tell("acme", "account.cancelled")
    story.pass_to(DUE)

    assert outcome() == [("PAID", "")]


def test_where_no_condition_is_asked_for_a_refunded_bonus_is_paid():
    story = Story(changes={"payout_schedule.condition": "NONE"})
    story.earn()
    story.tell("acme", "subscription.refunded")
    story.pass_to(DUE)

    assert outcome() == [("PAID", "")]
    assert list(Bonus.objects.paid_exceptions()) == list(Bonus.objects.all())


def test_not_active_is_said_before_milestones_are_looked_at():
    story = Story(changes=ACTIVE)
    story.earn()
    story.tell("acme", "subscription.refunded")
    story.tell("acme", "account.cancelled")
    story.pass_to(DUE)

    assert outcome() == [("CANCELLED", "referred_account_not_active")]


def eligible(attribute, operator, value):
    row = {
        "code": "at_release",
        "attribute": attribute,
        "operator": operator,
        "value": value,
        "checked_at": "RELEASE",
        "reason": "suspected_fraud",
    }
    return {"eligibility.at_release": row}


@pytest.mark.parametrize(
    ("row", "changes", "is_paid"),
    [
        (("is_partner", "IS", False), {}, True),
        (("is_partner", "IS", False), {"is_partner": True}, False),
        (("is_partner", "IS_NOT", False), {}, False),
        (("country", "IN", ["DE", "AT"]), {"country": "DE"}, True),
        (("country", "IN", ["DE", "AT"]), {"country": "FR"}, False),
        (("country", "IN", ["DE", "AT"]), {}, False),
        (("country", "NOT_IN", ["DE", "AT"]), {"country": "FR"}, True),
        (("country", "NOT_IN", ["DE", "AT"]), {"country": "DE"}, False),
        (("kind", "IS_NOT", "CLIENT"), {"kind": "CLIENT"}, False),
        (("tier", "IS", "gold"), {"tier": "gold"}, True),
    ],
)
def test_the_referrer_of_that_moment_must_be_what_release_asks_for(row, changes, is_paid):
    story = Story(changes=eligible(*row))
    story.earn()
    enrollment.change_referrer(story.rosa, changes=changes)
    story.pass_to(DUE)

    assert outcome() == [("PAID", "") if is_paid else ("CANCELLED", "suspected_fraud")]


@pytest.mark.parametrize("status", ["ACTIVATED", "APPROVED"])
def test_an_account_refused_by_a_decision_takes_its_unpaid_bonus_with_it(status):
    story = Story(changes={"payout_schedule.release": "AFTER_APPROVAL"})
    bonus = story.earn()
    if status == "APPROVED":
        story.pass_to(DUE)
        story.approve_all()
    story.revoke(bonus.account)
    story.decide(bonus.account, "NOT_QUALIFIED", reason="suspected_fraud")
    story.wait(minutes=11)

    assert outcome() == [("CANCELLED", "qualification_revoked")]
    assert list(bonus.changes.values_list("old_status", "new_status"))[-1] == (status, "CANCELLED")


def test_many_are_cancelled_in_chunks(monkeypatch):
    monkeypatch.setattr(cancellations, "CHUNK", 2)
    story = Story()
    for name in ("one", "two", "three", "four", "five"):
        story.earn(name)

    assert cancellations.cancel_each(Bonus.objects.unpaid(), reason="for_a_test", at=story.now) == 5
    assert outcome() == [("CANCELLED", "for_a_test")] * 5


def test_if_one_of_them_was_paid_meanwhile_none_is_cancelled():
    story = Story()
    story.earn()
    story.pass_to(DUE)
    story.earn("beta")

    with nothing_changes(), pytest.raises(cancellations.CancelledMeanwhile):
        cancellations.cancel_each(Bonus.objects.all(), reason="for_a_test", at=story.now)
