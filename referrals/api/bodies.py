"""
What the host's software may send: JSON that means one thing, and of it a sign-up or a fact.

What is not in the lists below is refused, and so is what a database cannot keep.
"""

import json
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Any

from django.http import HttpRequest
from ninja.parser import Parser
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints
from pydantic import WithJsonSchema as Documented

from referrals.api.answers import NotAccepted
from referrals.events import EventTold
from referrals.intake import SignUpTold
from referrals.rules import identity, money
from referrals.rules.facts import EventType
from referrals.rules.refusal import WrongField
from referrals.rules.words import Kind

LARGEST_BODY = 1_000_000

# No control characters: PostgreSQL keeps no NUL, and no name of anything has a line break.
PRINTED = r"^[^\x00-\x1f\x7f]*$"


def _instant(told: object) -> datetime:
    if not isinstance(told, str):
        raise ValueError("is not text such as 2026-03-16T09:30:00Z.")
    try:
        instant = datetime.fromisoformat(told)
        if instant.utcoffset() is None:
            raise ValueError("has no offset: add Z or +01:00.")
        return instant.astimezone(UTC)
    except OverflowError:
        raise ValueError("lies outside of the calendar.") from None


def _email(told: str) -> str:
    if told and not identity.is_valid_email(identity.normalized_email(told)):
        raise ValueError("is not written as an e-mail address.")
    return told


def _text(longest: int, shortest: int = 0) -> Any:
    return StringConstraints(strict=True, min_length=shortest, max_length=longest, pattern=PRINTED)


Name = Annotated[str, _text(100, shortest=1)]
EventId = Annotated[str, _text(200, shortest=1)]
Text50 = Annotated[str, _text(50)]
Text64 = Annotated[str, _text(64)]
Text100 = Annotated[str, _text(100)]
Text200 = Annotated[str, _text(200)]
Text500 = Annotated[str, _text(500)]
Email = Annotated[str, _text(254), AfterValidator(_email)]
Country = Annotated[str, StringConstraints(strict=True, pattern="^([A-Z]{2})?$")]
Instant = Annotated[
    datetime,
    BeforeValidator(_instant),
    Documented({"type": "string", "format": "date-time", "description": "ISO 8601 with offset."}),
]


class ReferredKind(StrEnum):
    """What an account says it is."""

    COMPANY = Kind.COMPANY.value
    FREELANCER = Kind.FREELANCER.value
    UNTOLD = ""


class Body(BaseModel):
    """A body whose every key is known here: a misspelt one shall not go unnoticed."""

    model_config = ConfigDict(extra="forbid")


class SignUpBody(Body):
    """A sign-up. What is not known is left out, or empty."""

    program: Annotated[Name, Field(description="The slug of the program.")]
    account: Annotated[Name, Field(description="Your id of the account that signed up.")]
    occurred_at: Instant
    visitor: Annotated[Text100, Field(description="Your id of the visitor, as when a link was opened.")] = ""
    link: Annotated[Text100, Field(description="The slug of the link, as handed on in ?ref=.")] = ""
    code: Annotated[Text100, Field(description="The code that was typed.")] = ""
    kind: ReferredKind = ReferredKind.UNTOLD
    company_name: Text200 = ""
    email: Email = ""
    website: Text500 = ""
    phone: Text50 = ""
    country: Annotated[Country, Field(description="ISO 3166, two letters.")] = ""
    contact: Text200 = ""
    registration: Annotated[Text64, Field(description="The company's number in its register.")] = ""

    def told(self) -> SignUpTold:
        values = self.model_dump(exclude={"program", "account", "kind"})
        return SignUpTold(host_account=self.account, kind=self.kind.value, **values)


class EventBody(Body):
    """A fact about an account, which may not have signed up yet."""

    event_id: Annotated[EventId, Field(description="Yours, never used again: told twice, it counts once.")]
    account: Annotated[Name, Field(description="Your id of the account.")]
    type: Annotated[EventType, Documented({"type": "string", "enum": EventType.values()})]
    occurred_at: Instant
    amount: Annotated[
        str | None,
        Field(
            strict=True, description='Text with exactly the currency\'s decimals: "100.00" USD, "100" JPY.'
        ),
    ] = None
    currency: Annotated[Text50, Field(description="ISO 4217.")] = ""
    product: Text64 = ""
    category: Text64 = ""

    def told(self) -> EventTold:
        """
        The fact, with its amount in minor units.

        :raises WrongField: if amount and currency do not fit together
        """
        return EventTold(
            event_id=self.event_id,
            host_account=self.account,
            type=self.type.value,
            occurred_at=self.occurred_at,
            amount_minor=self._amount_minor(),
            currency=self.currency,
            product=self.product,
            category=self.category,
        )

    def _amount_minor(self) -> int:
        if self.amount is None:
            return 0
        if not self.currency:
            raise WrongField("currency", "is missing: an amount needs its currency.")
        field = "currency"
        try:
            money.decimals(self.currency)
            field = "amount"
            return money.to_minor(self.amount, self.currency)
        except money.MoneyError as wrong:
            raise WrongField(field, str(wrong)) from wrong


def body_of(request: HttpRequest) -> bytes:
    """
    The body as it was sent.

    :raises NotAccepted: if it is too large, or of no length at all; nothing of it was read then
    """
    try:
        length = int(request.META.get("CONTENT_LENGTH") or 0)
    except ValueError:
        raise NotAccepted(400, "no_length", "The header Content-Length is no number.") from None
    if length > LARGEST_BODY:
        raise NotAccepted(413, "too_large", f"A body has at most {LARGEST_BODY} bytes.")
    return request.body


def parsed(body: bytes) -> Any:
    """
    What a JSON text says.

    :raises NotAccepted: if it is no JSON, or an object names a key twice: readers differ on which counts
    """
    try:
        return json.loads(body, object_pairs_hook=_object, parse_constant=_no_constant)
    except RecursionError:
        reason = "it is nested too deeply"
    except ValueError as refusal:
        reason = str(refusal)
    raise NotAccepted(400, "not_json", f"The body is not JSON that can be read: {reason}.")


class StrictParser(Parser):
    """Reads bodies as above."""

    def parse_body(self, request: HttpRequest) -> Any:
        return parsed(body_of(request))


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    read = dict(pairs)
    if len(read) < len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in read if keys.count(key) > 1)
        raise ValueError(f"the key {twice[:50]!r} comes twice in one object")
    return read


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON")
