"""
The life of a referred account and of an enrollment, as data.

    SIGNED_UP ──> IN_REVIEW                                  (work for staff; automatic steps skip it)
    SIGNED_UP, IN_REVIEW ──> QUALIFIED | NOT_QUALIFIED | EXPIRED
    EXPIRED ──> QUALIFIED                                    (a fact in time, told late)
    NOT_QUALIFIED, EXPIRED ──> IN_REVIEW (reopen)            QUALIFIED ──> IN_REVIEW (revoke)

    INVITED ──> ACTIVE <──> SUSPENDED ──> CLOSED             INVITED ──> DECLINED | EXPIRED

Only referrals.qualification writes an account's status, only referrals.enrollment an
enrollment's. Progress of purchases is milestones, not status.
"""

from referrals.rules.words import Word


class AccountStatus(Word):
    SIGNED_UP = "SIGNED_UP"
    IN_REVIEW = "IN_REVIEW"
    QUALIFIED = "QUALIFIED"
    NOT_QUALIFIED = "NOT_QUALIFIED"
    EXPIRED = "EXPIRED"


class EnrollmentStatus(Word):
    INVITED = "INVITED"
    ACTIVE = "ACTIVE"
    SUSPENDED = "SUSPENDED"
    CLOSED = "CLOSED"
    DECLINED = "DECLINED"
    EXPIRED = "EXPIRED"


class Cause(Word):
    """Why an account's status changed, or why a decision came and went."""

    SCREENED = "SCREENED"
    DECIDED = "DECIDED"
    UNDONE = "UNDONE"
    MILESTONE = "MILESTONE"
    EXPIRED = "EXPIRED"
    GIVEN_UP = "GIVEN_UP"
    REOPENED = "REOPENED"
    REVOKED = "REVOKED"


_A, _E = AccountStatus, EnrollmentStatus

ACCOUNT_SOURCES: dict[AccountStatus, frozenset[AccountStatus]] = {
    _A.SIGNED_UP: frozenset(),
    _A.IN_REVIEW: frozenset({_A.SIGNED_UP, _A.NOT_QUALIFIED, _A.EXPIRED, _A.QUALIFIED}),
    _A.QUALIFIED: frozenset({_A.SIGNED_UP, _A.IN_REVIEW, _A.EXPIRED}),
    _A.NOT_QUALIFIED: frozenset({_A.SIGNED_UP, _A.IN_REVIEW}),
    _A.EXPIRED: frozenset({_A.SIGNED_UP, _A.IN_REVIEW}),
}
"""From where an account may step to each status."""

ENROLLMENT_SOURCES: dict[EnrollmentStatus, frozenset[EnrollmentStatus]] = {
    _E.INVITED: frozenset(),
    _E.ACTIVE: frozenset({_E.INVITED, _E.SUSPENDED}),
    _E.SUSPENDED: frozenset({_E.ACTIVE}),
    _E.CLOSED: frozenset({_E.ACTIVE, _E.SUSPENDED}),
    _E.DECLINED: frozenset({_E.INVITED}),
    _E.EXPIRED: frozenset({_E.INVITED}),
}

UNDECIDED = frozenset({_A.SIGNED_UP, _A.IN_REVIEW})
CLOSED = frozenset({_A.NOT_QUALIFIED, _A.EXPIRED})
"""Statuses from which an account may be reopened."""
