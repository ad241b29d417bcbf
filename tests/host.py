"""The host's software in tests: it knows its key and its secret, and calls as it would over the network."""

import json
from datetime import UTC, datetime
from itertools import count
from typing import Any

from django.http import HttpResponse
from django.test import Client
from standardwebhooks import Webhook

from referrals import credentials
from referrals.models import ApiClient

EVENTS, SIGN_UPS = "/api/v1/events", "/api/v1/sign-ups"
BALANCES, SPENDS = "/api/v1/balances", "/api/v1/spends"
NOON = datetime(2026, 2, 2, 12, tzinfo=UTC)
_messages = count(1)


class HostSoftware:
    """A client of the API with a key and a signing secret."""

    def __init__(self, client: ApiClient, *, at: datetime) -> None:
        self.client = client
        self.secret = credentials.issue_webhook_secret(client, at=at)
        _, self.key = credentials.issue_key(client, scopes=list(credentials.Scope), at=at)

    def tell(self, told: object, *, path: str = EVENTS, **headers: str) -> HttpResponse:
        """Tell an event, or a batch, or whatever it is; ``headers`` take the place of the right ones."""
        body = told if isinstance(told, bytes) else json.dumps(told).encode()
        return post(path, body, signed(self.client.public_id, self.secret, body) | headers)

    def tell_sign_up(self, told: object, **headers: str) -> HttpResponse:
        body = told if isinstance(told, bytes) else json.dumps(told).encode()
        return post(SIGN_UPS, body, {"authorization": f"Bearer {self.key}"} | headers)


def post(path: str, body: bytes, headers: dict[str, str]) -> HttpResponse:
    """Send a body as it is."""
    return Client().post(path, body, content_type="application/json", headers=headers)


def signed(public_id: str, secret: str, body: bytes, *, at: datetime | None = None) -> dict[str, str]:
    """The headers of a body that is signed now, or at another instant."""
    message, at = f"msg_{next(_messages)}", at or datetime.now(tz=UTC)
    return {
        "webhook-client": public_id,
        "webhook-id": message,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": Webhook(secret).sign(message, at, body.decode()),
    }


def event(event_id: str = "e1", account: str = "acme", **told: Any) -> dict[str, Any]:
    """An ordinary event."""
    ordinary = {"type": "subscription.started", "occurred_at": "2026-02-02T10:00:00Z"}
    return {"event_id": event_id, "account": account, **ordinary, **told}


def payment(event_id: str = "p1", account: str = "acme", **told: Any) -> dict[str, Any]:
    """A payment of 125 dollars."""
    return event(
        event_id, account, **{"type": "payment.received", "amount": "125.00", "currency": "USD"} | told
    )
