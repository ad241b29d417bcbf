"""``POST credits``: the host tells what became of a credit to one of its balances."""

from enum import StrEnum
from typing import Annotated

from django.http import HttpRequest
from ninja import Router, Status
from pydantic import BaseModel, Field

from payouts.payments import notices
from payouts.rules.lifecycle import Outcome
from referrals.api.access import Caller, Signed
from referrals.api.answers import Problem, problem_of
from referrals.api.balances import DOCUMENTED, PROBLEMS
from referrals.api.bodies import Body, Text64, Text200
from referrals.rules.refusal import WrongField

router = Router(tags=["balances"])


class CreditStatus(StrEnum):
    """What became of it: it is there, it will not be, or it was taken out again."""

    CONFIRMED = "confirmed"
    REFUSED = "refused"
    RETURNED = "returned"


OUTCOMES = {
    CreditStatus.CONFIRMED: Outcome.PAID,
    CreditStatus.REFUSED: Outcome.REFUSED,
    CreditStatus.RETURNED: Outcome.RETURNED,
}


class CreditBody(Body):
    """What became of a credit that you were told of."""

    key: Annotated[Text64, Field(description="As you were sent it.", min_length=1)]
    status: CreditStatus
    reason: Annotated[Text200, Field(description="Why, as staff here shall read it.")] = ""


class CreditKept(BaseModel):
    """It is kept. ``code`` is ``kept``, or ``known`` if it had been told before."""

    key: str
    code: str


@router.post(
    "/credits",
    auth=Signed(),
    response={201: CreditKept, 200: CreditKept, 409: Problem, **PROBLEMS},
    summary="Tell what became of a credit",
    openapi_extra=DOCUMENTED,
)
def tell_credit(request: HttpRequest, body: CreditBody) -> Status[BaseModel]:
    """
    Confirm a credit, or refuse it: 201, it is on the disk. Told again it is known: 200.

    Told before we have noted your own answer it waits, and counts right after. What contradicts what was told
    before is kept, and answered with 409.
    """
    caller: Caller = request.auth  # type: ignore[attr-defined]
    try:
        is_new = notices.tell(
            caller.client,
            key=body.key,
            outcome=OUTCOMES[body.status],
            detail=body.reason,
            at=caller.called_at,
        )
    except WrongField as refusal:
        return Status(422, problem_of(refusal))
    except notices.Contradicts as refusal:
        return Status(409, problem_of(refusal))
    return Status(201 if is_new else 200, CreditKept(key=body.key, code="kept" if is_new else "known"))
