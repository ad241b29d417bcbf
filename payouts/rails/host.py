"""
The balance that the host keeps for its customers: credited by a signed call to an address of the host.

    {"type": "balance.credit", "key", "program", "referrer", "amount", "currency"}
    {"type": "balance.asked", "key"}

Signed by the Standard Webhooks scheme with the secrets of a client of the API, ``webhook-id`` being the key:
told again under the same key, the host credits once. Any 2xx means that it has the credit; with
``{"status": "confirmed"}`` it stands in the account, with ``"refused"`` and a ``reason`` it will not. Else
the host confirms later by ``POST /api/v1/credits``. Asked, it answers ``not_known``, ``accepted``,
``confirmed``, ``refused`` or ``returned``.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from standardwebhooks import Webhook

from payouts.rails import wire
from payouts.rails.sender import Said, asked, sent, text_of
from payouts.rails.wire import Answer
from payouts.rules.lifecycle import Outcome
from payouts.rules.payment_files import CannotBePaid, Instruction

OF_STATUS = {
    "accepted": Outcome.ACCEPTED,
    "confirmed": Outcome.PAID,
    "refused": Outcome.REFUSED,
    "returned": Outcome.RETURNED,
}


@dataclass(frozen=True, slots=True)
class HostBalance:
    """The host at its address, at an instant."""

    address: str
    program: str
    client: str
    """The public id of the client whose secrets sign."""
    secrets: Sequence[str]
    at: datetime

    remembers = timedelta(days=365)

    @property
    def currencies(self) -> Sequence[str]:
        return ()

    def check(self, payment: Instruction) -> None:
        raise CannotBePaid(payment, "method", "the host credits its own customers, and nobody else")

    def send(self, payment: Instruction, *, key: str) -> Said:
        told = {
            "type": "balance.credit",
            "key": key,
            "program": self.program,
            "referrer": payment.recipient,
            "amount": payment.amount,
            "currency": payment.currency,
        }
        if not self.secrets:
            return Said(Outcome.NOT_TAKEN, "The client has no secret to sign with: make one for it.")
        answer = sent(lambda: self._posted(told, key))
        if isinstance(answer, Said):
            return answer
        # Who answers 2xx has it, whatever else is said.
        return _told(answer, otherwise=Said(Outcome.ACCEPTED))

    def ask(self, payment: Instruction, *, key: str, reference: str) -> Said:
        if not self.secrets:
            return Said(Outcome.UNKNOWN, "The client has no secret to sign with: make one for it.")
        answer = asked(lambda: self._posted({"type": "balance.asked", "key": key}, f"{key}.asked"))
        if isinstance(answer, Said):
            return answer
        if answer.told().get("status") == "not_known":
            return Said(Outcome.NOT_KNOWN, "They do not know the key.")
        return _told(answer, otherwise=Said(Outcome.UNKNOWN, "They did not say what became of it."))

    def _posted(self, told: Mapping[str, str], message: str) -> Answer:
        body = json.dumps(told)
        # While the host changes from one secret to the next, it knows one of the two.
        signatures = [Webhook(secret).sign(message, self.at, body) for secret in self.secrets]
        headers = {
            "Content-Type": "application/json",
            "webhook-client": self.client,
            "webhook-id": message,
            "webhook-timestamp": str(int(self.at.timestamp())),
            "webhook-signature": " ".join(signatures),
        }
        return wire.call("POST", self.address, headers=headers, body=body.encode())


def _told(answer: Answer, *, otherwise: Said) -> Said:
    told = answer.told()
    status = told.get("status")
    outcome = OF_STATUS.get(status) if isinstance(status, str) else None
    return Said(outcome, text_of(told.get("reason"))) if outcome else otherwise
