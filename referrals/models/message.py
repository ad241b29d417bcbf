"""What is mailed: a row written in the transaction that caused it, sent later by a sweep."""

from django.conf import settings
from django.db import models
from django.db.models import Q


class Message(models.Model):
    """A mail to somebody, written once and sent once."""

    kind = models.CharField(max_length=32)
    key = models.CharField(
        max_length=100, unique=True, help_text="What it is about: nothing is told twice under one key."
    )
    recipient = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+"
    )
    address = models.EmailField()
    subject = models.CharField(max_length=200)
    text = models.TextField()
    written_at = models.DateTimeField()
    claimed_at = models.DateTimeField(null=True, help_text="A worker is sending it since then.")
    sent_at = models.DateTimeField(null=True)
    tries = models.PositiveSmallIntegerField(default=0)
    error = models.CharField(max_length=500, blank=True)

    class Meta:
        indexes = [
            models.Index(fields=["id"], condition=Q(sent_at__isnull=True), name="message_to_send"),
        ]

    def __str__(self) -> str:
        return self.subject
