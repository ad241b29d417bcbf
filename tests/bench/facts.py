"""Facts as the software of a host tells them, signed as it signs them."""

import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import count, islice
from typing import Any

from standardwebhooks import Webhook

from tests.bench import load

Fact = dict[str, Any]


def told(known: Fact) -> Iterator[Fact]:
    """
    Facts without end, about all accounts in turn.

    :param known: what ``tests.bench.intake_host`` printed
    """
    occurred_at = datetime.now(tz=UTC).isoformat()
    for number in count():
        yield {
            "client": known["client"],
            "host": known["host"],
            "event_id": f"evt_{number:012}",
            "account": known["accounts"][number % len(known["accounts"])],
            "type": "payment.received",
            "occurred_at": occurred_at,
            "amount": 12_500,
            "currency": known["currency"],
        }


def batches(facts: Iterator[Fact], size: int) -> Iterator[list[Fact]]:
    """The same, so many at a time."""
    while True:
        yield list(islice(facts, size))


def signed(known: Fact, fact: Fact) -> bytes:
    """The request that tells one fact."""
    return _signed(known, _as_sent(fact))


def signed_together(known: Fact, facts: list[Fact]) -> bytes:
    """The request that tells several."""
    return _signed(known, {"events": [_as_sent(fact) for fact in facts]})


def _as_sent(fact: Fact) -> Fact:
    return {key: fact[key] for key in fact.keys() - {"client", "host"}} | {"amount": "125.00"}


def _signed(known: Fact, content: Fact) -> bytes:
    body, now = json.dumps(content), datetime.now(tz=UTC)
    headers = {
        "content-type": "application/json",
        "webhook-client": known["public_id"],
        "webhook-id": f"msg_{time.time_ns()}",
        "webhook-timestamp": str(int(now.timestamp())),
    }
    signature = Webhook(known["secret"]).sign(headers["webhook-id"], now, body)
    return load.request("/api/v1/events", body.encode(), headers | {"webhook-signature": signature})
