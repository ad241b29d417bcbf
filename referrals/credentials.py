"""
Keys and signing secrets of the host's software: made, shown once, replaced, taken back, recognized.

The only writer of ApiKey and WebhookSecret.
"""

import hashlib
import hmac
import secrets
from base64 import b64encode
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from django.db import transaction

from referrals.models import ApiClient, ApiKey, WebhookSecret
from referrals.rules.refusal import Refused


class Scope(StrEnum):
    """What a key allows."""

    SIGN_UPS_WRITE = "sign_ups:write"


COLUMNS = {Scope.SIGN_UPS_WRITE: "writes_sign_ups"}
"""Where a key keeps each scope."""

OVERLAP = timedelta(days=1)
"""For how long the secret before still counts, so that the client can change without a gap."""

# The last use is kept to the minute: a busy client shall not write its key's row at every call.
USE_KEPT_EVERY = timedelta(minutes=1)

LOOKED_UP_EVERY = timedelta(seconds=1)
"""For how long a client that was switched off, or a secret that was ended at once, may still count."""


class NoSuchKey(Refused):
    """The key is unknown, wrong or revoked."""

    code = "no_such_key"


class AlreadyRevoked(Refused):
    """The key was revoked before."""

    code = "already_revoked"


def issue_key(client: ApiClient, *, scopes: Collection[Scope], at: datetime) -> tuple[ApiKey, str]:
    """Make a key of the client; its text exists only in what is returned here."""
    prefix, secret = secrets.token_hex(4), secrets.token_urlsafe(32)
    held = {column: scope in scopes for scope, column in COLUMNS.items()}
    row = ApiKey.objects.create(client=client, prefix=prefix, sha256=_hash(secret), created_at=at, **held)
    return row, f"{prefix}.{secret}"


def revoke_key(key: ApiKey, *, at: datetime) -> None:
    """
    Take a key back, at once and for good.

    :raises AlreadyRevoked: if it was
    """
    if not ApiKey.objects.filter(pk=key.pk, revoked_at__isnull=True).update(revoked_at=at):
        raise AlreadyRevoked(f"{key} was revoked before.")
    key.refresh_from_db()


def recognize(text: str, *, at: datetime) -> ApiKey:
    """
    The key of that text, with its client and host.

    :raises NoSuchKey: if it is unknown, wrong or revoked, or its client is not active
    """
    prefix, _, secret = text.partition(".")
    known = ApiKey.objects.filter(prefix=prefix, revoked_at__isnull=True, client__is_active=True)
    key = known.select_related("client__host").first()
    # The same work whether the prefix is known or not; hashes are compared, so no length shows either.
    if not hmac.compare_digest(_hash(secret), key.sha256 if key else _hash("")) or key is None:
        raise NoSuchKey("The API key is unknown, wrong or revoked.")
    if key.last_used_at is None or at - key.last_used_at >= USE_KEPT_EVERY:
        ApiKey.objects.filter(pk=key.pk).update(last_used_at=at)
    return key


def allows(key: ApiKey, scope: Scope) -> bool:
    """Does the key allow this?"""
    return bool(getattr(key, COLUMNS[scope]))


@transaction.atomic
def issue_webhook_secret(client: ApiClient, *, at: datetime, overlap: timedelta = OVERLAP) -> str:
    """
    Make the secret that the client signs with from now on; returns it.

    The one before counts for ``overlap`` longer and any older one ends, so at most two count at a time.
    """
    # Two at once take turns at the client's row; the unique key of the current secret refuses a second.
    ApiClient.objects.select_for_update().get(pk=client.pk)
    secret = f"whsec_{b64encode(secrets.token_bytes(32)).decode()}"
    known = WebhookSecret.objects.filter(client=client)
    known.filter(valid_until__gt=at).update(valid_until=at)
    known.filter(valid_until__isnull=True).update(valid_until=at + overlap)
    WebhookSecret.objects.create(client=client, secret=secret, created_at=at)
    return secret


@dataclass(frozen=True, slots=True)
class Signer:
    """A client, the secrets with which its signatures count, and when that was looked up."""

    client: ApiClient
    secrets: tuple[WebhookSecret, ...]
    known_at: datetime

    def live(self, *, at: datetime) -> list[str]:
        """The secrets that count at that instant, the newest first."""
        return [row.secret for row in self.secrets if row.valid_until is None or row.valid_until > at]


# Looked up at most once a second by each process: with every fact it would be half the cost of a fact.
_signers: dict[str, Signer] = {}


def signer(public_id: str, *, at: datetime, fresh: bool = False) -> Signer | None:
    """
    The client of that public id, if it is active and has a secret.

    It may be a second old; ``fresh`` looks again.
    """
    known = _signers.get(public_id)
    if known and not fresh and timedelta(0) <= at - known.known_at < LOOKED_UP_EVERY:
        return known
    rows = WebhookSecret.objects.live(at=at).filter(client__public_id=public_id, client__is_active=True)
    found = tuple(rows.select_related("client").order_by("-pk"))
    if not found:
        _signers.pop(public_id, None)
        return None
    _signers[public_id] = Signer(found[0].client, found, at)
    return _signers[public_id]


def _hash(secret: str) -> str:
    # Not stretched: a guess at 32 random bytes is hopeless however fast it is checked.
    return hashlib.sha256(secret.encode()).hexdigest()
