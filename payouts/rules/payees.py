"""Where money can be sent, by which rails; what is told of a destination is checked before it is kept."""

import string
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from stdnum import bic, iban
from stdnum.exceptions import ValidationError
from stdnum.us import rtn

from referrals.rules.refusal import WrongField
from referrals.rules.words import Word

SHOWN = 4
"""So many of its last signs are shown of an account."""


class Rail(Word):
    """The rails on which money travels: by payment files, or over the network."""

    SEPA = "SEPA"
    NACHA = "NACHA"
    PAYPAL = "PAYPAL"
    WISE = "WISE"
    PAYPAL_API = "PAYPAL_API"
    STRIPE = "STRIPE"
    HOST = "HOST"

    @property
    def label(self) -> str:
        return LABELS.get(self.value, self.value)


LABELS = {
    "PAYPAL": "PayPal",
    "WISE": "Wise",
    "PAYPAL_API": "PayPal Payouts",
    "STRIPE": "Stripe",
    "HOST": "Host balance",
}


@dataclass(frozen=True, slots=True)
class Payee:
    """Where one person is paid; what a rail does not need stays empty."""

    holder_name: str
    iban: str = ""
    bic: str = ""
    routing_number: str = ""
    account_number: str = ""
    is_savings: bool = False
    recipient: str = ""
    town: str = ""
    country: str = ""


NEEDED: Mapping[Rail, tuple[str, ...]] = {
    Rail.SEPA: ("iban",),
    Rail.NACHA: ("routing_number", "account_number"),
    Rail.PAYPAL: ("recipient",),
    Rail.WISE: (),
    Rail.PAYPAL_API: ("recipient",),
    Rail.STRIPE: ("recipient",),
    Rail.HOST: (),
}
"""Wise's own template says what it needs: its writer asks for it."""

TAKEN: Mapping[Rail, tuple[str, ...]] = {
    Rail.SEPA: ("iban", "bic", "town", "country"),
    Rail.NACHA: ("routing_number", "account_number", "is_savings"),
    Rail.PAYPAL: ("recipient",),
    Rail.WISE: (
        "iban",
        "bic",
        "routing_number",
        "account_number",
        "is_savings",
        "recipient",
        "town",
        "country",
    ),
    Rail.PAYPAL_API: ("recipient",),
    Rail.STRIPE: ("recipient",),
    Rail.HOST: (),
}
"""What a rail takes of a payee besides the name; what it does not take is not kept."""

_CALLED = {
    "iban": "IBAN",
    "bic": "BIC",
    "routing_number": "routing number",
    "account_number": "account number",
    "recipient": "recipient",
}


def checked(payee: Payee, *, rail: Rail) -> Payee:
    """
    What a rail takes of what was told, in the form in which it is kept.

    :raises WrongField: naming the field: something is missing, or a check digit does not fit
    """
    name = " ".join(payee.holder_name.split())
    if not name:
        raise WrongField("holder_name", "tell in whose name the account is.")
    taken = {field: getattr(payee, field) for field in TAKEN[rail]}
    for field in NEEDED[rail]:
        if not taken[field].strip():
            raise WrongField(field, f"{rail.label} needs it.")
    for field, value in taken.items():
        if field in _CHECKS and value.strip():
            taken[field] = _CHECKS[field](value)
    return Payee(holder_name=name, **taken)


def masked(account: str) -> str:
    """The last signs of an account number; of an e-mail address the first sign and what follows the @."""
    name, at, domain = account.rpartition("@")
    if at:
        return f"{name[:1]}…@{domain}"
    # Of a very short one less: what is shown must never be all there is.
    shown = min(SHOWN, len(account) // 2)
    return f"…{account[len(account) - shown :]}" if account else "-"


def _by_stdnum(field: str, check: Callable[[str], str]) -> Callable[[str], str]:
    def checked(text: str) -> str:
        try:
            return str(check(text))
        except ValidationError as problem:
            raise WrongField(field, f"this is no {_CALLED[field]}: {problem}") from None

    return checked


def _account_number(text: str) -> str:
    number = text.replace(" ", "").replace("-", "")
    if not (number.isascii() and number.isalnum() and len(number) <= 17):
        raise WrongField("account_number", "it has 1 to 17 letters and digits.")
    return number


def _recipient(text: str) -> str:
    told = text.strip()
    name, at, domain = told.rpartition("@")
    if at and not (name and "." in domain):
        raise WrongField("recipient", "this is no e-mail address.")
    return told


def _country(text: str) -> str:
    code = text.strip().upper()
    if len(code) != 2 or set(code) - set(string.ascii_uppercase):
        raise WrongField("country", "write its two letters, such as DE.")
    return code


def _town(text: str) -> str:
    return " ".join(text.split())


_CHECKS: Mapping[str, Callable[[str], str]] = {
    "iban": _by_stdnum("iban", iban.validate),
    "bic": _by_stdnum("bic", bic.validate),
    "routing_number": _by_stdnum("routing_number", rtn.validate),
    "account_number": _account_number,
    "recipient": _recipient,
    "country": _country,
    "town": _town,
}
