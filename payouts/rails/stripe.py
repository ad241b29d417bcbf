"""
Stripe: a transfer to the connected account of each referrer, under the order's key.

Sources: the reference of Stripe's API, *Transfers* and *Idempotent requests*. The key is sent as
``Idempotency-Key``, which Stripe keeps for at least a day, and as ``transfer_group``, by which it is asked.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

from payouts.rails import wire
from payouts.rails.sender import Said, asked, sent, text_of
from payouts.rails.wire import Answer
from payouts.rules.lifecycle import Outcome
from payouts.rules.payment_files import CannotBePaid, Instruction
from referrals.rules.refusal import WrongField

NOT_SET_UP = "Stripe is not set up here: somebody who runs this installation sets STRIPE_URL."

# Only those of which Stripe counts the same minor units as ISO 4217 and the books.
CURRENCIES = [
    *("AUD", "BRL", "CAD", "CHF", "CZK", "DKK", "EUR", "GBP", "HKD"),
    *("JPY", "MXN", "NOK", "NZD", "PLN", "SEK", "SGD", "USD"),
]

ACCOUNT = re.compile(r"acct_[A-Za-z0-9]{1,60}")
TRANSFER = re.compile(r"tr_[A-Za-z0-9]{1,90}")


@dataclass(frozen=True, slots=True)
class Stripe:
    """Stripe at an address, by a secret key of it."""

    address: str
    secret: str

    remembers = timedelta(hours=20)

    @property
    def currencies(self) -> Sequence[str]:
        return CURRENCIES

    def check(self, payment: Instruction) -> None:
        if not self.address:
            raise WrongField("code", NOT_SET_UP)
        if payment.currency not in CURRENCIES:
            raise CannotBePaid(payment, "currency", f"Stripe is not paid in {payment.currency} from here")
        if not ACCOUNT.fullmatch(payment.recipient):
            raise CannotBePaid(payment, "recipient", "write the connected account, such as acct_1a2B3c")

    def send(self, payment: Instruction, *, key: str) -> Said:
        if not self.address:
            return Said(Outcome.NOT_TAKEN, NOT_SET_UP)
        form = {
            "amount": str(payment.amount_minor),
            "currency": payment.currency.lower(),
            "destination": payment.recipient,
            "transfer_group": key,
            "description": payment.note,
            "metadata[reference]": payment.reference,
        }
        headers = {
            **self._headers(),
            "Content-Type": "application/x-www-form-urlencoded",
            "Idempotency-Key": key,
        }
        answers: list[Answer] = []

        def call() -> Answer:
            address = f"{self.address}/v1/transfers"
            answers.append(wire.call("POST", address, headers=headers, body=urlencode(form).encode()))
            return answers[0]

        answer = sent(call)
        if isinstance(answer, Said):
            return _refusal(answer, answers[0] if answers else None)
        number = _number(answer.told())
        if not number:
            return Said(Outcome.UNKNOWN, "They took it, and gave no number.")
        return Said(Outcome.ACCEPTED, reference=number)

    def ask(self, payment: Instruction, *, key: str, reference: str) -> Said:
        if not self.address:
            return Said(Outcome.UNKNOWN, NOT_SET_UP)
        address = f"{self.address}/v1/transfers?{urlencode({'transfer_group': key, 'limit': 2})}"
        answer = asked(lambda: wire.call("GET", address, headers=self._headers()))
        if isinstance(answer, Said):
            return answer
        told = answer.told()
        found = told.get("data")
        if told.get("object") != "list" or not isinstance(found, list):
            return Said(Outcome.UNKNOWN, "They answered with no list.")
        if not found:
            return Said(Outcome.NOT_KNOWN, "They do not know the key.")
        if len(found) > 1:
            return Said(Outcome.UNKNOWN, "They have several transfers under this key: ask them.")
        return _told(found[0], payment, key)

    def _headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.secret}"}


def _number(told: Mapping[str, Any]) -> str:
    number = told.get("id")
    return number if isinstance(number, str) and TRANSFER.fullmatch(number) else ""


def _refusal(said: Said, raw: Answer | None) -> Said:
    if said.outcome != Outcome.REFUSED or raw is None:
        return said
    error = raw.told().get("error")
    told: Mapping[str, Any] = error if isinstance(error, dict) else {}
    if told.get("type") == "idempotency_error":
        return Said(Outcome.UNKNOWN, "They know the key with another content.")
    if told.get("code") == "balance_insufficient":
        return Said(Outcome.NOT_TAKEN, "The company's Stripe balance is too low: fill it up.")
    return Said(Outcome.REFUSED, f"{said.reason} {text_of(told.get('message'))}".strip())


def _told(transfer: object, payment: Instruction, key: str) -> Said:
    told: Mapping[str, Any] = transfer if isinstance(transfer, dict) else {}
    number = _number(told)
    seen = (told.get("transfer_group"), told.get("amount"), told.get("currency"), told.get("destination"))
    if not number or seen != (key, payment.amount_minor, payment.currency.lower(), payment.recipient):
        return Said(Outcome.UNKNOWN, "They told of another transfer.")
    if told.get("reversed") is True or told.get("amount_reversed"):
        return Said(Outcome.RETURNED, "The transfer was reversed.", number)
    # A transfer is in the balance of the connected account at once.
    return Said(Outcome.PAID, "The transfer is there.", number)
