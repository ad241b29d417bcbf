"""
How a referrer stands in a program: may the link be shared, and if not, why not.

Only questions. Whoever joins or accepts does so in referrals.enrollment.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from referrals import enrollment
from referrals.models import EligibilityRule, Enrollment, Program, Referrer, Terms
from referrals.rules.lifecycle import EnrollmentStatus
from referrals.rules.words import Attribute, CheckedAt, EnrollmentMode, Operator, ProgramStatus, Word


class Standing(Word):
    OPEN = "OPEN"
    INVITED = "INVITED"
    CAN_JOIN = "CAN_JOIN"
    NOT_INVITED = "NOT_INVITED"
    SUSPENDED = "SUSPENDED"
    LEFT = "LEFT"
    DECLINED = "DECLINED"
    TOO_LATE = "TOO_LATE"
    OPTED_OUT = "OPTED_OUT"
    PARTNER = "PARTNER"
    WRONG_WORKSPACE = "WRONG_WORKSPACE"
    NOT_ELIGIBLE = "NOT_ELIGIBLE"
    NOT_BEGUN = "NOT_BEGUN"
    PAUSED = "PAUSED"
    ENDED = "ENDED"


OF_STATUS = {
    EnrollmentStatus.SUSPENDED: Standing.SUSPENDED,
    EnrollmentStatus.CLOSED: Standing.LEFT,
    EnrollmentStatus.DECLINED: Standing.DECLINED,
    EnrollmentStatus.EXPIRED: Standing.TOO_LATE,
}
OF_PROGRAM = {
    ProgramStatus.DRAFT: Standing.NOT_BEGUN,
    ProgramStatus.PAUSED: Standing.PAUSED,
    ProgramStatus.ENDED: Standing.ENDED,
}
OF_ATTRIBUTE = {
    Attribute.MARKETING_OPT_OUT: Standing.OPTED_OUT,
    Attribute.IS_PARTNER: Standing.PARTNER,
    Attribute.KIND: Standing.WRONG_WORKSPACE,
}
"""What it means that a rule about this attribute is not met; of any other: not eligible."""


@dataclass(frozen=True, slots=True)
class Stands:
    """How a referrer stands; ``wanted`` is what the unmet rule asks for, where it names it."""

    standing: Standing
    wanted: tuple[str, ...] = ()


def of(enrolled: Enrollment, *, terms: Terms, at: datetime) -> Stands:
    """How somebody stands who is enrolled or invited."""
    status = EnrollmentStatus(enrolled.status)
    if status in OF_STATUS:
        return Stands(OF_STATUS[status])
    if closed := _closed(enrolled.program, terms, at=at):
        return Stands(closed)
    if status == EnrollmentStatus.INVITED:
        return _unmet(enrolled.referrer, terms, CheckedAt.ENROLLMENT) or Stands(Standing.INVITED)
    if at < terms.effective_from:
        return Stands(Standing.NOT_BEGUN)
    return _unmet(enrolled.referrer, terms, CheckedAt.SIGN_UP) or Stands(Standing.OPEN)


def of_outsider(referrer: Referrer, *, program: Program, at: datetime) -> Stands:
    """How somebody stands who is neither enrolled nor invited."""
    try:
        terms = enrollment.terms_for_joining(program, at=at)
    except enrollment.EnrollmentClosed:
        return Stands(Standing.NOT_BEGUN)
    if closed := _closed(program, terms, at=at):
        return Stands(closed)
    if unmet := _unmet(referrer, terms, CheckedAt.ENROLLMENT):
        return unmet
    invites = terms.enrollment_mode == EnrollmentMode.INVITATION
    return Stands(Standing.NOT_INVITED if invites else Standing.CAN_JOIN)


def offers(referrer: Referrer, *, at: datetime) -> list[tuple[Program, Stands]]:
    """The programs of the referrer's host, for somebody who takes part in none."""
    programs: Iterable[Program] = Program.objects.filter(
        host=referrer.host_id, status=ProgramStatus.ACTIVE
    ).order_by("name", "pk")
    return [(program, of_outsider(referrer, program=program, at=at)) for program in programs]


def _closed(program: Program, terms: Terms, *, at: datetime) -> Standing | None:
    """Why the program takes in nobody at all; ``None``: it does."""
    if program.status != ProgramStatus.ACTIVE:
        return OF_PROGRAM[ProgramStatus(program.status)]
    closes_at = terms.enrollment_closes_at
    return Standing.ENDED if closes_at is not None and at >= closes_at else None


def _unmet(referrer: Referrer, terms: Terms, checked_at: CheckedAt) -> Stands | None:
    rule = enrollment.unmet_rule(referrer, terms=terms, checked_at=checked_at)
    if rule is None:
        return None
    return Stands(OF_ATTRIBUTE.get(Attribute(rule.attribute), Standing.NOT_ELIGIBLE), _wanted(rule))


def _wanted(rule: EligibilityRule) -> tuple[str, ...]:
    if rule.operator not in (Operator.IS, Operator.IN):
        return ()
    return tuple(value.value for value in rule.values.all())
