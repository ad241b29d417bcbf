"""
Enrollments: referrers join programs, get links and codes, change them, are suspended.

Nothing else writes an enrollment, a link or a code.
"""

import secrets
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import TypeVar

from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.db.models import Model

from referrals.models import (
    EligibilityRule,
    Enrollment,
    EnrollmentChange,
    Program,
    ReferralCode,
    ReferralLink,
    Referrer,
    Terms,
)
from referrals.rules.criteria import is_eligible
from referrals.rules.identity import folded_code, folded_link
from referrals.rules.lifecycle import ENROLLMENT_SOURCES, EnrollmentStatus
from referrals.rules.refusal import Refused, WrongField
from referrals.rules.words import CheckedAt, EnrollmentMode, ProgramStatus

# Easy to say on the phone: no vowels, so no words, and nothing that looks like something else.
ALPHABET = "bcdfghjkmnpqrstvwxz23456789"
SYMBOLS = 8

Shared = TypeVar("Shared", ReferralLink, ReferralCode)
"""What a referrer shares."""
FOLD: dict[type[Model], Callable[[str], str]] = {ReferralLink: folded_link, ReferralCode: folded_code}
"""How each is compared."""


class NotEligible(Refused):
    """The referrer is not what the program asks for."""

    code = "not_eligible"


class NotInvited(Refused):
    """The program takes those whom it invited."""

    code = "not_invited"


class EnrollmentClosed(Refused):
    """Nobody joins the program any more, or not at the moment."""

    code = "enrollment_closed"


class NotEnrolled(Refused):
    """The referrer does not take part in the program, or not actively."""

    code = "not_enrolled"


class NotSuspended(Refused):
    """Only who is suspended can be resumed."""

    code = "not_suspended"


class AlreadyTaken(Refused):
    """The link or code belongs to somebody, or once did."""

    code = "already_taken"


@transaction.atomic
def enroll(
    referrer: Referrer,
    *,
    program: Program,
    at: datetime,
    invited: bool = False,
    link: str = "",
    code: str = "",
) -> Enrollment:
    """
    Let a referrer take part; an invitation counts as accepted.

    :param link: the wanted text of the link; one is made up without
    :raises EnrollmentClosed: if the program takes nobody at that instant
    :raises NotInvited: if the program takes those whom it invited
    :raises NotEligible: if the referrer is not what the program asks for
    :raises AlreadyTaken: if link or code belongs to somebody
    """
    terms = terms_for_joining(program, at=at)
    closes_at = terms.enrollment_closes_at
    if program.status != ProgramStatus.ACTIVE or (closes_at is not None and at >= closes_at):
        raise EnrollmentClosed(f"{program.name} takes no new referrers.")
    if terms.enrollment_mode == EnrollmentMode.INVITATION and not invited:
        raise NotInvited(f"{program.name} takes part by invitation only.")
    if rule := unmet_rule(referrer, terms=terms, checked_at=CheckedAt.ENROLLMENT):
        raise NotEligible(f"{referrer} does not meet '{rule.code}' of {program.name}.")

    enrollment, is_new = Enrollment.objects.get_or_create(
        program=program, referrer=referrer, defaults={"status": EnrollmentStatus.ACTIVE, "since": at}
    )
    accepts = enrollment.status == EnrollmentStatus.INVITED and _move(
        enrollment, to=EnrollmentStatus.ACTIVE, at=at, by=None
    )
    if is_new:
        _log(enrollment, old="", new=EnrollmentStatus.ACTIVE, at=at, by=None)
    # An invitation may have brought its link along.
    if is_new or (accepts and not enrollment.links.exists()):
        _give(ReferralLink, enrollment, text=link or _made_up(ReferralLink, program), at=at)
        _give(ReferralCode, enrollment, text=code or _made_up(ReferralCode, program).upper(), at=at)
    return enrollment


def terms_for_joining(program: Program, *, at: datetime) -> Terms:
    """
    The terms that say who may join: those in force, else the first to come.

    :raises EnrollmentClosed: if the program has no published terms
    """
    terms = Terms.objects.filter(program=program)
    found = terms.in_force(at=at).first() or terms.latest_first().last()
    if found is None:
        raise EnrollmentClosed(f"{program.name} has no published terms yet.")
    return found


def unmet_rule(referrer: Referrer, *, terms: Terms, checked_at: CheckedAt) -> EligibilityRule | None:
    """The first eligibility row that the referrer, as it is now, does not meet."""
    rules = terms.eligibility.filter(checked_at=checked_at).prefetch_related("values")
    return next((rule for rule in rules if not meets(referrer, rule)), None)


def meets(referrer: Referrer, rule: EligibilityRule) -> bool:
    """Is the referrer, as it is now, what the row asks for?"""
    actual = getattr(referrer, rule.attribute)
    as_written = str(actual).lower() if isinstance(actual, bool) else str(actual)
    return is_eligible(
        as_written, operator=rule.operator, values=[value.value for value in rule.values.all()]
    )


