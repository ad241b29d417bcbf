"""
The tax form of a referrer in a program: asked for, received, not usable. Only its status and dates are kept.

A form that is there counts until its last day is over; that a new one is asked for does not end it.
"""

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from django.contrib.auth.models import User
from django.db import transaction

from payouts.models import PayoutChange, TaxFormChange
from payouts.rules.lifecycle import PayoutStatus
from payouts.rules.tax_forms import FormStatus, Told
from referrals.models import Enrollment, Program
from referrals.rules.refusal import Refused, WrongField
from referrals.rules.zones import first_instant, local_date


class NoFormThere(Refused):
    """No form is there that could be taken back."""

    code = "no_form_there"


class PaidMeanwhile(Refused):
    """A payment has just left on the strength of the form."""

    code = "paid_meanwhile"


@dataclass(frozen=True, slots=True)
class Standing:
    """How the form of a referrer stands, since when, and until when it is valid."""

    status: FormStatus
    since: datetime | None
    valid_until: date | None

    @property
    def is_valid(self) -> bool:
        return self.status is FormStatus.RECEIVED


def standing(enrollment: Enrollment, *, at: datetime) -> Standing:
    """How the tax form of a referrer stands at that instant."""
    return standings([enrollment.pk], at=at)[enrollment.pk]


def standings(enrollments: Collection[int], *, at: datetime) -> dict[int, Standing]:
    """The same of many, by the numbers of their enrollments, with one question."""
    told: dict[int, list[TaxFormChange]] = defaultdict(list)
    rows = TaxFormChange.objects.filter(enrollment__in=enrollments, changed_at__lte=at)
    for row in rows.order_by("-pk"):
        told[row.enrollment_id].append(row)
    return {enrollment: _standing(told[enrollment], at=at) for enrollment in enrollments}


def _standing(told: Sequence[TaxFormChange], *, at: datetime) -> Standing:
    """
    How a form stands by what was written down.

    :param told: the latest first
    """
    form = next((row for row in told if row.status != Told.REQUESTED), None)
    if form and form.status == Told.RECEIVED and (form.expires_at is None or form.expires_at > at):
        return Standing(FormStatus.RECEIVED, form.changed_at, form.valid_until)
    if not told:
        return Standing(FormStatus.NONE, None, None)
    last = told[0]
    if last.status == Told.RECEIVED:
        return Standing(FormStatus.EXPIRED, last.expires_at, last.valid_until)
    return Standing(FormStatus(last.status), last.changed_at, None)


@transaction.atomic
def request(enrollment: Enrollment, *, by: User, at: datetime, note: str = "") -> TaxFormChange:
    """Write down that a referrer was asked for the form; one that is there counts on."""
    return _write(enrollment, Told.REQUESTED, by=by, at=at, note=note)


@transaction.atomic
def receive(
    enrollment: Enrollment, *, valid_until: date | None, by: User, at: datetime, note: str = ""
) -> TaxFormChange:
    """
    Write down that the form is here: what waited for it goes with the next file, or by itself.

    :param valid_until: its last day, in the program's zone; ``None``: it does not expire
    :raises WrongField: if that day has gone by
    """
    zone = ZoneInfo(enrollment.program.time_zone)
    if valid_until is not None and valid_until < local_date(at, zone):
        raise WrongField("valid_until", "this day has gone by: ask for a new form.")
    expires_at = first_instant(valid_until + timedelta(days=1), zone) if valid_until else None
    return _write(
        enrollment, Told.RECEIVED, by=by, at=at, note=note, valid_until=valid_until, expires_at=expires_at
    )


@transaction.atomic
def refuse(enrollment: Enrollment, *, by: User, at: datetime, note: str) -> TaxFormChange:
    """
    Write down that the form which is here cannot be used: from now on it is as if there were none.

    :raises NoFormThere: if there is none
    :raises PaidMeanwhile: if a payment left after that instant
    """
    # Sending takes the same turn: what has left by now is seen, and what leaves later sees this.
    Program.objects.select_for_update(of=("self",), no_key=True).get(pk=enrollment.program_id)
    if not standing(enrollment, at=at).is_valid:
        raise NoFormThere("No valid form is there: there is nothing to take back.")
    later = PayoutChange.objects.filter(payout__enrollment=enrollment, changed_at__gte=at)
    if later.filter(new_status=PayoutStatus.SENDING).exists():
        raise PaidMeanwhile("A payment has just left on the strength of this form. Look again, then say it.")
    return _write(enrollment, Told.REFUSED, by=by, at=at, note=note)


def _write(
    enrollment: Enrollment,
    status: Told,
    *,
    by: User,
    at: datetime,
    note: str,
    valid_until: date | None = None,
    expires_at: datetime | None = None,
) -> TaxFormChange:
    return TaxFormChange.objects.create(
        enrollment=enrollment,
        status=status,
        valid_until=valid_until,
        expires_at=expires_at,
        changed_at=at,
        changed_by=by,
        note=note,
    )
