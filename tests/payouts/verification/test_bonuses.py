"""Complete, in its window, qualified, by the right people: each breach is named."""

from datetime import timedelta

import pytest

from payouts.models import BatchApproval, BatchChange, Hold
from referrals.models import ReferredAccount, StatusChange
from tests.factories import (
    DECIDED_AT,
    LATER,
    OPENS_AT,
    PAID_AT,
    SIGNED_UP_AT,
    UserFactory,
    booked_bonus,
    paid_bonus,
    reversed_bonus,
)
from tests.payouts.verification.plant import AFTER_APPROVAL, SECOND, alter, found, transfer_of

pytestmark = pytest.mark.django_db


OPEN = "bonuses that are due, unpaid, and have no recorded reason"


def test_bonuses_that_are_due_and_forgotten():
    bonus = booked_bonus()

    assert found() == []
    assert found(as_of=OPENS_AT - SECOND) == []
    assert found(as_of=OPENS_AT) == [
        ("I3", "bonuses that are due, unpaid, and have no recorded reason", [bonus.pk])
    ]


def test_bonuses_that_wait_for_a_recorded_reason():
    active = {
        "condition": "REFERRED_ACCOUNT_ACTIVE",
        "if_paused": "WAIT",
        "if_past_due": "PAY",
        "minimum_minor": 10_000,
    }
    of_program = "account__enrollment__program__terms__schedule__"
    schedule = {f"{of_program}{name}": value for name, value in active.items()}
    due = booked_bonus(**schedule)
    past_due = booked_bonus(**schedule)
    alter(past_due.account, activity="PAST_DUE")
    alter(booked_bonus(**schedule).account, activity="PAUSED")
    booked_bonus(on_hold=True, **schedule)
    alter(booked_bonus(**schedule).account, status="IN_REVIEW")
    alter(booked_bonus(**schedule).enrollment, status="SUSPENDED")
    booked_bonus(**schedule | {f"{of_program}minimum_minor": 10_001})

    assert found(as_of=LATER)[0] == ("I3", OPEN, [due.pk, past_due.pk])


def test_bonuses_that_wait_for_people():
    bonus = booked_bonus(**AFTER_APPROVAL)
    assert found(as_of=LATER) == [("I3", OPEN, [bonus.pk])]

    batch = paid_bonus(account__enrollment__program=bonus.enrollment.program).batch
    alter(bonus, batch=batch)
    alter(batch, status="DRAFT")
    assert [breach for breach in found(as_of=LATER) if breach[0] == "I3"] == []

    alter(bonus, status="APPROVED")
    assert found(as_of=LATER)[0] == ("I3", OPEN, [bonus.pk])


EARLY = "bonuses released before their window opened"
DAYS_LATE = "bonuses that record another number of days late than they were released after their window"


@pytest.mark.parametrize(
    "changes",
    [
        {"opens_at": PAID_AT + SECOND},
        {"window_opens_on": PAID_AT.date() + timedelta(days=1)},
    ],
)
def test_bonuses_released_too_early(changes):
    bonus = paid_bonus()
    alter(bonus, without=["bonus_never_paid_before_its_window"], **changes)

    assert found() == [("I4", "bonuses released before their window opened", [bonus.pk])]


def test_bonuses_booked_too_early():
    bonus = paid_bonus()
    alter(transfer_of(bonus, "RELEASED"), posted_at=OPENS_AT - SECOND)

    assert found() == [("I4", EARLY, [bonus.pk])]


@pytest.mark.parametrize(("paid_at", "days_late"), [(PAID_AT, 1), (LATER, 0), (LATER, 1), (LATER, 3)])
def test_bonuses_that_hide_how_late_they_were(paid_at, days_late):
    bonus = paid_bonus(at=paid_at)
    alter(bonus, days_late=days_late)

    assert found() == [
        (
            "I4",
            "bonuses that record another number of days late than they were released after their window",
            [bonus.pk],
        )
    ]


def test_bonuses_late_before_they_are_paid():
    bonus = booked_bonus(days_late=1)

    assert found() == [("I4", DAYS_LATE, [bonus.pk])]


UNDECIDED = "bonuses without a decision of staff that qualified the account by then"


@pytest.mark.parametrize(
    "changes",
    [
        {"decision": None},
        {"activated_at": DECIDED_AT - SECOND},
        {"created_at": DECIDED_AT + timedelta(minutes=10) - SECOND},
    ],
)
def test_bonuses_before_or_without_a_decision(changes):
    bonus = booked_bonus()
    alter(bonus, **changes)

    assert found() == [
        ("I5", "bonuses without a decision of staff that qualified the account by then", [bonus.pk])
    ]


