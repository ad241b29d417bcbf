"""
Where referrers are paid: told by one person, confirmed by another, used after a time to cool.

A destination is never changed. Another one is told and confirmed; then the old one ends, and nothing is paid
until the time to cool is over: whoever has talked somebody into a change is found out before money leaves.
The first destination of a referrer waits for nobody but the second person.
"""

from dataclasses import asdict
from datetime import datetime, timedelta

from django.contrib.auth.models import User
from django.db import transaction

from payouts.models import Destination, PayoutMethod
from payouts.payments import planning
from payouts.rules.payees import Payee, Rail, checked
from payouts.rules.payment_files import CannotBePaid
from referrals.models import Enrollment
from referrals.rules.refusal import Refused, WrongField, require_two_people


class MethodNotOffered(Refused):
    """The program does not pay by this method."""

    code = "method_not_offered"


class AlreadyWaiting(Refused):
    """Another destination waits to be confirmed."""

    code = "already_waiting"


class NotWaiting(Refused):
    """The destination was confirmed or taken back already."""

    code = "not_waiting"


class AlreadyRetired(Refused):
    """The destination has ended already."""

    code = "already_retired"


@transaction.atomic
def tell(
    enrollment: Enrollment, *, method: Rail, payee: Payee, reason: str, by: User, at: datetime
) -> Destination:
    """
    Tell where a referrer is to be paid; until another person confirms it, nothing changes.

    :param reason: how the referrer told it, and how it was checked
    :raises MethodNotOffered: if the program does not pay by this method
    :raises AlreadyWaiting: if another one waits to be confirmed
    :raises WrongField: naming what cannot be right
    """
    # Two people who tell at once take turns.
    locked = Enrollment.objects.select_for_update(of=("self",)).select_related("program")
    enrollment = locked.get(pk=enrollment.pk)
    offered = PayoutMethod.objects.open().filter(program=enrollment.program_id, code=method)
    found = offered.select_related("program").first()
    if found is None:
        raise MethodNotOffered(f"{enrollment.program} does not pay by {method.label}.")
    if Destination.objects.waiting().filter(enrollment=enrollment).exists():
        raise AlreadyWaiting("Another destination waits to be confirmed: confirm it or take it back first.")
    destination = Destination(
        enrollment=enrollment,
        method=method,
        people_needed=enrollment.program.people_needed,
        created_at=at,
        created_by=by,
        reason=reason,
        **asdict(checked(payee, rail=method)),
    )
    _try_out(found, destination, at=at)
    destination.save(force_insert=True)
    return destination


@transaction.atomic
def confirm(destination: Destination, *, by: User, at: datetime) -> None:
    """
    Let a referrer be paid there; where the referrer was paid before, nothing goes any more.

    :raises SamePerson: if it is the person who told it, and the program wants two people
    :raises NotWaiting: if it was confirmed or taken back already
    :raises MethodNotOffered: if the program has stopped to pay by its method
    """
    if destination.people_needed >= 2:
        require_two_people(destination.created_by, by)
    Enrollment.objects.select_for_update(of=("self",)).get(pk=destination.enrollment_id)
    method = (
        PayoutMethod.objects.open()
        .filter(program=destination.enrollment.program_id, code=destination.method)
        .first()
    )
    if method is None:
        raise MethodNotOffered(f"The program does not pay by {Rail(destination.method).label} any more.")
    mine = Destination.objects.filter(enrollment=destination.enrollment_id)
    is_first = not mine.filter(confirmed_at__isnull=False).exists()
    mine.live().update(retired_at=at, retired_by=by)
    usable_from = at if is_first else at + timedelta(days=method.cooling_days)
    if (
        not mine.waiting()
        .filter(pk=destination.pk)
        .update(confirmed_at=at, confirmed_by=by, usable_from=usable_from)
    ):
        raise NotWaiting("This destination was confirmed or taken back already.")
    destination.refresh_from_db()


@transaction.atomic
def retire(destination: Destination, *, by: User, at: datetime) -> None:
    """
    Let nothing be paid there any more, or take back what waits to be confirmed.

    :raises AlreadyRetired: if it has ended already
    """
    living = Destination.objects.filter(pk=destination.pk, retired_at__isnull=True)
    if not living.update(retired_at=at, retired_by=by):
        raise AlreadyRetired("This destination has ended already.")
    destination.refresh_from_db()


def _try_out(method: PayoutMethod, destination: Destination, *, at: datetime) -> None:
    """Write one payment to it: what its rail would refuse on the day of the payment is refused now."""
    currency = method.program.currency
    each = planning.instruction(1, currency, destination, 1, "Referral program")
    try:
        planning.trial(method, each, at=at)
    except CannotBePaid as problem:
        field = {"name": "holder_name"}.get(problem.field, problem.field)
        told = str(problem).removeprefix(f"{problem.field}: ").rpartition(" (payment ")[0]
        raise WrongField(field, f"{told}.") from problem
