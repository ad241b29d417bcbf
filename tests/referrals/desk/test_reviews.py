"""The queue: who gets which company, when it may be called, and that nobody calls what a colleague holds."""

from datetime import datetime, timedelta

import pytest
from django.contrib.auth.models import Permission, User
from django.db.models import Q

from referrals import desk, qualification, reviews
from referrals.models import CallOutcome, Note, ReferredAccount, Review
from referrals.reviews import LEASE
from tests.story import Story, at_once

pytestmark = pytest.mark.django_db

# A Tuesday: 11:00 in Berlin, 05:00 in New York.
NOW = datetime.fromisoformat("2026-02-03T10:00Z")


def at(text: str) -> datetime:
    return datetime.fromisoformat(text)


@pytest.fixture
def story() -> Story:
    """Smartcat, whose callers call from 9 to 17 on the company's clock."""
    story = Story("smartcat")
    story.now = NOW
    return story


def company(story: Story, name: str, phone: str = "+49 30 123456") -> Review:
    """A company that waits, with its review."""
    account = story.sign_up(name, phone=phone)
    return Review.objects.get(account=account, closed_at=None)


def outcome(review: Review, code: str) -> CallOutcome:
    return review.program.call_outcomes.get(code=code)


def call(review: Review, code: str, by: User, *, now: datetime = NOW, **more: object) -> Review:
    account = ReferredAccount.objects.get(pk=review.account_id)
    desk.log_call(account, outcome=outcome(review, code), by=by, at=now, **more)
    review.refresh_from_db()
    return review


def served(person: User, *, now: datetime = NOW, **more: object) -> str | None:
    found = reviews.claim_next(person, at=now, **more)
    return found and found.account.host_account


# --- calling hours ----------------------------------------------------------------------------------------


def test_a_company_is_served_within_its_own_calling_hours_only(story):
    company(story, "newyork", "+1 212 555 0100")
    assert served(story.cara) is None
    assert reviews.next_opening(at=NOW) == at("2026-02-03T14:00Z")

    company(story, "berlin")
    assert served(story.cara) == "berlin"
    # Its lease is over by then, and New York's time to be decided ends first.
    assert served(story.cara, now=at("2026-02-03T14:00Z")) == "newyork"
    assert served(story.sam, now=at("2026-02-03T14:00Z")) == "berlin"


def test_when_its_hours_are_over_the_next_ones_are_known(story):
    review = company(story, "berlin")
    evening = at("2026-02-06T16:00Z")
    assert served(story.cara, now=evening) is None

    assert reviews.move_to_next_hours(as_of=evening) == 1
    review.refresh_from_db()

    assert (review.opens_at, review.closes_at) == (at("2026-02-09T08:00Z"), at("2026-02-09T16:00Z"))
    assert reviews.move_to_next_hours(as_of=evening) == 0
    assert served(story.cara, now=at("2026-02-09T08:00Z")) == "berlin"


def test_all_companies_of_a_zone_move_together(story, django_assert_max_num_queries):
    for number in range(5):
        company(story, f"berlin{number}")
    company(story, "newyork", "+1 212 555 0100")

    with django_assert_max_num_queries(12):
        assert reviews.move_to_next_hours(as_of=at("2026-02-06T23:00Z")) == 6


def test_the_zone_that_staff_have_set_stays(story):
    account = story.sign_up("acme")
    ReferredAccount.objects.filter(pk=account.pk).update(time_zone="Asia/Tokyo")
    story.decide(account)
    qualification.undo(account, by=story.cara, at=story.now)

    account.refresh_from_db()
    assert account.time_zone == "Asia/Tokyo"


def test_by_when_it_should_be_decided_counts_calling_hours(story):
    assert company(story, "berlin").due_at == at("2026-02-05T10:00Z")
    assert company(story, "newyork", "+1 212 555 0100").due_at == at("2026-02-04T22:00Z")


# --- the order --------------------------------------------------------------------------------------------


def test_the_one_that_should_have_been_decided_first_is_served_first(story):
    company(story, "first")
    story.now += timedelta(hours=1)
    company(story, "second")
    later = story.now + timedelta(minutes=1)

    assert [served(story.cara, now=later), served(story.sam, now=later)] == ["first", "second"]
    assert served(story.fay, now=later) is None


def test_my_own_call_back_comes_first_and_is_mine_for_half_an_hour(story):
    mine, other = company(story, "mine"), company(story, "other")
    noon = NOW + timedelta(hours=2)
    call(mine, "CALL_BACK", story.cara, call_back_at=noon)
    assert served(story.cara) == "other"
    reviews.release(other, story.cara)

    assert served(story.sam, now=noon) == "other"
    assert served(story.fay, now=noon + timedelta(minutes=29)) is None
    assert served(story.cara, now=noon) == "mine"

    reviews.release(mine, story.cara)
    assert served(story.fay, now=noon + timedelta(minutes=30)) == "mine"


def test_a_call_back_outside_of_the_hours_waits_for_them(story):
    review = call(company(story, "acme"), "CALL_BACK", story.cara, call_back_at=at("2026-02-03T20:00Z"))

    assert (review.opens_at, review.closes_at) == (at("2026-02-04T08:00Z"), at("2026-02-04T16:00Z"))


