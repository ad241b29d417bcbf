"""``POST sign-ups``: the host tells that an account signed up."""

from django.http import HttpRequest
from ninja import Router, Status
from pydantic import BaseModel

from referrals import intake
from referrals.api.access import Caller, WithKey
from referrals.api.answers import Problem, problem_of
from referrals.api.bodies import SignUpBody
from referrals.credentials import Scope
from referrals.models import Program
from referrals.rules.refusal import WrongField

router = Router(tags=["sign-ups"])


class SignUpKept(BaseModel):
    """
    The sign-up is kept.

    Whether somebody brought the account, or it was a customer before, is not told.
    """

    program: str
    account: str


ANSWERS = {
    201: SignUpKept,
    200: SignUpKept,
    **dict.fromkeys([400, 401, 403, 409, 413, 422, 503], Problem),
}


@router.post("/sign-ups", auth=WithKey(Scope.SIGN_UPS_WRITE), response=ANSWERS, summary="Tell a sign-up")
def tell_sign_up(request: HttpRequest, body: SignUpBody) -> Status[BaseModel]:
    """
    Keep a sign-up: 201.

    The same account of the same program again is another contact, which changes nothing: 200.
    """
    caller: Caller = request.auth  # type: ignore[attr-defined]
    program = Program.objects.filter(host=caller.client.host_id, slug=body.program).first()
    told = body.told()
    try:
        if program is None:
            raise WrongField("program", "is none of yours.")
        row = intake.sign_up(program, told=told, told_at=caller.called_at)
    except WrongField as refusal:
        return Status(422, problem_of(refusal))
    except intake.ProgramNotActive as refusal:
        return Status(409, problem_of(refusal))
    return Status(200 if row.repeats_id else 201, SignUpKept(program=program.slug, account=row.host_account))
