"""The drawings of the two lives, pair by pair; that the steps keep to them is tested with the steps."""

from itertools import product

import pytest

from referrals.rules.lifecycle import (
    ACCOUNT_SOURCES,
    CLOSED,
    ENROLLMENT_SOURCES,
    UNDECIDED,
    AccountStatus,
    Cause,
    EnrollmentStatus,
)

# As DESIGN.md tells them: work for staff, decisions, milestones, deadlines; reopened, revoked.
ACCOUNT_STEPS = {
    ("SIGNED_UP", "IN_REVIEW"),
    ("SIGNED_UP", "QUALIFIED"),
    ("SIGNED_UP", "NOT_QUALIFIED"),
    ("SIGNED_UP", "EXPIRED"),
    ("IN_REVIEW", "QUALIFIED"),
    ("IN_REVIEW", "NOT_QUALIFIED"),
    ("IN_REVIEW", "EXPIRED"),
    ("EXPIRED", "QUALIFIED"),
    ("EXPIRED", "IN_REVIEW"),
    ("NOT_QUALIFIED", "IN_REVIEW"),
    ("QUALIFIED", "IN_REVIEW"),
}
ENROLLMENT_STEPS = {
    ("INVITED", "ACTIVE"),
    ("INVITED", "DECLINED"),
    ("INVITED", "EXPIRED"),
    ("ACTIVE", "SUSPENDED"),
    ("ACTIVE", "CLOSED"),
    ("SUSPENDED", "ACTIVE"),
    ("SUSPENDED", "CLOSED"),
}


@pytest.mark.parametrize(("source", "target"), list(product(AccountStatus, repeat=2)))
def test_every_pair_of_account_statuses_is_drawn_or_not_allowed(source, target):
    assert (source in ACCOUNT_SOURCES[target]) == ((source.value, target.value) in ACCOUNT_STEPS)


@pytest.mark.parametrize(("source", "target"), list(product(EnrollmentStatus, repeat=2)))
def test_every_pair_of_enrollment_statuses_is_drawn_or_not_allowed(source, target):
    assert (source in ENROLLMENT_SOURCES[target]) == ((source.value, target.value) in ENROLLMENT_STEPS)


def test_every_status_is_told_where_it_may_come_from():
    assert list(ACCOUNT_SOURCES) == list(AccountStatus)
    assert list(ENROLLMENT_SOURCES) == list(EnrollmentStatus)


def test_the_undecided_the_closed_and_the_qualified_are_all_there_are():
    assert {"SIGNED_UP", "IN_REVIEW"} == UNDECIDED
    assert {"NOT_QUALIFIED", "EXPIRED"} == CLOSED
    assert set(AccountStatus) - UNDECIDED - CLOSED == {"QUALIFIED"}


def test_a_word_is_stored_as_it_is_and_read_as_a_person_says_it():
    assert AccountStatus.choices()[1] == ("IN_REVIEW", "In review")
    assert EnrollmentStatus.values() == ["INVITED", "ACTIVE", "SUSPENDED", "CLOSED", "DECLINED", "EXPIRED"]
    assert Cause("GIVEN_UP").label == "Given up"
