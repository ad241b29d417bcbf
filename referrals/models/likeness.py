"""When two companies may be one, or a company may be the referrer's own: what people found out."""

from django.conf import settings
from django.db import models
from django.db.models import Q

from referrals.models.account import ReferredAccount
from referrals.models.host import ExistingCustomer
from referrals.rules.words import SignalKind, Verdict


class Comparison(models.Model):
    """Somebody compared an account with another, or with an existing customer. The latest counts."""

    account = models.ForeignKey(ReferredAccount, on_delete=models.PROTECT, related_name="comparisons")
    other = models.ForeignKey(ReferredAccount, on_delete=models.PROTECT, null=True, related_name="+")
    customer = models.ForeignKey(ExistingCustomer, on_delete=models.PROTECT, null=True, related_name="+")
    verdict = models.CharField(max_length=9, choices=Verdict.choices())
    compared_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    compared_at = models.DateTimeField()

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.CheckConstraint(
                name="comparison_with_an_account_or_a_customer",
                condition=Q(other__isnull=False, customer__isnull=True)
                | Q(other__isnull=True, customer__isnull=False),
            ),
            models.CheckConstraint(
                name="comparison_with_another",
                condition=Q(other__isnull=True) | ~Q(other=models.F("account")),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.account_id}: {self.get_verdict_display()}"


class Signal(models.Model):
    """
    A sign that a company may be the referrer's own or one we know; a senior says what it means.

    While one is open nobody qualifies the account; it never decides by itself.
    """

    account = models.ForeignKey(ReferredAccount, on_delete=models.PROTECT, related_name="signals")
    kind = models.CharField(max_length=16, choices=SignalKind.choices())
    raised_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+"
    )
    raised_at = models.DateTimeField()
    settled_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+"
    )
    settled_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["account", "kind"],
                condition=Q(settled_at__isnull=True),
                name="signal_open_once_per_kind",
            ),
            models.CheckConstraint(
                name="signal_settled_by_somebody",
                condition=Q(settled_by__isnull=True, settled_at__isnull=True)
                | Q(settled_by__isnull=False, settled_at__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return self.get_kind_display()


class Correction(models.Model):
    """What was mistyped about a company, and what it was changed to. Erasable: it names people."""

    account = models.ForeignKey(ReferredAccount, on_delete=models.PROTECT, related_name="corrections")
    field = models.CharField(max_length=20)
    old = models.CharField("before", max_length=500, blank=True)
    new = models.CharField("after", max_length=500, blank=True)
    reason = models.CharField(max_length=200)
    corrected_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    corrected_at = models.DateTimeField()

    class Meta:
        ordering = ["pk"]

    def __str__(self) -> str:
        return f"{self.field} of {self.account_id}"