@transaction.atomic
def change_link(referrer: Referrer, *, program: Program, text: str, at: datetime) -> ReferralLink:
    """
    Give a referrer a new link; the old one ends now and stays as a row.

    :raises NotEnrolled: if the referrer never took part
    :raises AlreadyTaken: if the link belongs to anybody, or ever did
    """
    return _replace(ReferralLink, _enrollment_of(referrer, program=program), text=text, at=at)


@transaction.atomic
def change_code(referrer: Referrer, *, program: Program, text: str, at: datetime) -> ReferralCode:
    """
    Give a referrer a new code; the old one ends now and stays as a row.

    :raises NotEnrolled: if the referrer never took part
    :raises AlreadyTaken: if the code belongs to anybody, or ever did
    """
    return _replace(ReferralCode, _enrollment_of(referrer, program=program), text=text, at=at)


@transaction.atomic
def suspend(referrer: Referrer, *, program: Program, by: User, at: datetime, reason: str) -> None:
    """
    Let a referrer's links and codes not count and bonuses wait.

    :raises NotEnrolled: if the referrer is not active in the program
    """
    enrollment = _enrollment_of(referrer, program=program)
    if not _move(enrollment, to=EnrollmentStatus.SUSPENDED, at=at, by=by):
        raise NotEnrolled(f"{referrer} is not active in {program.name}: there is nothing to suspend.")
    Enrollment.objects.filter(pk=enrollment.pk).update(suspended_because=reason)


@transaction.atomic
def resume(referrer: Referrer, *, program: Program, by: User, at: datetime) -> None:
    """
    Let a suspended referrer's links, codes and bonuses count again.

    :raises NotSuspended: if the referrer is not suspended
    """
    enrollment = Enrollment.objects.filter(referrer=referrer, program=program).first()
    if (
        enrollment is None
        or enrollment.status != EnrollmentStatus.SUSPENDED
        or not _move(enrollment, to=EnrollmentStatus.ACTIVE, at=at, by=by)
    ):
        raise NotSuspended(f"{referrer} is not suspended in {program.name}.")
    Enrollment.objects.filter(pk=enrollment.pk).update(suspended_because="")


@transaction.atomic
def change_referrer(referrer: Referrer, *, changes: Mapping[str, object]) -> None:
    """Take over new attributes of a referrer from the host; enrollments are not looked at again."""
    for name, value in changes.items():
        setattr(referrer, name, value)
    referrer.save(update_fields=list(changes))


def _enrollment_of(referrer: Referrer, *, program: Program) -> Enrollment:
    enrollment = Enrollment.objects.filter(referrer=referrer, program=program).first()
    if enrollment is None:
        raise NotEnrolled(f"{referrer} does not take part in {program.name}.")
    return enrollment


def _move(enrollment: Enrollment, *, to: EnrollmentStatus, at: datetime, by: User | None) -> bool:
    """Swap the status that was seen; ``False``: the step is not allowed, or somebody was faster."""
    seen = EnrollmentStatus(enrollment.status)
    moved = seen in ENROLLMENT_SOURCES[to] and Enrollment.objects.filter(
        pk=enrollment.pk, status=seen
    ).update(status=to, since=at)
    if moved:
        _log(enrollment, old=seen, new=to, at=at, by=by)
        enrollment.refresh_from_db()
    return bool(moved)


def _log(enrollment: Enrollment, *, old: str, new: EnrollmentStatus, at: datetime, by: User | None) -> None:
    EnrollmentChange.objects.create(
        enrollment=enrollment, old_status=old, new_status=new, changed_at=at, changed_by=by
    )


def _replace(kind: type[Shared], enrollment: Enrollment, *, text: str, at: datetime) -> Shared:
    # Two changes at once take turns: the second ends what the first gave.
    Enrollment.objects.select_for_update().get(pk=enrollment.pk)
    kind._default_manager.filter(enrollment=enrollment, valid_until__isnull=True).update(valid_until=at)
    return _give(kind, enrollment, text=text, at=at)


def _give(kind: type[Shared], enrollment: Enrollment, *, text: str, at: datetime) -> Shared:
    folded = FOLD[kind](text)
    if not folded:
        raise WrongField("text", f"'{text}' has no letter or digit.")
    taken = AlreadyTaken(f"'{text}' is taken, or was once: choose another one.")
    if _is_taken(kind, enrollment.program, folded):
        raise taken
    host_id = enrollment.program.host_id
    try:
        with transaction.atomic():
            return kind._default_manager.create(
                host_id=host_id, enrollment=enrollment, text=text, folded=folded, valid_from=at
            )
    except IntegrityError as somebody_was_faster:
        raise taken from somebody_was_faster


def _made_up(kind: type[Shared], program: Program) -> str:
    while True:
        text = "".join(secrets.choice(ALPHABET) for _ in range(SYMBOLS))
        if not _is_taken(kind, program, text):
            return text


def _is_taken(kind: type[Shared], program: Program, folded: str) -> bool:
    return kind._default_manager.filter(host=program.host_id, folded=folded).exists()
