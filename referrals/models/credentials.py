"""
What the host's software proves itself with: keys for calls that name them, secrets for signed events.

Only referrals.credentials writes these rows.
"""

from datetime import datetime
from typing import Self

from django.db import models
from django.db.models import F, Q

from referrals.models.host import ApiClient


class ApiKey(models.Model):
    """
    A key of a client: ``prefix.secret``, of which only the prefix and a hash are kept.

    A scope is a column, so that a key can hold no scope that does not exist.
    """

    client = models.ForeignKey(ApiClient, on_delete=models.PROTECT, related_name="keys")
    prefix = models.CharField(max_length=16, unique=True)
    sha256 = models.CharField(max_length=64, editable=False)
    writes_sign_ups = models.BooleanField("sign_ups:write", default=False)
    created_at = models.DateTimeField()
    last_used_at = models.DateTimeField(null=True, help_text="To the minute.")
    revoked_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name = "API key"
        verbose_name_plural = "API keys"

    def __str__(self) -> str:
        return f"{self.prefix}.…"


class WebhookSecretQuerySet(models.QuerySet["WebhookSecret"]):
    def live(self, *, at: datetime) -> Self:
        """Secrets with which a signature of that instant counts."""
        return self.filter(Q(valid_until__isnull=True) | Q(valid_until__gt=at))


class WebhookSecret(models.Model):
    """
    A secret that a client signs its events with; kept as it is, since a signature is checked with it.

    While a client changes from one to the next, both count.
    """

    client = models.ForeignKey(ApiClient, on_delete=models.PROTECT, related_name="webhook_secrets")
    secret = models.CharField(max_length=64, editable=False)
    created_at = models.DateTimeField()
    valid_until = models.DateTimeField(null=True, help_text="Empty: until the next one replaces it.")

    objects = WebhookSecretQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["client"],
                condition=Q(valid_until__isnull=True),
                name="webhook_secret_one_is_current",
            ),
            models.CheckConstraint(
                name="webhook_secret_ends_after_it_begins",
                condition=Q(valid_until__isnull=True) | Q(valid_until__gte=F("created_at")),
            ),
        ]

    def __str__(self) -> str:
        return f"secret of {self.created_at:%Y-%m-%d %H:%M}"
