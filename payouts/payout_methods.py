"""How a program pays: ways to pay are opened and closed, never changed; files are made again from them."""

from datetime import datetime

from django.contrib.auth.models import User
from django.db import IntegrityError, transaction

from payouts.models import Destination, PayoutMethod
from payouts.payments import planning
from payouts.rails import BY_NETWORK, RAILS, sender_of, wire
from payouts.rules import fees
from payouts.rules.payees import Rail
from payouts.rules.payment_files import CannotBePaid, wise
from referrals.rules.refusal import Refused, WrongField


class AlreadyOpen(Refused):
    """The program pays by this method already."""

    code = "already_open"


class AlreadyClosed(Refused):
    """The program does not pay by this method any more."""

    code = "already_closed"


@transaction.atomic
def open_method(method: PayoutMethod, *, by: User, at: datetime) -> PayoutMethod:
    """
    Let a program pay by a method, from the account that is written there.

    :param method: not saved yet
    :raises AlreadyOpen: if it does already; close that one first
    :raises WrongField: if the rail does not take the program's currency, or the company's account
    """
    check(method, at=at)
    method.opened_by, method.opened_at = by, at
    try:
        with transaction.atomic():
            method.save(force_insert=True)
    except IntegrityError:
        raise AlreadyOpen(
            f"{method.program} pays by {Rail(method.code).label} already: close that one first."
        ) from None
    return method


@transaction.atomic
def close(method: PayoutMethod, *, by: User, at: datetime) -> None:
    """
    Let a program pay by a method no more; files that were made stay as they are.

    :raises AlreadyClosed: if it is closed
    """
    if not PayoutMethod.objects.open().filter(pk=method.pk).update(closed_at=at, closed_by=by):
        raise AlreadyClosed(f"{method} is closed already.")
    method.refresh_from_db()


def check(method: PayoutMethod, *, at: datetime) -> None:
    """
    See whether a program could pay by a method, before it is opened.

    :raises AlreadyOpen: if it does already
    :raises WrongField: if the rail does not take the program's currency, or the company's account
    """
    rail, currency = Rail(method.code), method.program.currency
    _check_fee(method)
    if PayoutMethod.objects.open().filter(program=method.program, code=rail).exists():
        raise AlreadyOpen(f"{method.program} pays by {rail.label} already: close that one first.")
    by_network = rail in BY_NETWORK
    taken = sender_of(method, at=at).currencies if by_network else RAILS[rail].currencies
    if taken and currency not in taken:
        raise WrongField("code", f"{rail.label} does not carry {currency}.")
    if rail == Rail.WISE:
        # What its template asks of a payee is asked of each.
        wise.columns_of(method.template)
        return
    if rail == Rail.HOST:
        _check_host(method)
        return
    # A payment to an example is written, so that a wrong account of the company is found now.
    example = planning.instruction(1, currency, EXAMPLES[rail], 1, "Referral program")
    try:
        planning.trial(method, example, at=at)
    except CannotBePaid as problem:
        raise WrongField("code", str(problem)) from problem


def _check_fee(method: PayoutMethod) -> None:
    if method.fee_fixed_minor < 0:
        raise WrongField("fee_fixed_minor", "it is nothing or above, in minor units.")
    if not 0 <= method.fee_basis_points <= fees.WHOLE:
        raise WrongField("fee_basis_points", f"it is between nothing and {fees.WHOLE}, which is all of it.")
    if method.code == Rail.HOST and (method.fee_fixed_minor or method.fee_basis_points):
        field = "fee_fixed_minor" if method.fee_fixed_minor else "fee_basis_points"
        raise WrongField(field, "the host credits its own customers: nobody bears a fee.")


def _check_host(method: PayoutMethod) -> None:
    if wrong := wire.wrong_with(method.endpoint):
        raise WrongField("endpoint", wrong)
    if method.client is None:
        raise WrongField("client", "choose the client whose secret signs what is sent.")
    if method.client.host_id != method.program.host_id:
        raise WrongField("client", "it belongs to another host than the program.")


EXAMPLES = {
    Rail.SEPA: Destination(holder_name="Example", iban="DE89370400440532013000"),
    Rail.NACHA: Destination(holder_name="Example", routing_number="111000025", account_number="1"),
    Rail.PAYPAL: Destination(holder_name="Example", recipient="somebody@example.com"),
    Rail.PAYPAL_API: Destination(holder_name="Example", recipient="somebody@example.com"),
    Rail.STRIPE: Destination(holder_name="Example", recipient="acct_example"),
}
"""Payees as the rails' own documents show them; nobody is paid."""