def test_bonuses_of_a_decision_that_refused():
    bonus = booked_bonus()
    alter(bonus.decision, result="NOT_QUALIFIED", reason=bonus.terms.rejection_reasons.first())

    assert found() == [("I5", UNDECIDED, [bonus.pk])]


def test_bonuses_of_a_decision_that_was_undone():
    bonus = booked_bonus()
    change = StatusChange.objects.get(decision=bonus.decision)
    alter(change, cause="UNDONE", new_status="IN_REVIEW")
    alter(bonus.account, status="IN_REVIEW")

    assert found() == [("I5", "bonuses whose decision never took effect", [bonus.pk])]


@pytest.mark.parametrize("result", ["FAIL", "UNKNOWN", None])
def test_bonuses_of_a_decision_with_an_unmet_criterion(result):
    bonus = booked_bonus()
    known = {"new_customer": result} if result else {}
    alter(bonus.decision, snapshot={"criteria": known})

    assert found() == [
        ("I5", "bonuses whose decision has a required criterion neither met nor waived", [bonus.pk])
    ]


@pytest.mark.parametrize(
    ("criterion", "flagged", "expected"),
    [
        ({"required": False}, True, []),
        ({"asked": "WHEN_FLAGGED"}, False, []),
        ({"asked": "WHEN_FLAGGED"}, True, ["I5"]),
        ({"source": "AUTOMATIC", "check_kind": "KIND", "question": ""}, False, ["I5"]),
    ],
)
def test_what_must_be_in_the_snapshot(criterion, flagged, expected):
    changes = {f"account__enrollment__program__terms__criterion__{k}": v for k, v in criterion.items()}
    bonus = booked_bonus(account__domain_match=flagged, **changes)
    alter(bonus.decision, snapshot={"criteria": {}})

    assert [invariant for invariant, _, _ in found()] == expected


def test_a_waived_criterion_is_met():
    bonus = booked_bonus()
    alter(bonus.decision, snapshot={"criteria": {"new_customer": "WAIVED"}})

    assert found() == []


def test_bonuses_before_the_milestone_that_qualifies():
    bonus = booked_bonus(account__enrollment__program__terms__qualified_by="qualified")
    alter(bonus, created_at=SIGNED_UP_AT - SECOND)

    assert found() == [("I5", "bonuses of accounts that no milestone had qualified by then", [bonus.pk])]


def revoked(bonus, *, at):
    revoker = UserFactory()
    StatusChange.objects.create(
        account=bonus.account,
        old_status="QUALIFIED",
        new_status="IN_REVIEW",
        cause="REVOKED",
        changed_at=at,
        changed_by=revoker,
    )
    ReferredAccount.objects.filter(pk=bonus.account_id).update(status="IN_REVIEW")


def test_bonuses_paid_after_the_qualification_was_revoked():
    bonus = paid_bonus()
    revoked(bonus, at=PAID_AT - SECOND)

    assert found() == [("I5", "bonuses paid while their account was not qualified", [bonus.pk])]


@pytest.mark.parametrize("after", [timedelta(0), SECOND])
def test_a_qualification_may_be_revoked_once_the_bonus_is_paid(after):
    revoked(paid_bonus(), at=PAID_AT + after)

    assert found() == []


def test_bonuses_paid_although_somebody_holds_them():
    held, lifted = paid_bonus(), paid_bonus()
    for bonus, lifted_at in [(held, None), (lifted, PAID_AT)]:
        Hold.objects.create(
            bonus=bonus,
            reason="a question",
            by_rule=True,
            placed_at=PAID_AT - SECOND,
            lifted_at=lifted_at,
            lifted_by=lifted_at and UserFactory(),
        )

    assert found() == [("I12", "bonuses paid although somebody holds them", [held.pk])]


PEOPLE = "bonuses not prepared and approved by the people that they need"


def test_batches_and_bonuses_of_one_person():
    bonus = paid_bonus(**AFTER_APPROVAL)
    alter(
        bonus,
        prepared_by=bonus.approved_by,
        without=["bonus_prepared_and_approved_by_two_people"],
    )
    alter(
        bonus.batch,
        prepared_by=bonus.approved_by,
        without=["payout_batch_approved_by_another"],
    )

    assert found() == [
        ("I12", "batches not approved by the people that they need", [bonus.batch_id]),
        ("I12", "bonuses not prepared and approved by the people that they need", [bonus.pk]),
    ]


