"""Appeals: the referrer asks for another look, and another person takes it."""

from functools import partial

import pytest
from django.contrib.auth.models import Permission, User

from referrals import appeals, assignments, qualification, reviews
from referrals.models import Decision, Note, ReferredAccount, Review, StatusChange
from referrals.models.account import ReferredAccountQuerySet
from referrals.rules.refusal import Refused
from tests.referrals.desk.test_qualification import WITH_A_DEADLINE, account_that_is
from tests.story import Story, at_once, refused

pytestmark = pytest.mark.django_db

EVIDENCE = "They sent an extract of the register."


@pytest.fixture
def story() -> Story:
    """Monday, 11:00 in Berlin."""
    return Story("smartcat")


@pytest.fixture
def acme(story) -> ReferredAccount:
    """Cara has refused it, and the refusal counts."""
    account = story.sign_up("acme")
    story.decide(account, "NOT_QUALIFIED", reason="no_translation_need")
    story.wait(minutes=11)
    account.refresh_from_db()
    return account


def appeal(story: Story, account: ReferredAccount, *, by: User | None = None) -> Decision | None:
    return appeals.take_up(account, by=by or story.sam, at=story.now, evidence=EVIDENCE)


def refuse(story: Story, account: ReferredAccount, *, by: User) -> Decision:
    """A refusal that takes effect."""
    decision = story.decide(account, "NOT_QUALIFIED", reason="incomplete", by=by)
    story.wait(minutes=11)
    return decision


def deciding(person: User) -> User:
    person.user_permissions.add(Permission.objects.get(codename="decide_referredaccount"))
    return person


def open_review(account: ReferredAccount) -> Review:
    return Review.objects.get(account=account, closed_at=None)


def now(account: ReferredAccount) -> ReferredAccount:
    return ReferredAccount.objects.get(pk=account.pk)


def served(person: User, story: Story) -> list[str]:
    return [review.account.host_account for review in reviews.next_for(person, at=story.now)]


# --- what an appeal does ----------------------------------------------------------------------------------


def test_an_appeal_reopens_and_says_against_which_decision_it_is(story, acme):
    refusal = Decision.objects.get()

    assert appeal(story, acme) == refusal

    account, review = now(acme), open_review(acme)
    assert (account.status, account.review_round, account.may_expire) == ("IN_REVIEW", 1, False)
    assert (review.round, review.appeal_of, review.holder, review.for_senior) == (1, refusal, None, False)
    assert [(note.about, note.text, note.written_by) for note in Note.objects.all()] == [
        ("appeal", EVIDENCE, story.sam)
    ]
    change = StatusChange.objects.filter(account=acme).last()
    assert (change.cause, change.changed_by) == ("REOPENED", story.sam)


def test_an_appeal_says_something(story, acme):
    with refused("no_evidence"):
        appeals.take_up(acme, by=story.sam, at=story.now, evidence="  ")


def test_what_no_person_refused_anybody_decides(story):
    account = story.sign_up("public", email="someone@gmail.com")
    assert now(account).status == "NOT_QUALIFIED"

    assert appeal(story, account) is None

    assert open_review(account).appeal_of is None
    assert served(story.cara, story) == ["public"]


def test_a_refusal_that_was_undone_is_not_what_the_appeal_is_against(story):
    account = story.sign_up("acme")
    story.decide(account, "NOT_QUALIFIED", reason="no_translation_need", by=story.fay)
    qualification.undo(account, by=story.fay, at=story.now)
    story.decide(account, "NOT_QUALIFIED", reason="incomplete", by=story.cara)
    story.wait(minutes=11)

    assert appeal(story, account).decided_by == story.cara


def test_of_two_refusals_the_last_one_is_what_the_appeal_is_against_and_neither_decides(story, acme):
    appeal(story, acme)
    second = refuse(story, acme, by=story.fay)

    assert appeal(story, acme) == second
    assert [served(who, story) for who in (story.cara, story.fay, story.sam)] == [[], [], ["acme"]]
    for who in (story.cara, story.fay):
        with refused("first_decider"):
            story.decide(acme, by=who)
        with refused("cannot_be_assigned") as refusal:
            waiting = Review.objects.filter(closed_at=None)
            assignments.assign(waiting, deciding(who), by=story.sam, at=story.now)
        assert "took the decision that is appealed against" in str(refusal.value)
    story.decide(acme, by=story.sam)


