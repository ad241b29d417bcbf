"""``POST balances`` and ``POST spends``: what a referrer has, and a service paid from it."""

from typing import Annotated

from django.http import HttpRequest
from ninja import Router, Status
from pydantic import BaseModel, Field

from payouts import host_spends
from payouts.host_spends import SpendTold
from payouts.withdrawals import InsufficientBalance
from referrals.api.access import Caller, Signed
from referrals.api.answers import Problem, problem_of
from referrals.api.bodies import Body, EventId, Name, Text50, Text200
from referrals.api.events import HEADERS
from referrals.rules import money
from referrals.rules.refusal import Refused, WrongField

router = Router(tags=["balances"])

DOCUMENTED = {
    "parameters": [
        {"name": name, "in": "header", "required": True, "description": text, "schema": {"type": "string"}}
        for name, text in HEADERS.items()
    ]
}
PROBLEMS = dict.fromkeys([400, 401, 413, 422, 503], Problem)


class BalanceBody(Body):
    """Whose balance is asked for. It is part of what is signed, and so no part of an address."""

    program: Annotated[Name, Field(description="The slug of the program.")]
    referrer: Annotated[Name, Field(description="Your id of the referrer.")]


class Balance(BaseModel):
    """What the referrer has there now; below zero after bonuses were taken back."""

    program: str
    referrer: str
    currency: str
    balance: str
    credit: str


class SpendBody(BalanceBody):
    """A service that a referrer pays from the balance, or from the credit where the program gives credit."""

    spend_id: Annotated[EventId, Field(description="Yours, never used again: told twice, it is paid once.")]
    amount: Annotated[
        str,
        Field(
            strict=True, description='Text with exactly the currency\'s decimals: "100.00" USD, "100" JPY.'
        ),
    ]
    currency: Annotated[Text50, Field(description="ISO 4217.")]
    service: Annotated[Text200, Field(description="What is paid, as the referrer reads it.", min_length=1)]

    def told(self) -> SpendTold:
        """
        The spend, with its amount in minor units.

        :raises WrongField: if amount and currency do not fit together
        """
        field = "currency"
        try:
            money.decimals(self.currency)
            field = "amount"
            amount_minor = money.to_minor(self.amount, self.currency)
        except money.MoneyError as wrong:
            raise WrongField(field, str(wrong)) from wrong
        return SpendTold(
            spend_id=self.spend_id,
            program=self.program,
            referrer=self.referrer,
            amount_minor=amount_minor,
            currency=self.currency,
            service=self.service,
        )


class SpendKept(BaseModel):
    """The service is paid. ``code`` is ``spent``, or ``known`` if it had been told before."""

    spend_id: str
    code: str


@router.post(
    "/balances",
    auth=Signed(),
    response={200: Balance, **PROBLEMS},
    summary="Ask what a referrer has",
    openapi_extra=DOCUMENTED,
)
def ask_balance(request: HttpRequest, body: BalanceBody) -> Status[BaseModel]:
    """What the referrer can spend, by the books."""
    caller: Caller = request.auth  # type: ignore[attr-defined]
    try:
        found = host_spends.enrollment_of(caller.client, program=body.program, referrer=body.referrer)
    except WrongField as refusal:
        return Status(422, problem_of(refusal))
    has = host_spends.purse(found)
    answer = Balance(
        program=body.program,
        referrer=body.referrer,
        currency=has.currency,
        balance=money.to_text(has.balance_minor, has.currency),
        credit=money.to_text(has.credit_minor, has.currency),
    )
    return Status(200, answer)


@router.post(
    "/spends",
    auth=Signed(),
    response={201: SpendKept, 200: SpendKept, 409: Problem, **PROBLEMS},
    summary="Pay a service from a balance",
    openapi_extra=DOCUMENTED,
)
def tell_spend(request: HttpRequest, body: SpendBody) -> Status[BaseModel]:
    """
    Pay a service: 201, it is on the disk.

    Told again with the same id it is known: 200. With other content, or if there is less in the balance, 409;
    what was refused for want of money can be told again with the same id.
    """
    caller: Caller = request.auth  # type: ignore[attr-defined]
    try:
        is_new = host_spends.spend(caller.client, told=body.told(), at=caller.called_at)
    except (host_spends.SpendIdConflict, InsufficientBalance) as refusal:
        return Status(409, problem_of(refusal))
    except Refused as refusal:
        return Status(422, problem_of(refusal))
    return Status(
        201 if is_new else 200, SpendKept(spend_id=body.spend_id, code="spent" if is_new else "known")
    )
