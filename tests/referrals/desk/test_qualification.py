"""Decisions about accounts: what each does, every pair of statuses, every refusal, and two people at once."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import product

import pytest
from django.db import connection

from referrals import qualification
from referrals.models import (
    CriterionResult,
    Decision,
    MilestoneReached,
    Note,
    ReferredAccount,
    Review,
    StatusChange,
)
from referrals.models.account import ReferredAccountQuerySet
from referrals.rules.lifecycle import ACCOUNT_SOURCES, AccountStatus
from tests.story import Story, at_once, refused

pytestmark = pytest.mark.django_db

SECOND = timedelta(seconds=1)
# Smith.ai's terms with a deadline: an account can come to every status.
WITH_A_DEADLINE = {f"milestones.paying_client.any.{n}.within_days": 30 for n in (0, 1)}


@pytest.fixture
def story():
    return Story("smartcat")


@pytest.fixture
def smithai():
    return Story("smithai", WITH_A_DEADLINE)


def account_that_is(status: str, story: Story) -> ReferredAccount:
    """An account that has come to a status by the real steps, as it is now."""
    flagged = {"email": "office@rosa-words.example"} if status in ("IN_REVIEW", "QUALIFIED") else {}
    account = story.sign_up("acme", **flagged)
    if status == "QUALIFIED":
        story.decide(account)
    elif status == "NOT_QUALIFIED":
        story.decide(account, "NOT_QUALIFIED", reason="incomplete")
    story.wait(days=31 if status == "EXPIRED" else 1)
    account.refresh_from_db()
    assert account.status == status
    return account


def now(account: ReferredAccount) -> ReferredAccount:
    return ReferredAccount.objects.get(pk=account.pk)


def trail(account: ReferredAccount) -> list[tuple[str, str, str]]:
    return list(account.status_changes.values_list("old_status", "new_status", "cause"))


# --- every step from every status ---------------------------------------------------------------------


def decide_and_let_it_count(story: Story, account: ReferredAccount, result: str, **more: object) -> None:
    decision = story.decide(account, result, **more)
    qualification.take_effect(now(account), at=decision.takes_effect_at)


@dataclass(frozen=True)
class Step:
    """A step that a decision function takes: where it leads, from where, and what it says elsewhere."""

    take: Callable[[Story, ReferredAccount], object]
    to: str
    cause: str
    sources: frozenset[str]
    otherwise: str


STEPS = {
    "decide QUALIFIED": Step(
        lambda story, account: decide_and_let_it_count(story, account, "QUALIFIED"),
        "QUALIFIED",
        "DECIDED",
        frozenset({"IN_REVIEW"}),
        "not_in_review",
    ),
    "decide NOT_QUALIFIED": Step(
        lambda story, account: decide_and_let_it_count(story, account, "NOT_QUALIFIED", reason="incomplete"),
        "NOT_QUALIFIED",
        "DECIDED",
        frozenset({"SIGNED_UP", "IN_REVIEW"}),
        "not_in_review",
    ),
    "reopen": Step(
        lambda story, account: qualification.reopen(account, by=story.sam, at=story.now, note="They called."),
        "IN_REVIEW",
        "REOPENED",
        frozenset({"NOT_QUALIFIED", "EXPIRED"}),
        "not_closed",
    ),
    "revoke": Step(
        lambda story, account: qualification.revoke(account, by=story.sam, at=story.now, reason="A double."),
        "IN_REVIEW",
        "REVOKED",
        frozenset({"QUALIFIED"}),
        "not_qualified",
    ),
    "give_up": Step(
        lambda story, account: qualification.give_up(account, reason="unreachable", at=story.now),
        "NOT_QUALIFIED",
        "GIVEN_UP",
        frozenset({"IN_REVIEW"}),
        "step_not_allowed",
    ),
    "expire": Step(
        lambda story, account: qualification.expire(account, at=story.now),
        "EXPIRED",
        "EXPIRED",
        frozenset({"SIGNED_UP", "IN_REVIEW"}),
        "step_not_allowed",
    ),
    "milestone_reached": Step(
        lambda story, account: qualification.milestone_reached(account, at=story.now),
        "QUALIFIED",
        "MILESTONE",
        frozenset({"SIGNED_UP", "EXPIRED"}),
        "step_not_allowed",
    ),
}


@pytest.mark.parametrize(("name", "source"), list(product(STEPS, AccountStatus)))
def test_every_step_works_from_its_statuses_and_changes_nothing_elsewhere(name, source, smithai):
    step = STEPS[name]
    account = account_that_is(source, smithai)
    before = trail(account)

    if source in step.sources:
        step.take(smithai, account)

        assert now(account).status == step.to
        assert trail(account) == [*before, (source, step.to, step.cause)]
    else:
        with refused(step.otherwise):
            step.take(smithai, account)


@pytest.mark.parametrize(("source", "target"), list(product(AccountStatus, repeat=2)))
def test_every_pair_of_statuses_is_a_step_that_is_drawn_or_is_refused(source, target, smithai):
    account = account_that_is(source, smithai)
    before = trail(account)
    reason = "incomplete" if target == "NOT_QUALIFIED" else None

    if source in ACCOUNT_SOURCES[target]:
        qualification.screened(account, to=target, reason=reason, at=smithai.now)

        assert now(account).status == target
        assert trail(account) == [*before, (source, target, "SCREENED")]
    else:
        with refused("step_not_allowed"):
            qualification.screened(account, to=target, reason=reason, at=smithai.now)


def test_the_steps_and_the_screening_make_every_pair_that_is_drawn():
    drawn = {(source, target) for target, sources in ACCOUNT_SOURCES.items() for source in sources}
    screened = {("SIGNED_UP", "IN_REVIEW"), ("SIGNED_UP", "NOT_QUALIFIED")}

    assert {(source, step.to) for step in STEPS.values() for source in step.sources} | screened == drawn


@pytest.mark.parametrize("status", AccountStatus)
def test_without_a_decision_that_waits_nothing_is_undone_and_nothing_takes_effect(status, smithai):
    account = account_that_is(status, smithai)

    with refused("too_late"):
        qualification.undo(account, by=smithai.cara, at=smithai.now)
    with refused("step_not_allowed"):
        qualification.take_effect(account, at=smithai.now + timedelta(days=1))


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("decide QUALIFIED", "decision_pending"),
        ("decide NOT_QUALIFIED", "decision_pending"),
        ("reopen", "not_closed"),
        ("revoke", "not_qualified"),
        ("give_up", "step_not_allowed"),
        ("expire", "step_not_allowed"),
        ("milestone_reached", "step_not_allowed"),
    ],
)
def test_while_a_decision_waits_nothing_else_moves_the_account(name, code, smithai):
    account = account_that_is("IN_REVIEW", smithai)
    smithai.decide(account, "NOT_QUALIFIED", reason="incomplete")
    account.refresh_from_db()

    with refused(code):
        STEPS[name].take(smithai, account)


@pytest.mark.parametrize("name", STEPS)
def test_a_step_that_was_taken_in_another_tab_is_refused(name, smithai):
    step = STEPS[name]
    in_another_tab = account_that_is(min(step.sources), smithai)
    step.take(smithai, now(in_another_tab))

    with refused(step.otherwise):
        step.take(smithai, in_another_tab)


# --- a decision ---------------------------------------------------------------------------------------


def test_a_decision_is_stored_at_once_and_counts_when_it_can_no_longer_be_undone(story):
    account = story.sign_up()
    decided_at = story.now

    decision = story.decide(account)

    assert now(account).status == "IN_REVIEW"
    assert now(account).pending_decision == decision
    assert decision.takes_effect_at == decided_at + timedelta(minutes=10)
    assert decision.snapshot == {
        "criteria": dict.fromkeys(
            [
                "corporate_user",
                "company_email",
                "fields_complete",
                "not_registered_before",
                "not_freelancer",
                "not_lsp",
                "new_customer",
                "needs_translation",
            ],
            "PASS",
        )
    }

    story.wait(minutes=10)

    assert (now(account).status, now(account).pending_decision) == ("QUALIFIED", None)
    change = account.status_changes.last()
    assert (change.cause, change.changed_at, change.changed_by, change.decision) == (
        "DECIDED",
        decided_at + timedelta(minutes=10),
        story.cara,
        decision,
    )


def test_in_a_program_without_time_to_undo_a_decision_counts_at_once():
    story = Story("smartcat", {"program.undo_minutes": 0})
    account = story.sign_up()

    story.decide(account)

    assert (now(account).status, now(account).pending_decision) == ("QUALIFIED", None)
    with refused("too_late"):
        qualification.undo(account, by=story.cara, at=story.now)


def test_a_refusal_keeps_its_reason_on_the_account_the_decision_and_the_trail(story):
    account = story.sign_up()

    decision = story.decide(account, "NOT_QUALIFIED", reason="unreachable", answers={})
    story.wait(minutes=10)

    assert now(account).rejection_reason.code == "unreachable"
    assert decision.reason.code == "unreachable"
    assert account.status_changes.last().reason.code == "unreachable"


@pytest.mark.parametrize("reason", ["", "self_referral", "UNREACHABLE"])
def test_a_refusal_needs_a_reason_of_the_accounts_terms(story, reason):
    account = story.sign_up()

    with refused("unknown_reason"):
        story.decide(account, "NOT_QUALIFIED", reason=reason)


def test_of_two_clerks_only_the_first_decides(story):
    account = story.sign_up()
    in_another_tab = now(account)
    decision = story.decide(account)

    with refused("decision_pending") as refusal:
        story.decide(in_another_tab, "NOT_QUALIFIED", by=story.sam, reason="unreachable")

    assert "cara" in str(refusal.value)
    assert list(Decision.objects.all()) == [decision]


def test_the_refusals_of_a_decision_come_in_the_order_they_are_published(story):
    pending = story.sign_up("pending")
    story.decide(pending)
    closed = story.sign_up("closed")
    story.decide(closed, "NOT_QUALIFIED", reason="freelancer")
    story.wait(minutes=10)
    pending_again = story.sign_up("again")
    story.decide(pending_again)
    incomplete = story.sign_up("incomplete", phone="")
    qualification.reopen(incomplete, by=story.sam, at=story.now, note="")

    with refused("decision_pending"):
        story.decide(pending_again, "NOT_QUALIFIED", reason="nonsense")
    with refused("not_in_review"):
        story.decide(closed, "NOT_QUALIFIED", reason="nonsense")
    with refused("unanswered"):
        story.decide(incomplete, answers={})
    with refused("criterion_failed"):
        story.decide(incomplete)


# --- undoing ------------------------------------------------------------------------------------------


def test_an_undone_decision_leaves_two_rows_of_the_trail_and_the_account_as_it_was(story):
    account = story.sign_up()
    story.tell(account, "subscription.started")
    before = ReferredAccount.objects.filter(pk=account.pk)
    as_it_was = before.values("status", "pending_decision", "rejection_reason", "review_round").get()
    decision = story.decide(account)
    story.now = decision.takes_effect_at - SECOND

    qualification.undo(account, by=story.sam, at=story.now)
    story.wait(days=1)

    assert before.values(*as_it_was).get() == as_it_was
    assert list(Decision.objects.all()) == [decision]
    undone = account.status_changes.last()
    assert trail(account) == [("SIGNED_UP", "IN_REVIEW", "SCREENED"), ("IN_REVIEW", "IN_REVIEW", "UNDONE")]
    assert (undone.decision, undone.changed_by, undone.changed_at) == (
        decision,
        story.sam,
        decision.takes_effect_at - SECOND,
    )
    assert not MilestoneReached.objects.filter(account=account, milestone__code="qualified").exists()
    assert not account.bonuses.exists()


def test_an_account_whose_decision_was_undone_can_be_decided_again(story):
    account = story.sign_up()
    story.decide(account)
    qualification.undo(account, by=story.cara, at=story.now)

    story.decide(account, "NOT_QUALIFIED", reason="freelancer")
    story.wait(minutes=10)

    assert now(account).status == "NOT_QUALIFIED"


@pytest.mark.parametrize("late", [timedelta(0), timedelta(days=1)])
def test_a_decision_whose_time_has_come_is_not_undone_though_no_sweep_has_run(story, late):
    account = story.sign_up()
    decision = story.decide(account)

    with refused("too_late"):
        qualification.undo(account, by=story.cara, at=decision.takes_effect_at + late)


def test_nothing_is_undone_twice(story):
    account = story.sign_up()
    story.decide(account)
    qualification.undo(account, by=story.cara, at=story.now)

    with refused("too_late"):
        qualification.undo(account, by=story.sam, at=story.now)


# --- taking effect ------------------------------------------------------------------------------------


def test_decisions_take_effect_at_their_instant_and_once(story):
    accounts = [story.sign_up(name) for name in ("acme", "bold")]
    for account in accounts:
        story.decide(account)
    due = story.now + timedelta(minutes=10)

    assert qualification.let_take_effect(as_of=due - SECOND) == 0
    assert qualification.let_take_effect(as_of=due) == 2
    assert qualification.let_take_effect(as_of=due) == 0
    assert [now(account).status for account in accounts] == ["QUALIFIED", "QUALIFIED"]
    assert StatusChange.objects.filter(cause="DECIDED").count() == 2


def test_decisions_take_effect_in_the_program_that_is_looked_at(story):
    other = Story("smithai", host="elsewhere")
    here, there = story.sign_up(), account_that_is("IN_REVIEW", other)
    story.decide(here)
    other.decide(there)

    effective = qualification.let_take_effect(as_of=story.now + timedelta(days=9), program=other.program)

    assert effective == 1
    assert (now(here).status, now(there).status) == ("IN_REVIEW", "QUALIFIED")


def test_what_is_undone_while_the_sweep_works_does_not_take_effect_and_stops_nobody(story):
    first, undone, last = (story.sign_up(name) for name in ("acme", "bold", "cold"))
    for account in (first, undone, last):
        story.decide(account)
    due = story.now + timedelta(minutes=10)

    waiting = [undone]

    def undo_meanwhile(execute, sql, *rest):
        if sql.startswith("UPDATE") and waiting:
            qualification.undo(waiting.pop(), by=story.cara, at=due - SECOND)
        return execute(sql, *rest)

    with connection.execute_wrapper(undo_meanwhile):
        effective = qualification.let_take_effect(as_of=due)

    assert effective == 2
    assert [now(account).status for account in (first, undone, last)] == [
        "QUALIFIED",
        "IN_REVIEW",
        "QUALIFIED",
    ]


def test_a_decision_does_not_take_effect_before_its_time(story):
    account = story.sign_up()
    decision = story.decide(account)

    with refused("step_not_allowed"):
        qualification.take_effect(now(account), at=decision.takes_effect_at - SECOND)


# --- reopening and revoking ---------------------------------------------------------------------------


def test_a_reopened_account_is_in_review_in_a_new_round_and_expires_no_more(smithai):
    account = account_that_is("EXPIRED", smithai)

    qualification.reopen(account, by=smithai.sam, at=smithai.now, note="They asked us to wait.")
    smithai.wait(days=365)

    account.refresh_from_db()
    assert (account.status, account.may_expire, account.review_round) == ("IN_REVIEW", False, 1)
    assert list(account.reviews.values_list("round", "closed_at")) == [(1, None)]
    assert [(note.about, note.text, note.written_by) for note in Note.objects.all()] == [
        ("reopened", "They asked us to wait.", smithai.sam)
    ]


def test_an_account_closed_for_a_reason_that_stays_is_not_reopened(story):
    account = story.sign_up()
    story.decide(account, "NOT_QUALIFIED", reason="suspected_fraud")
    story.wait(minutes=10)

    with refused("not_reopenable"):
        qualification.reopen(account, by=story.sam, at=story.now, note="Please.")


def test_an_account_that_expired_for_a_reason_that_stays_is_not_reopened():
    story = Story("upwork-2019")
    account = story.sign_up(kind="FREELANCER")
    story.wait(days=100)

    assert now(account).rejection_reason.code == "threshold_not_reached_by_deadline"
    with refused("not_reopenable"):
        qualification.reopen(account, by=story.sam, at=story.now, note="Please.")


def test_a_revoked_account_is_in_review_in_the_same_round_and_expires_no_more(smithai):
    account = account_that_is("QUALIFIED", smithai)

    qualification.revoke(account, by=smithai.sam, at=smithai.now, reason="It is a double.")
    smithai.wait(days=365)

    account.refresh_from_db()
    assert (account.status, account.may_expire, account.review_round) == ("IN_REVIEW", False, 0)
    assert list(account.reviews.values_list("round", "closed_at")) == [(0, None)]
    assert account.status_changes.last().changed_by == smithai.sam
    assert [(note.about, note.text) for note in Note.objects.all()] == [("revoked", "It is a double.")]


def test_a_review_is_open_while_there_is_work_for_staff(story):
    account = story.sign_up()
    signed_up_at = story.now
    review = Review.objects.get(account=account)
    review.holder, review.held_until = story.cara, story.now + timedelta(minutes=20)
    review.save()

    story.decide(account)
    assert Review.objects.get(account=account).closed_at is None
    story.wait(minutes=10)

    review.refresh_from_db()
    assert (review.opened_at, review.closed_at) == (signed_up_at, story.now)
    assert (review.holder, review.held_until) == (None, None)


# --- two at once --------------------------------------------------------------------------------------


def as_each_saw_it(monkeypatch) -> None:
    """Both have looked before either acts: only the swap is left to tell them apart."""
    monkeypatch.setattr(qualification, "_now", lambda account, **how: account)


def two_decisions(story: Story) -> list[object]:
    account = story.sign_up()
    one, other = (ReferredAccount.objects.select_related("program", "terms").get() for _ in range(2))
    met = at_once(
        lambda: story.decide(one),
        lambda: story.decide(other, "NOT_QUALIFIED", by=story.sam, reason="unreachable"),
    )
    account.refresh_from_db()
    return met


def undone_and_in_effect(story: Story) -> list[object]:
    """One undoes a decision in its last second, the other lets it count: their watches differ."""
    decision = story.decide(story.sign_up())
    one, other = (
        ReferredAccount.objects.select_related("pending_decision__reason", "terms").get() for _ in range(2)
    )
    due: datetime = decision.takes_effect_at
    return at_once(
        lambda: qualification.undo(one, by=story.cara, at=due - SECOND),
        lambda: qualification.take_effect(other, at=due),
    )


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("only_the_swap", [False, True])
def test_of_two_who_decide_at_once_exactly_one_wins(story, monkeypatch, only_the_swap):
    if only_the_swap:
        as_each_saw_it(monkeypatch)

    met = two_decisions(story)

    assert sorted(type(each).__name__ for each in met) == ["Decision", "DecisionPending"]
    assert list(Decision.objects.all()) == [each for each in met if isinstance(each, Decision)]
    assert ReferredAccount.objects.get().pending_decision == Decision.objects.get()
    assert set(CriterionResult.objects.exclude(decision=None).values_list("decision", flat=True)) <= {
        Decision.objects.get().pk
    }


@pytest.mark.django_db(transaction=True)
def test_without_the_swap_both_decide(story, monkeypatch):
    """Negative control: the race above is real."""
    as_each_saw_it(monkeypatch)
    monkeypatch.setattr(ReferredAccountQuerySet, "awaiting_a_decision", lambda accounts: accounts.all())

    met = two_decisions(story)

    assert [type(each).__name__ for each in met] == ["Decision", "Decision"]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("only_the_swap", [False, True])
def test_a_decision_is_undone_or_takes_effect_and_never_both(story, monkeypatch, only_the_swap):
    if only_the_swap:
        as_each_saw_it(monkeypatch)

    undone, in_effect = undone_and_in_effect(story)

    account = ReferredAccount.objects.get()
    assert account.pending_decision is None
    assert (undone is None, in_effect is None, trail(account)[1:]) in [
        (True, False, [("IN_REVIEW", "IN_REVIEW", "UNDONE")]),
        (False, True, [("IN_REVIEW", "QUALIFIED", "DECIDED")]),
    ]


@pytest.mark.django_db(transaction=True)
def test_without_the_swap_an_undone_decision_takes_effect(story, monkeypatch):
    """Negative control: the race above is real."""
    as_each_saw_it(monkeypatch)
    narrow = ReferredAccountQuerySet.filter

    def without_the_decision(accounts, *conditions, **lookups):
        lookups.pop("pending_decision", None)
        return narrow(accounts, *conditions, **lookups)

    monkeypatch.setattr(ReferredAccountQuerySet, "filter", without_the_decision)

    undone, in_effect = undone_and_in_effect(story)

    assert (undone, in_effect) == (None, None)
    assert {cause for _, _, cause in trail(ReferredAccount.objects.get())[1:]} == {"UNDONE", "DECIDED"}
