"""
PayPal Payouts: one batch of one payment for each order, under the order's key as ``sender_batch_id``.

Sources: the reference of the Payouts API, version 1. PayPal pays once for a ``sender_batch_id`` within 30
days; told one again, it refuses and names the batch that it knows.
"""

import base64
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from payouts.rails import wire
from payouts.rails.sender import Said, asked, sent, text_of
from payouts.rails.wire import Answer
from payouts.rules.lifecycle import Outcome
from payouts.rules.payment_files import Instruction, paypal
from referrals.rules.refusal import WrongField

NOT_SET_UP = "PayPal Payouts is not set up here: somebody who runs this installation sets PAYPAL_URL."

OF_ITEM = {
    "SUCCESS": Outcome.PAID,
    "FAILED": Outcome.REFUSED,
    "BLOCKED": Outcome.REFUSED,
    "RETURNED": Outcome.RETURNED,
    "REFUNDED": Outcome.RETURNED,
    "REVERSED": Outcome.RETURNED,
}
"""Whatever else an item is (pending, unclaimed, on hold), PayPal has it and has not paid it."""
OF_BATCH = {"DENIED": Outcome.REFUSED, "CANCELED": Outcome.REFUSED}

BATCH = re.compile(r"[A-Za-z0-9_-]{1,100}")


@dataclass(frozen=True, slots=True)
class PayPal:
    """PayPal Payouts at an address, by an account of it."""

    address: str
    client: str
    secret: str

    remembers = timedelta(days=25)

    @property
    def currencies(self) -> Sequence[str]:
        return paypal.CURRENCIES

    def check(self, payment: Instruction) -> None:
        if not self.address:
            raise WrongField("code", NOT_SET_UP)
        # What its file takes, its API takes.
        paypal.write([payment], identification="check")

    def send(self, payment: Instruction, *, key: str) -> Said:
        token = self._token()
        if isinstance(token, Said):
            return token
        answer, raw = self._posted(token, _batch(payment, key))
        if (known := _known(raw)) is not None:
            return known
        if isinstance(answer, Said):
            return _refusal(answer, raw)
        number = _number(answer.told())
        if not number:
            return Said(Outcome.UNKNOWN, "They took it, and gave no number.")
        return Said(Outcome.ACCEPTED, reference=number)

    def ask(self, payment: Instruction, *, key: str, reference: str) -> Said:
        token = self._token()
        if isinstance(token, Said):
            return Said(Outcome.UNKNOWN, token.reason)
        if not reference:
            # There is no question by our key. An order of nothing under it cannot pay anything: it is
            # refused, either because the key is known or because it holds nothing.
            _, raw = self._posted(token, {"sender_batch_header": {"sender_batch_id": key}, "items": []})
            known = _known(raw)
            if known is None:
                return _not_known(raw)
            if known.outcome != Outcome.ACCEPTED:
                return known
            reference = known.reference
        address = f"{self.address}/v1/payments/payouts/{reference}"
        answer = asked(lambda: wire.call("GET", address, headers=_with(token)))
        return answer if isinstance(answer, Said) else _told(answer.told(), payment, key, reference)

    def _token(self) -> str | Said:
        """What lets us in; nothing is paid by asking for it."""
        if not self.address:
            return Said(Outcome.NOT_TAKEN, NOT_SET_UP)
        login = base64.b64encode(f"{self.client}:{self.secret}".encode()).decode()
        headers = {
            "Authorization": f"Basic {login}",
            "Content-Type": "application/x-www-form-urlencoded",
        }
        body = b"grant_type=client_credentials"
        answer = sent(
            lambda: wire.call("POST", f"{self.address}/v1/oauth2/token", headers=headers, body=body)
        )
        if isinstance(answer, Said):
            return Said(Outcome.NOT_TAKEN, f"No access: {answer.reason}")
        token = answer.told().get("access_token")
        if not isinstance(token, str) or not re.fullmatch(r"[\x21-\x7e]{1,4000}", token):
            return Said(Outcome.NOT_TAKEN, "No access: they gave no token.")
        return token

    def _posted(self, token: str, batch: Mapping[str, object]) -> tuple[Answer | Said, Answer | None]:
        """What came of it, and the answer itself, if there was one."""
        answers: list[Answer] = []

        def call() -> Answer:
            headers = {**_with(token), "Content-Type": "application/json"}
            body = json.dumps(batch).encode()
            answers.append(
                wire.call("POST", f"{self.address}/v1/payments/payouts", headers=headers, body=body)
            )
            return answers[0]

        came = sent(call)
        return came, answers[0] if answers else None


