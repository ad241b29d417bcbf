"""
Facts from the host product about its accounts, stored once per event id for ever.

A fact belongs to the host account and counts in each of its programs of that currency. It
waits ('parked') while no program knows the account, and is kept as rejected when none of
the account's programs has its currency: both are derived, never stored.
"""

from typing import Self

from django.conf import settings
from django.db import models
from django.db.models import Exists, F, OuterRef, Q

from referrals.models.account import ReferredAccount
from referrals.models.host import ApiClient, Host
from referrals.rules.facts import EventType


class AccountEventQuerySet(models.QuerySet["AccountEvent"]):
    def about(self, account: ReferredAccount) -> Self:
        """What counts for an account in its program: its currency, and not voided."""
        return self.filter(
            Q(currency="") | Q(currency=account.program.currency),
            host_id=account.program.host_id,
            host_account=account.host_account,
            occurred_at__gte=account.signed_up_at,
            void__isnull=True,
        )

    def parked(self) -> Self:
        """Facts about accounts that no program knows yet."""
        return self.filter(~Exists(_accounts_of_event()))

    def rejected(self) -> Self:
        """Facts that count nowhere: no program of their account has their currency."""
        same_currency = _accounts_of_event().filter(program__currency=OuterRef("currency"))
        return self.filter(~Q(currency=""), Exists(_accounts_of_event()), ~Exists(same_currency))


def _accounts_of_event() -> models.QuerySet[ReferredAccount]:
    return ReferredAccount.objects.filter(
        host_account=OuterRef("host_account"), program__host=OuterRef("host")
    ).order_by()


class AccountEvent(models.Model):
    """A fact about an account of the host. Append-only."""

    client = models.ForeignKey(ApiClient, on_delete=models.PROTECT, related_name="events")
    event_id = models.CharField(max_length=200)
    host = models.ForeignKey(Host, on_delete=models.PROTECT, related_name="events")
    host_account = models.CharField("account at the host", max_length=100)
    type = models.CharField(max_length=32, choices=EventType.choices())
    occurred_at = models.DateTimeField()
    received_at = models.DateTimeField()
    amount_minor = models.BigIntegerField(default=0)
    currency = models.CharField(max_length=3, blank=True)
    product = models.CharField(max_length=64, blank=True)
    category = models.CharField(max_length=64, blank=True)
    body_sha256 = models.CharField(max_length=64)

    objects = AccountEventQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["client", "event_id"], name="account_event_once_for_ever"),
            models.CheckConstraint(
                name="account_event_amount_not_negative", condition=Q(amount_minor__gte=0)
            ),
            models.CheckConstraint(
                name="account_event_amount_has_currency", condition=Q(amount_minor=0) | ~Q(currency="")
            ),
            models.CheckConstraint(name="account_event_type_known", condition=Q(type__in=EventType.values())),
            models.CheckConstraint(
                name="account_event_not_from_the_future", condition=Q(occurred_at__lte=F("received_at"))
            ),
        ]
        indexes = [
            # Evaluation reads the facts of one account in order of time.
            models.Index(fields=["host", "host_account", "occurred_at"], name="account_event_of_account"),
            # Home counts what came of late and is about nobody we know.
            models.Index(fields=["received_at"], name="account_event_received"),
        ]

    def __str__(self) -> str:
        return f"{self.type} {self.event_id}"


class EventVoid(models.Model):
    """A wrong fact, taken out of account by two people. Append-only."""

    event = models.OneToOneField(AccountEvent, on_delete=models.PROTECT, related_name="void")
    voided_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    approved_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    voided_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(name="event_void_by_two_people", condition=~Q(voided_by=F("approved_by"))),
        ]

    def __str__(self) -> str:
        return f"void of {self.event_id}"