@pytest.mark.parametrize("person", ["prepared_by", "approved_by"])
def test_bonuses_that_nobody_prepared_or_approved(person):
    bonus = paid_bonus(**AFTER_APPROVAL)
    alter(bonus, **{person: None})

    assert found() == [("I12", PEOPLE, [bonus.pk])]


def test_batches_that_nobody_approved():
    batch = paid_bonus(**AFTER_APPROVAL).batch
    alter(batch, approved_by=None, without=["payout_batch_approved_by_person_or_schedule"])

    assert found() == [("I12", "batches not approved by the people that they need", [batch.pk])]


def test_batches_that_bear_fewer_names_than_their_sum_asks_for():
    batch = paid_bonus(**AFTER_APPROVAL).batch
    alter(batch, approvals_needed=2, turn=2)
    several = {"batch": batch, "at": PAID_AT, "people_needed": 3, "prepared_by": batch.prepared_by}
    for turn, person in [(1, UserFactory()), (2, batch.approved_by)]:
        BatchApproval.objects.create(turn=turn, person=person, **several)

    assert found() == [("I12", "batches approved by fewer people than their sum asks for", [batch.pk])]

    BatchApproval.objects.create(turn=2, person=UserFactory(), **several)
    assert found() == []


def test_a_schedule_is_no_person():
    bonus = paid_bonus()
    person = UserFactory()
    alter(bonus, approved_by=person)
    alter(
        bonus.batch,
        approved_by=person,
        without=["payout_batch_approved_by_person_or_schedule", "payout_batch_approved_by_another"],
    )

    assert found() == [
        ("I12", "batches not approved by the people that they need", [bonus.batch_id]),
        ("I12", PEOPLE, [bonus.pk]),
    ]


def test_one_person_may_do_both_where_the_program_says_so():
    bonus = paid_bonus(account__enrollment__program__people_needed=1, **AFTER_APPROVAL)
    alter(bonus, prepared_by=bonus.approved_by)
    alter(bonus.batch, prepared_by=bonus.approved_by)

    assert found() == []


def test_bonuses_that_slipped_past_their_approval():
    bonus = paid_bonus(**AFTER_APPROVAL)
    alter(bonus, prepared_by=None, approved_by=None)
    alter(bonus.batch, automatic=True, prepared_by=None, approved_by=None)

    assert found() == [
        ("I12", "bonuses approved by the schedule although their terms ask for an approval", [bonus.pk])
    ]


def test_bonuses_paid_in_a_draft():
    bonus = paid_bonus(**AFTER_APPROVAL)
    alter(bonus.batch, status="DRAFT")
    BatchChange.objects.create(batch=bonus.batch, old_status="RELEASED", new_status="DRAFT", changed_at=LATER)

    assert found() == [("I12", "approved and paid bonuses whose batch is not approved", [bonus.pk])]


def test_a_batch_may_be_voided_when_some_of_it_is_paid():
    bonus = paid_bonus(**AFTER_APPROVAL)
    alter(bonus.batch, status="VOIDED")
    BatchChange.objects.create(
        batch=bonus.batch, old_status="RELEASED", new_status="VOIDED", changed_at=LATER
    )

    assert found() == []


@pytest.mark.parametrize("person", ["prepared_by", "approved_by"])
@pytest.mark.parametrize("copied", [True, False])
def test_bonuses_handled_by_who_qualified_the_account(person, copied):
    bonus = paid_bonus(account__enrollment__program__people_needed=3, **AFTER_APPROVAL)
    qualifier = bonus.decision.decided_by
    alter(
        bonus,
        **{person: qualifier, "qualified_by": qualifier if copied else None},
        without=["bonus_qualified_by_a_third_person"],
    )

    assert found() == [
        (
            "I12",
            "bonuses prepared or approved by the person who qualified the account, where it takes three",
            [bonus.pk],
        )
    ]


@pytest.mark.parametrize("person", ["changed_by", "approved_by"])
def test_bonuses_taken_back_by_one_person(person):
    bonus = reversed_bonus()
    alter(bonus.changes.last(), **{person: None}, without=["bonus_reversed_by_two_people"])

    assert found() == [("I12", "bonuses reversed by fewer than two people", [bonus.pk])]


def test_bonuses_taken_back_against_their_terms():
    bonus = reversed_bonus(account__enrollment__program__terms__clawback="NONE")

    assert found() == [("I12", "bonuses reversed although their terms let nobody take them back", [bonus.pk])]