def _with(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def _batch(payment: Instruction, key: str) -> dict[str, object]:
    item = {
        "recipient_type": "EMAIL",
        "receiver": payment.recipient,
        "amount": {"value": payment.amount, "currency": payment.currency},
        "note": payment.note,
        "sender_item_id": payment.reference,
    }
    header = {"sender_batch_id": key, "email_subject": payment.note or "Referral program"}
    return {"sender_batch_header": header, "items": [item]}


def _number(told: Mapping[str, Any]) -> str:
    header = told.get("batch_header")
    number = header.get("payout_batch_id") if isinstance(header, dict) else None
    return number if isinstance(number, str) and BATCH.fullmatch(number) else ""


def _known(raw: Answer | None) -> Said | None:
    """The batch that they have under this key already, if that is what they say."""
    if raw is None or raw.status not in {400, 409, 422}:
        return None
    told = raw.told()
    details = told.get("details")
    fields = (
        [each.get("field") for each in details if isinstance(each, dict)] if isinstance(details, list) else []
    )
    if told.get("name") != "USER_BUSINESS_ERROR" or "SENDER_BATCH_ID" not in fields:
        return None
    links = told.get("links")
    for link in links if isinstance(links, list) else []:
        # Only the number is taken from it: we call no address that somebody else wrote.
        address = link.get("href") if isinstance(link, dict) else None
        number = address.rstrip("/").rpartition("/")[2] if isinstance(address, str) else ""
        if BATCH.fullmatch(number):
            return Said(Outcome.ACCEPTED, "They had it already.", number)
    return Said(Outcome.UNKNOWN, "They know the key, and do not say by which number.")


def _not_known(raw: Answer | None) -> Said:
    if raw is not None and raw.status == 400 and raw.told().get("name") == "VALIDATION_ERROR":
        return Said(Outcome.NOT_KNOWN, "They do not know the key.")
    return Said(Outcome.UNKNOWN, f"Asked, they answered {raw.status if raw else 'nothing'}.")


def _refusal(said: Said, raw: Answer | None) -> Said:
    if said.outcome != Outcome.REFUSED or raw is None:
        return said
    told = raw.told()
    name, message = text_of(told.get("name")), text_of(told.get("message"))
    if name == "INSUFFICIENT_FUNDS":
        return Said(Outcome.NOT_TAKEN, "The company's PayPal balance is too low: fill it up.")
    return Said(Outcome.REFUSED, f"{said.reason} {name}: {message}".strip())


def _told(told: Mapping[str, Any], payment: Instruction, key: str, reference: str) -> Said:
    header, items = told.get("batch_header"), told.get("items")
    if _number(told) != reference or not isinstance(header, dict):
        return Said(Outcome.UNKNOWN, "They told of another batch.")
    own = header.get("sender_batch_header")
    if not isinstance(own, dict) or own.get("sender_batch_id") != key:
        return Said(Outcome.UNKNOWN, "They told of another key.")
    status = header.get("batch_status")
    if status in OF_BATCH:
        return Said(OF_BATCH[status], f"The batch is {text_of(status).lower()}.", reference)
    found = items[0] if isinstance(items, list) and len(items) == 1 else None
    if not isinstance(found, dict):
        return Said(Outcome.ACCEPTED, "They have it.", reference)
    item = found.get("payout_item")
    amount = item.get("amount") if isinstance(item, dict) else None
    if amount != {"value": payment.amount, "currency": payment.currency}:
        return Said(Outcome.UNKNOWN, "They told of another amount.", reference)
    word = found.get("transaction_status")
    outcome = OF_ITEM.get(word, Outcome.ACCEPTED) if isinstance(word, str) else Outcome.ACCEPTED
    return Said(outcome, f"The payment is {text_of(word).lower() or 'there'}.", reference)
