"""Who calls: an API key that names itself, or a signature over the body as it was sent."""

import re
from dataclasses import dataclass
from datetime import datetime

from django.http import HttpRequest
from django.utils import timezone
from ninja.security.base import AuthBase
from standardwebhooks import Webhook
from standardwebhooks.webhooks import WebhookVerificationError

from referrals import credentials
from referrals.api.answers import NotAccepted
from referrals.api.bodies import body_of
from referrals.models import ApiClient

# What the signature's Base64 looks like when it is written in the one right way; anything else that the
# library would read as the same bytes is not accepted.
SIGNATURE = re.compile(r"v1,[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]=")


@dataclass(frozen=True, slots=True)
class Caller:
    """A client of a host, and when it called."""

    client: ApiClient
    called_at: datetime


class WithKey(AuthBase):
    """An API key with a scope: ``Authorization: Bearer <prefix>.<secret>``."""

    openapi_type = "http"
    openapi_scheme = "bearer"

    def __init__(self, scope: credentials.Scope) -> None:
        self.scope = scope
        self.openapi_description = f"An API key with the scope {scope}: `Bearer <prefix>.<secret>`."
        super().__init__()

    def __call__(self, request: HttpRequest) -> Caller | None:
        body_of(request)
        scheme, _, text = request.META.get("HTTP_AUTHORIZATION", "").partition(" ")
        if scheme.lower() != "bearer":
            return None
        now = timezone.now()
        try:
            key = credentials.recognize(text.strip(), at=now)
        except credentials.NoSuchKey:
            return None
        if not credentials.allows(key, self.scope):
            raise NotAccepted(403, "scope_missing", f"This API key has not the scope {self.scope}.")
        return Caller(key.client, now)


class Signed(AuthBase):
    """
    A body signed by the Standard Webhooks scheme with a live secret of the client that it names.

    Nothing is read out of the body before.
    """

    openapi_type = "apiKey"
    openapi_in = "header"
    openapi_name = "webhook-signature"
    openapi_description = (
        "Standard Webhooks (v1): HMAC-SHA256 with your secret over `webhook-id.webhook-timestamp.body`, "
        "sent with the headers `webhook-id`, `webhook-timestamp` and `webhook-signature`, not older than "
        "five minutes. `webhook-client` is your client's public id."
    )

    def __call__(self, request: HttpRequest) -> Caller | None:
        body = body_of(request)
        now = timezone.now()
        public_id = request.META.get("HTTP_WEBHOOK_CLIENT", "")
        # A second look: the client may have begun to use a secret that was made a moment ago.
        for fresh in (False, True):
            signer = credentials.signer(public_id, at=now, fresh=fresh)
            if signer and any(_is_signed(request, body, secret) for secret in signer.live(at=now)):
                return Caller(signer.client, now)
        return None


def _is_signed(request: HttpRequest, body: bytes, secret: str) -> bool:
    given = request.META.get("HTTP_WEBHOOK_SIGNATURE", "").split(" ")
    headers = {
        "webhook-id": request.META.get("HTTP_WEBHOOK_ID", ""),
        "webhook-timestamp": request.META.get("HTTP_WEBHOOK_TIMESTAMP", ""),
        "webhook-signature": " ".join(filter(SIGNATURE.fullmatch, given)),
    }
    try:
        Webhook(secret).verify(body, headers, json_parse=False)
    except (WebhookVerificationError, UnicodeError):
        return False
    return True
