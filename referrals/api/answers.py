"""Answers that say no: always a code for programs and a message for people, and the fields at fault."""

from collections.abc import Iterable, Mapping
from typing import Any

from django.db import InterfaceError, OperationalError
from django.http import Http404, HttpRequest, HttpResponse
from ninja import NinjaAPI
from ninja.errors import AuthenticationError, HttpError, ValidationError
from pydantic import BaseModel

from referrals.rules.refusal import Refused

RETRY_AFTER_SECONDS = 5

# What pydantic says of a pattern is the pattern.
WORDS = {
    "string_pattern_mismatch": "holds characters that cannot be kept, such as line breaks.",
    "extra_forbidden": "is not known here.",
    "missing": "is missing.",
    "model_type": "is no JSON object.",
    "string_type": "is not text.",
    "string_unicode": "holds characters that no text can hold.",
}


class FieldError(BaseModel):
    field: str
    message: str


class Problem(BaseModel):
    """Why something was not accepted. ``errors`` names the fields at fault."""

    code: str
    message: str
    errors: list[FieldError] = []


class NotAccepted(Exception):
    """A call that is refused before any decision is asked; ``field`` is what is wrong with its body."""

    def __init__(self, status: int, code: str, message: str, *, field: str = "") -> None:
        super().__init__(f"{field}: {message}" if field else message)
        self.status, self.code = status, code
        self.errors = [FieldError(field=field, message=message)] if field else []


def problem_of(refusal: Refused) -> Problem:
    """What a decision's refusal says to the caller."""
    message, field = str(refusal), getattr(refusal, "field", None)
    errors = [FieldError(field=field, message=message.removeprefix(f"{field}: "))] if field else []
    return Problem(code=refusal.code, message=message, errors=errors)


def problem_of_fields(found: Iterable[Mapping[str, Any]]) -> Problem:
    """What pydantic found wrong with a body."""
    errors = [FieldError(field=_named(error["loc"]), message=_said(error)) for error in found]
    return Problem(
        code="wrong_field",
        message="; ".join(f"{error.field}: {error.message}" for error in errors),
        errors=errors,
    )


def install(api: NinjaAPI) -> None:
    """Let every refusal of the API be answered in the same shape."""

    def answer(request: HttpRequest, status: int, problem: Problem) -> HttpResponse:
        return api.create_response(request, problem, status=status)

    @api.exception_handler(NotAccepted)
    def not_accepted(request: HttpRequest, refusal: NotAccepted) -> HttpResponse:
        problem = Problem(code=refusal.code, message=str(refusal), errors=refusal.errors)
        return answer(request, refusal.status, problem)

    @api.exception_handler(AuthenticationError)
    def not_authenticated(request: HttpRequest, _: AuthenticationError) -> HttpResponse:
        problem = Problem(code="not_authenticated", message="The key or the signature is not valid.")
        return answer(request, 401, problem)

    @api.exception_handler(HttpError)
    def not_read(request: HttpRequest, refusal: HttpError) -> HttpResponse:
        # What a parser raises comes wrapped.
        if isinstance(refusal.__cause__, NotAccepted):
            return not_accepted(request, refusal.__cause__)
        return answer(request, refusal.status_code, Problem(code="refused", message=str(refusal)))

    @api.exception_handler(ValidationError)
    def wrong_fields(request: HttpRequest, refusal: ValidationError) -> HttpResponse:
        return answer(request, 422, problem_of_fields(refusal.errors))

    @api.exception_handler(Http404)
    def not_found(request: HttpRequest, _: Http404) -> HttpResponse:
        return answer(request, 404, Problem(code="not_found", message="There is nothing here."))

    @api.exception_handler(OperationalError)
    @api.exception_handler(InterfaceError)
    def database_is_away(request: HttpRequest, _: Exception) -> HttpResponse:
        # Whether the call was stored is not known here; told again, it is stored once.
        problem = Problem(code="try_again", message="The database did not answer: tell it again.")
        response = answer(request, 503, problem)
        response["Retry-After"] = str(RETRY_AFTER_SECONDS)
        return response


def _named(place: Iterable[str | int]) -> str:
    """The field as the caller knows it: ninja puts the parts of its own call in front."""
    return ".".join(str(part) for part in place if part != "body") or "body"


def _said(error: Mapping[str, Any]) -> str:
    return WORDS.get(error["type"], str(error["msg"]).removeprefix("Value error, "))