def test_what_nobody_answered_is_tried_again_when_its_outcome_says(story):
    review = call(company(story, "acme"), "BUSY", story.cara)

    assert (review.tries, review.call_from) == (1, NOW + timedelta(hours=2))
    assert served(story.cara, now=NOW + timedelta(minutes=119)) is None
    assert served(story.cara, now=NOW + timedelta(hours=2)) == "acme"


def test_what_is_assigned_to_somebody_goes_to_nobody_else(story):
    review = company(story, "acme")
    story.sam.user_permissions.add(Permission.objects.get(codename="decide_referredaccount"))
    Review.objects.filter(pk=review.pk).update(assigned_to=story.sam)

    assert served(story.cara) is None
    assert served(story.sam) == "acme"


def test_the_one_just_worked_on_is_not_served_again_at_once(story):
    review = company(story, "acme")

    assert served(story.cara, after=review.account) is None


# --- claims -----------------------------------------------------------------------------------------------


def test_a_claim_ends_by_time_by_giving_back_and_by_a_decision(story):
    review = company(story, "acme")
    reviews.claim(review, story.cara, at=NOW)
    assert served(story.sam) is None

    assert served(story.sam, now=NOW + LEASE) == "acme"
    reviews.release(review, story.sam)
    assert served(story.cara) == "acme"

    story.decide(review.account)
    review.refresh_from_db()
    assert (review.holder, review.held_until) == (None, None)


def test_while_a_decision_can_be_undone_nobody_is_served_the_company_and_then_it_waits_again(story):
    review = company(story, "acme")
    story.decide(review.account)
    assert served(story.cara) is None

    qualification.undo(review.account, by=story.cara, at=story.now)
    assert served(story.cara) == "acme"


def test_a_lease_is_renewed_by_its_holder_only_and_only_in_time(story):
    review = company(story, "acme")
    reviews.claim(review, story.cara, at=NOW)

    reviews.renew(review, story.cara, at=NOW + timedelta(minutes=25))
    review.refresh_from_db()
    assert (review.held_since, review.held_until) == (NOW, NOW + timedelta(minutes=55))

    for person, now in [(story.sam, NOW + timedelta(minutes=26)), (story.cara, NOW + timedelta(minutes=55))]:
        with pytest.raises(reviews.LeaseOver):
            reviews.renew(review, person, at=now)


def test_a_second_one_is_told_who_has_it(story):
    review = company(story, "acme")
    reviews.claim(review, story.cara, at=NOW)

    with pytest.raises(reviews.HeldBySomebody, match=r"cara has it, until 10:30 UTC\."):
        reviews.claim(review, story.sam, at=NOW)
    with pytest.raises(reviews.HeldBySomebody):
        reviews.refuse_without_lease(review.account, story.sam, at=NOW)
    with pytest.raises(reviews.LeaseOver):
        reviews.refuse_without_lease(review.account, story.cara, at=NOW + LEASE)
    reviews.refuse_without_lease(review.account, story.cara, at=NOW)


def test_a_senior_takes_over_and_says_why(story):
    review = company(story, "acme")
    reviews.claim(review, story.cara, at=NOW)

    reviews.take_over(review, story.sam, reason="Cara is ill", at=NOW)

    with pytest.raises(reviews.HeldBySomebody):
        reviews.refuse_without_lease(review.account, story.cara, at=NOW)
    assert list(Note.objects.values_list("text", flat=True)) == ["Cara is ill"]


def test_a_closed_review_is_claimed_by_nobody(story):
    review = company(story, "acme")
    story.decide(review.account)
    qualification.let_take_effect(as_of=NOW + timedelta(hours=1))

    with pytest.raises(reviews.ReviewClosed):
        reviews.claim(review, story.cara, at=NOW)
    with pytest.raises(reviews.ReviewClosed):
        reviews.take_over(review, story.sam, reason="late", at=NOW)


@pytest.mark.django_db(transaction=True)
def test_of_many_who_ask_at_once_each_gets_another_company(story):
    for number in range(6):
        company(story, f"company{number}")
    people = [User.objects.create(username=f"caller{number}") for number in range(8)]

    given = at_once(*[lambda person=person: served(person) for person in people])

    assert sorted(name for name in given if name) == [f"company{number}" for number in range(6)]
    assert given.count(None) == 2


@pytest.mark.django_db(transaction=True)
def test_without_the_swap_two_get_the_same(story, monkeypatch):
    """Negative control: looking first and taking then is not enough."""
    for number in range(4):
        company(story, f"company{number}")
    people = [User.objects.create(username=f"caller{number}") for number in range(4)]
    monkeypatch.setattr(reviews, "is_free", lambda *, at: Q())

    given = at_once(*[lambda person=person: served(person) for person in people])

    assert len(set(given)) < 4


def test_what_was_agreed_before_a_decision_is_over_when_it_is_revoked(story):
    acme = story.sign_up("acme")
    in_a_month = story.now + timedelta(days=30)
    agreed = story.program.call_outcomes.get(code="CALL_BACK")
    desk.log_call(acme, outcome=agreed, by=story.cara, at=story.now, call_back_at=in_a_month)
    story.decide(acme)
    story.wait(minutes=11)

    story.revoke(acme)

    review = Review.objects.get(account=acme, closed_at=None)
    assert (review.call_from, review.call_back_at, review.call_back_by) == (None, None, None)
    assert list(reviews.next_for(story.fay, at=story.now)) == [review]