def test_what_is_reopened_after_an_appeal_was_refused_still_goes_to_another_person(story, acme):
    appeal(story, acme)
    refuse(story, acme, by=story.fay)

    qualification.reopen(now(acme), by=story.sam, at=story.now, note="A new look.")

    assert (open_review(acme).round, open_review(acme).appeal_of) == (2, None)
    assert [served(who, story) for who in (story.cara, story.fay, story.sam)] == [[], [], ["acme"]]
    with refused("first_decider"):
        story.decide(acme, by=story.cara)


def test_what_nobody_appealed_about_whoever_refused_it_decides_again(story, acme):
    story.reopen(acme)

    assert served(story.cara, story) == ["acme"]
    story.decide(acme, by=story.cara)


def test_a_refusal_that_was_undone_keeps_nobody_from_the_next_appeal(story, acme):
    appeal(story, acme)
    story.decide(acme, "NOT_QUALIFIED", reason="incomplete", by=story.fay)
    qualification.undo(acme, by=story.fay, at=story.now)
    refuse(story, acme, by=story.sam)
    appeal(story, acme)

    assert [served(who, story) for who in (story.cara, story.fay, story.sam)] == [[], ["acme"], []]


@pytest.mark.parametrize("result", [{}, {"result": "NOT_QUALIFIED", "reason": "incomplete"}])
def test_whoever_refused_it_first_does_not_undo_what_another_decides_about_the_appeal(result, story, acme):
    appeal(story, acme)
    decision = story.decide(acme, by=story.fay, **result)

    with refused("first_decider"):
        qualification.undo(acme, by=story.cara, at=story.now)
    assert now(acme).pending_decision == decision
    qualification.undo(acme, by=story.sam, at=story.now)
    assert now(acme).pending_decision is None


def test_a_reason_that_stays_closed_stays_closed(story):
    account = story.sign_up("acme")
    story.decide(account, "NOT_QUALIFIED", reason="suspected_fraud")
    story.wait(minutes=11)

    with refused("not_reopenable") as refusal:
        appeal(story, account)
    assert str(refusal.value) == "Acme GmbH stays closed: Fake data or abuse."


@pytest.mark.parametrize("status", ["SIGNED_UP", "IN_REVIEW", "QUALIFIED", "NOT_QUALIFIED", "EXPIRED"])
def test_an_appeal_from_every_status(status):
    smithai = Story("smithai", WITH_A_DEADLINE)
    account = account_that_is(status, smithai)

    if status in ("NOT_QUALIFIED", "EXPIRED"):
        against = appeal(smithai, account)
        assert now(account).status == "IN_REVIEW"
        assert (against is None) == (status == "EXPIRED")
        assert open_review(account).appeal_of == against
    else:
        with refused("not_closed"):
            appeal(smithai, account)


def test_while_a_refusal_can_be_undone_there_is_nothing_to_appeal_against(story):
    account = story.sign_up("acme")
    story.decide(account, "NOT_QUALIFIED", reason="incomplete")

    with refused("not_closed"):
        appeal(story, account)


# --- another person decides -------------------------------------------------------------------------------


def test_the_first_decider_is_not_served_the_appeal_and_others_are(story, acme):
    appeal(story, acme)

    assert served(story.cara, story) == []
    assert served(story.fay, story) == ["acme"]
    assert reviews.claim_next(story.cara, at=story.now) is None


def test_not_even_if_it_is_assigned_to_the_first_decider(story, acme):
    appeal(story, acme)
    Review.objects.filter(account=acme, closed_at=None).update(assigned_to=story.cara)

    assert served(story.cara, story) == []


