"""
Months of the books that are closed. Until one is opened again, the database takes no transfer into it.

Months are closed in order, and only the last of them is opened again: so the books of a program are closed
up to one instant. Only payouts.closing writes these rows.
"""

from datetime import datetime
from typing import Self

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from payouts.rules.lifecycle import AccountKind
from referrals.models import Program


class MonthCloseQuerySet(models.QuerySet["MonthClose"]):
    def standing(self) -> Self:
        """Months that are closed, and were not opened again."""
        return self.filter(reopened_at__isnull=True)

    def covering(self, at: datetime) -> Self:
        """What keeps the books closed at that instant."""
        return self.standing().filter(ends_at__gt=at)


class MonthClose(models.Model):
    """A month of a program's books, closed by two people, with what the accounts held at its end."""

    program = models.ForeignKey(Program, on_delete=models.PROTECT, related_name="month_closes")
    month = models.DateField(help_text="Its first day, in the time zone of the program.")
    ends_at = models.DateTimeField(help_text="The instant at which the next month begins there.")
    closed_at = models.DateTimeField()
    closed_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    confirmed_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    transfers = models.BigIntegerField(help_text="How many there were up to its end.")
    balances_sha256 = models.CharField(
        max_length=64, help_text="Over what was debited and credited, account by account."
    )
    reopened_at = models.DateTimeField(null=True)
    reopened_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+"
    )
    reopening_confirmed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+"
    )
    reopened_because = models.CharField(max_length=200, blank=True)

    objects = MonthCloseQuerySet.as_manager()

    class Meta:
        verbose_name = "closed month"
        permissions = [("close_monthclose", "Can close a month of the books and open it again")]
        constraints = [
            models.UniqueConstraint(
                fields=["program", "month"],
                condition=Q(reopened_at__isnull=True),
                name="month_close_once",
            ),
            models.CheckConstraint(
                name="month_close_by_two_people", condition=~Q(closed_by=F("confirmed_by"))
            ),
            models.CheckConstraint(
                name="month_close_after_its_end", condition=Q(closed_at__gte=F("ends_at"))
            ),
            models.CheckConstraint(
                name="month_close_reopened_by_two_people_with_a_reason",
                condition=Q(
                    reopened_at__isnull=True,
                    reopened_by__isnull=True,
                    reopening_confirmed_by__isnull=True,
                    reopened_because="",
                )
                | (
                    Q(
                        reopened_at__isnull=False,
                        reopened_by__isnull=False,
                        reopening_confirmed_by__isnull=False,
                    )
                    & ~Q(reopened_by=F("reopening_confirmed_by"))
                    & ~Q(reopened_because="")
                ),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.month:%B %Y}"


class ClosedBalance(models.Model):
    """What a kind of account was debited and credited up to the end of a closed month. Append-only."""

    close = models.ForeignKey(MonthClose, on_delete=models.PROTECT, related_name="balances")
    kind = models.CharField(max_length=9, choices=AccountKind.choices())
    currency = models.CharField(max_length=3)
    debits_minor = models.BigIntegerField()
    credits_minor = models.BigIntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["close", "kind", "currency"], name="closed_balance_once"),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.currency}"
