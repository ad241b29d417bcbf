"""What undo, reopen, revoke and appeal leave of a review: who has it, for whom it is, round and appeal."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from payouts import proposals as confirmations
from payouts import reversals
from payouts.models import Bonus
from referrals import appeals, proposals, qualification, reviews, warning_signs
from referrals.models import ReferredAccount, Review
from referrals.rules.words import SignalKind
from tests.story import Story, refused

pytestmark = pytest.mark.django_db

REFUSED = {"result": "NOT_QUALIFIED", "reason": "incomplete"}


@pytest.fixture
def story() -> Story:
    return Story("smartcat")


def held_and_decided(story: Story, **decision: str) -> ReferredAccount:
    """Fay, to whom it was assigned, holds a company and decides."""
    account = story.sign_up("acme")
    review = open_review(account)
    Review.objects.filter(pk=review.pk).update(assigned_to=story.fay)
    reviews.claim(review, story.fay, at=story.now)
    story.decide(account, by=story.fay, **decision)
    return account


def open_review(account: ReferredAccount) -> Review:
    return Review.objects.get(account=account, closed_at=None)


def rounds(account: ReferredAccount) -> list[tuple[int, bool]]:
    """Each review of an account: its round, and whether it is open."""
    return [
        (each.round, each.closed_at is None)
        for each in Review.objects.filter(account=account).order_by("round")
    ]


def held(review: Review) -> tuple[object, ...]:
    return review.holder, review.held_since, review.held_until, review.assigned_to


SECONDS = timedelta(seconds=30)
NOBODY = (None, None, None, None)


def undo(story: Story, account: ReferredAccount) -> None:
    qualification.undo(account, by=story.fay, at=story.now)


def reopen(story: Story, account: ReferredAccount) -> None:
    story.wait(minutes=11)
    story.reopen(account)


def revoke(story: Story, account: ReferredAccount) -> None:
    story.wait(minutes=11)
    qualification.revoke(account, by=story.sam, at=story.now, reason="A double.")


def appeal(story: Story, account: ReferredAccount) -> None:
    story.wait(minutes=11)
    appeals.take_up(account, by=story.sam, at=story.now, evidence="An extract of the register.")


STEPS: dict[str, tuple[dict[str, str], Callable[[Story, ReferredAccount], None], list[tuple[int, bool]]]] = {
    "undo": ({}, undo, [(0, True)]),
    "undo a refusal": (REFUSED, undo, [(0, True)]),
    "reopen": (REFUSED, reopen, [(0, False), (1, True)]),
    "revoke": ({}, revoke, [(0, True)]),
    "appeal": (REFUSED, appeal, [(0, False), (1, True)]),
}


@pytest.mark.parametrize("name", STEPS)
def test_a_decision_that_did_not_last_leaves_one_open_review_that_nobody_has(name, story):
    decision, step, expected = STEPS[name]
    account = held_and_decided(story, **decision)

    step(story, account)

    assert rounds(account) == expected
    review = open_review(account)
    assert held(review) == NOBODY
    assert (review.appeal_of is not None) == (name == "appeal")
    assert not review.for_senior
    # Whoever asks next gets it, but for the first decider of an appeal.
    assert reviews.next_for(story.cara, at=story.now).get() == review
    assert reviews.next_for(story.fay, at=story.now).exists() == (name != "appeal")


@pytest.mark.parametrize("name", ["undo a refusal", "reopen", "appeal"])
def test_a_signal_that_nobody_has_settled_outlives_the_decision(name, story):
    decision, step, _ = STEPS[name]
    account = story.sign_up("acme")
    warning_signs.put(
        account, kind=SignalKind.EMPLOYEE, by=story.cara, at=story.now, note="Their names are alike."
    )
    story.decide(account, by=story.fay, **decision)

    step(story, account)

    assert open_review(account).for_senior
    assert not reviews.next_for(story.cara, at=story.now).exists()


def test_a_signal_that_is_settled_meanwhile_is_not_there_any_more(story):
    account = story.sign_up("acme")
    warning_signs.put(
        account, kind=SignalKind.EMPLOYEE, by=story.cara, at=story.now, note="Their names are alike."
    )
    story.decide(account, by=story.fay, **REFUSED)
    story.wait(minutes=11)
    warning_signs.settle(account, kind=SignalKind.EMPLOYEE, by=story.sam, at=story.now, note="Namesakes.")

    story.reopen(account)

    assert not open_review(account).for_senior


def test_with_a_bonus_one_person_revokes_nothing_and_two_open_the_review_again(story):
    bonus = story.earn("acme")
    account = bonus.account
    assert rounds(account) == [(0, False)]
    with refused("second_person_needed"):
        reversals.revoke(account, by=story.sam, at=story.now, reason="A double.")

    asked = proposals.propose(
        "revoke", target=str(account.pk), arguments={"reason": "A double."}, by=story.sam, at=story.now
    )
    with refused("same_person"):
        confirmations.confirm(asked, by=story.sam, at=story.now)
    confirmations.confirm(asked, by=story.fay, at=story.now)

    account.refresh_from_db()
    assert (account.status, rounds(account), held(open_review(account))) == ("IN_REVIEW", [(0, True)], NOBODY)
    assert (Bonus.objects.get().status, Bonus.objects.get().under_review) == (bonus.status, True)
    change = account.status_changes.last()
    assert (change.cause, change.changed_by, change.approved_by) == ("REVOKED", story.sam, story.fay)


def test_after_a_revocation_the_time_allowed_begins_anew(story):
    account = held_and_decided(story)
    story.wait(days=30)
    was_due = Review.objects.get().due_at
    Review.objects.update(escalated_at=was_due)

    qualification.revoke(account, by=story.sam, at=story.now, reason="A double.")

    review = open_review(account)
    assert was_due < story.now < review.due_at
    assert review.escalated_at is None


def test_an_undone_decision_gives_no_time_besides(story):
    account = held_and_decided(story)
    was_due = Review.objects.get().due_at
    story.now += SECONDS

    undo(story, account)

    assert open_review(account).due_at == was_due


def test_an_appeal_that_is_refused_again_and_reopened_is_no_appeal_any_more(story):
    account = held_and_decided(story, **REFUSED)
    appeal(story, account)
    story.decide(account, by=story.cara, **REFUSED)
    story.wait(minutes=11)

    story.reopen(account)

    assert rounds(account) == [(0, False), (1, False), (2, True)]
    assert [each.appeal_of is not None for each in Review.objects.order_by("round")] == [False, True, False]