def test_the_first_decider_cannot_take_it_nor_take_it_over(story, acme):
    appeal(story, acme)
    review = open_review(acme)

    with refused("first_decider"):
        reviews.claim(review, story.cara, at=story.now)
    reviews.claim(review, story.fay, at=story.now)
    with refused("first_decider"):
        reviews.take_over(review, story.cara, reason="I know it.", at=story.now)


@pytest.mark.parametrize(("result", "more"), [("QUALIFIED", {}), ("NOT_QUALIFIED", {"reason": "incomplete"})])
def test_the_first_decider_decides_neither_way(result, more, story, acme):
    appeal(story, acme)

    with refused("first_decider") as refusal:
        story.decide(acme, result, by=story.cara, **more)
    assert "another person decides" in str(refusal.value)

    assert story.decide(acme, result, by=story.fay, **more).decided_by == story.fay


def test_after_a_plain_reopening_anybody_decides(story, acme):
    story.reopen(acme)

    assert open_review(acme).appeal_of is None
    assert story.decide(acme, by=story.cara).decided_by == story.cara


def test_an_undone_decision_about_an_appeal_leaves_it_an_appeal(story, acme):
    refusal = appeal(story, acme)
    reviews.claim(open_review(acme), story.fay, at=story.now)
    story.decide(acme, by=story.fay)
    qualification.undo(acme, by=story.fay, at=story.now)

    review = open_review(acme)
    assert (review.appeal_of, review.holder, review.held_until) == (refusal, None, None)
    with refused("first_decider"):
        story.decide(acme, by=story.cara)


def test_a_revoked_decision_about_an_appeal_leaves_it_an_appeal(story, acme):
    refusal = appeal(story, acme)
    story.decide(acme, by=story.fay)
    story.wait(minutes=11)
    assert not Review.objects.filter(account=acme, closed_at=None).exists()
    qualification.revoke(acme, by=story.sam, at=story.now, reason="A double.")

    review = open_review(acme)
    assert (review.round, review.appeal_of, review.holder) == (1, refusal, None)
    with refused("first_decider"):
        story.decide(acme, by=story.cara)


# --- two at once ------------------------------------------------------------------------------------------


def taken_up_at_once(story: Story, account: ReferredAccount, monkeypatch) -> list[object]:
    """Two people have looked before either acts: only the swap is left to tell them apart."""
    monkeypatch.setattr(qualification, "_now", lambda seen: seen)
    joined = ["program", "terms", "rejection_reason"]
    one, other = (ReferredAccount.objects.select_related(*joined).get(pk=account.pk) for _ in range(2))
    return at_once(partial(appeal, story, one), partial(appeal, story, other, by=story.finn))


@pytest.mark.django_db(transaction=True)
def test_of_two_who_take_up_an_appeal_at_once_exactly_one_does(story, acme, monkeypatch):
    met = taken_up_at_once(story, acme, monkeypatch)

    assert sorted(type(each).__name__ for each in met) == ["Decision", "StepNotAllowed"]
    assert (now(acme).review_round, Note.objects.count()) == (1, 1)


@pytest.mark.django_db(transaction=True)
def test_without_the_swap_both_do(story, acme, monkeypatch):
    """Negative control: the race above is real."""
    narrow = ReferredAccountQuerySet.filter

    def without_the_status(accounts, *conditions, **lookups):
        lookups.pop("status", None)
        return narrow(accounts, *conditions, **lookups)

    monkeypatch.setattr(ReferredAccountQuerySet, "filter", without_the_status)

    met = taken_up_at_once(story, acme, monkeypatch)

    assert [type(each).__name__ for each in met] == ["Decision", "Decision"]
    assert Note.objects.count() == 2


@pytest.mark.django_db(transaction=True)
def test_an_appeal_and_a_reopening_at_once_leave_one_of_them(story, acme):
    met = at_once(
        partial(appeal, story, acme),
        partial(qualification.reopen, now(acme), by=story.sam, at=story.now, note="A new look."),
    )

    appealed = isinstance(met[0], Decision)
    assert isinstance(met[1], Refused) == appealed
    assert open_review(acme).appeal_of == (Decision.objects.get() if appealed else None)
    assert [note.about for note in Note.objects.all()] == ["appeal" if appealed else "reopened"]
