"""Spends that the host's software told, by its own ids. Only payouts.host_spends writes these rows."""

from django.db import models

from payouts.models.ledger import Spend
from referrals.models import ApiClient


class HostSpend(models.Model):
    """The id under which a client told a spend, and what it told: the same id is one spend. Append-only."""

    client = models.ForeignKey(ApiClient, on_delete=models.PROTECT, related_name="spends")
    key = models.CharField(max_length=200, help_text="The id that the client gave it.")
    told_sha256 = models.CharField(max_length=64)
    spend = models.OneToOneField(Spend, on_delete=models.PROTECT, related_name="told")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["client", "key"], name="host_spend_once"),
        ]

    def __str__(self) -> str:
        return self.key
