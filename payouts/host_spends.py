"""
What the host's software does with a referrer's money: it asks what is there, and pays services from it.

A spend has the client's own id: told again it is known, told with other content it is a conflict. Only this
module keeps these ids.
"""

import hashlib
import json
from dataclasses import asdict, dataclass
from datetime import datetime

from django.db import IntegrityError, transaction

from payouts import ledger, withdrawals
from payouts.models import HostSpend, LedgerAccount
from payouts.rules.lifecycle import AccountKind
from referrals.models import ApiClient, Enrollment
from referrals.rules.refusal import Refused, WrongField

TAKEN_FROM = (AccountKind.BALANCE, AccountKind.CREDIT)


class SpendIdConflict(Refused):
    """The id is known with other content."""

    code = "spend_id_conflict"


@dataclass(frozen=True, slots=True)
class SpendTold:
    """A service that a referrer pays, as the host tells it."""

    spend_id: str
    program: str
    referrer: str
    """The host's id of the referrer."""
    amount_minor: int
    currency: str
    service: str

    @property
    def sha256(self) -> str:
        """The same for the same content, however it was written."""
        written = json.dumps(asdict(self), sort_keys=True, ensure_ascii=False)
        return hashlib.sha256(written.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Purse:
    """What a referrer has in a program and can spend, in minor units."""

    balance_minor: int
    credit_minor: int
    currency: str


def enrollment_of(client: ApiClient, *, program: str, referrer: str) -> Enrollment:
    """
    Where that referrer of the client's host takes part.

    :raises WrongField: naming what is none of the host's
    """
    mine = Enrollment.objects.filter(program__host=client.host_id, referrer__host=client.host_id)
    of_program = mine.filter(program__slug=program)
    found = of_program.filter(referrer__host_account=referrer).select_related("program", "referrer").first()
    if found is not None:
        return found
    if not client.host.programs.filter(slug=program).exists():
        raise WrongField("program", "is none of yours.")
    raise WrongField("referrer", "takes no part in this program.")


def purse(enrollment: Enrollment) -> Purse:
    """What the referrer has; reads only, and opens no account."""
    accounts = LedgerAccount.objects.filter(enrollment=enrollment, kind__in=TAKEN_FROM)
    there = {account.kind: ledger.balance_minor(account) for account in accounts}
    return Purse(
        balance_minor=there.get(AccountKind.BALANCE.value, 0),
        credit_minor=there.get(AccountKind.CREDIT.value, 0),
        currency=enrollment.program.currency,
    )


def spend(client: ApiClient, *, told: SpendTold, at: datetime) -> bool:
    """
    Pay a service from a referrer's balance, or from the credit where the program gives credit.

    :returns: whether it is new; a spend that is known changes nothing
    :raises WrongField: naming what is none of the host's, or of another currency
    :raises SpendIdConflict: if the id is known with other content
    :raises InsufficientBalance: if there is less
    """
    enrollment = enrollment_of(client, program=told.program, referrer=told.referrer)
    if told.currency != enrollment.program.currency:
        raise WrongField("currency", f"is {enrollment.program.currency} in this program.")
    try:
        return _spend_once(client, enrollment, told, at)
    except IntegrityError:
        # The same id for another referrer, at the same moment: the other one was faster.
        if _is_known(client, told):
            return False
        raise


@transaction.atomic
def _spend_once(client: ApiClient, enrollment: Enrollment, told: SpendTold, at: datetime) -> bool:
    # Two calls for one referrer take turns here, so that the second finds the id of the first.
    Enrollment.objects.select_for_update(no_key=True).get(pk=enrollment.pk)
    if _is_known(client, told):
        return False
    bought = withdrawals.spend(enrollment, amount_minor=told.amount_minor, service=told.service, at=at)
    HostSpend.objects.create(client=client, key=told.spend_id, told_sha256=told.sha256, spend=bought)
    return True


def _is_known(client: ApiClient, told: SpendTold) -> bool:
    known = HostSpend.objects.filter(client=client, key=told.spend_id).first()
    if known is not None and known.told_sha256 != told.sha256:
        raise SpendIdConflict(
            f"The spend {told.spend_id} is known with other content: it needs an id of its own."
        )
    return known is not None
