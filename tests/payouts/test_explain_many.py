"""Why many accounts are not paid yet: the same answers as one by one, in a fixed number of queries."""

import pytest

from payouts import explain, explain_many, holds
from payouts.models import Bonus
from referrals import enrollment
from referrals.models import ReferredAccount
from tests.story import Story

pytestmark = pytest.mark.django_db

ON_MINIMUM = {"payout_schedule.minimum": "150.00"}


def told(story: Story) -> dict[str, str | None]:
    """The answers for all accounts at once."""
    rows = _rows()
    answers = explain_many.accounts(rows, as_of=story.now)
    return {row.host_account: answers[row.pk].first_unmet for row in rows}


def one_by_one(story: Story) -> dict[str, str | None]:
    return {
        row.host_account: explain.first_unmet(row.program, host_account=row.host_account, as_of=story.now)
        for row in _rows()
    }


def _rows() -> list[ReferredAccount]:
    found = ReferredAccount.objects.select_related("terms", "enrollment", "rejection_reason", "program")
    return list(explain_many.with_what_is_missing(found).order_by("pk"))


@pytest.fixture
def story() -> Story:
    return Story("smartcat")


def test_every_kind_of_answer_is_the_same_as_one_by_one(story):
    story.earn("expected")
    held = story.earn("held")
    holds.place(held, reason="fraud check", by=story.fay, at=story.now)
    story.revoke(story.earn("revoked").account)
    refused = story.sign_up("refused")
    story.decide(refused, "NOT_QUALIFIED", reason="freelancer")
    story.decide(story.sign_up("unbought"))
    story.sign_up("public", email="someone@gmail.com")
    story.wait(minutes=11)
    story.sign_up("new")

    assert told(story) == one_by_one(story)
    assert told(story) == {
        "expected": "window_not_open",
        "held": "fraud check",
        "revoked": "in_review",
        "refused": "freelancer",
        "unbought": "qualifying_purchase",
        "public": "public_email_domain",
        "new": "in_review",
    }


def test_what_is_paid_lacks_nothing_and_what_is_suspended_waits(story):
    story.earn("paid")
    story.pass_to("2026-03-16T00:05Z")
    story.earn("later")
    enrollment.suspend(story.rosa, program=story.program, by=story.sam, at=story.now, reason="a question")

    assert told(story) == one_by_one(story) == {"paid": None, "later": "referrer_suspended"}


def test_the_minimum_counts_what_is_due_to_each_referrer():
    story = Story("smartcat", ON_MINIMUM)
    story.earn("acme")
    story.earn("globex")
    story.earn("hooli", link="ben")
    story.now = story.now.replace(month=3, day=16)

    assert told(story) == one_by_one(story)
    assert told(story) == {"acme": "next_run", "globex": "next_run", "hooli": "below_minimum"}


@pytest.mark.parametrize("more", [1, 6])
def test_the_number_of_queries_does_not_grow(more, story, django_assert_num_queries):
    for number in range(more):
        story.earn(f"company{number}")
    rows = _rows()

    with django_assert_num_queries(1):
        explain_many.accounts(rows, as_of=story.now)


def test_of_a_bonus_that_was_cancelled_and_came_again_the_latest_is_shown(story):
    bonus = story.earn("acme")
    answers = explain_many.accounts(_rows(), as_of=story.now)

    assert [each.pk for each in answers[bonus.account_id].bonuses] == [bonus.pk]
    assert Bonus.objects.count() == 1
