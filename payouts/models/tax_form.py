"""
Tax forms: above which sum a program asks for one, and what staff write down about each referrer's.

Only payouts.program_files writes the limits, and only payouts.payments.tax_forms what is known of a form.
No document is kept here, and nothing that stands in one.
"""

from datetime import datetime
from typing import Self

from django.conf import settings
from django.db import models
from django.db.models import F, OuterRef, Q, Subquery

from payouts.rules.tax_forms import Told
from referrals.models import Enrollment, Program


class TaxFormLimitQuerySet(models.QuerySet["TaxFormLimit"]):
    def in_force(self, *, at: datetime) -> Self:
        """Of each program that asks for a form then, the limit."""
        told = TaxFormLimit.objects.filter(program=OuterRef("program"), set_at__lte=at).order_by("-pk")
        latest = self.filter(pk=Subquery(told.values("pk")[:1]), above_minor__isnull=False)
        return latest.select_related("program")


class TaxFormLimit(models.Model):
    """From an instant on: above which sum in a calendar year a program asks for a tax form. Append-only."""

    program = models.ForeignKey(Program, on_delete=models.PROTECT, related_name="tax_form_limits")
    above_minor = models.BigIntegerField("above", null=True, help_text="None: no form is asked for any more.")
    quote = models.TextField(blank=True)
    set_at = models.DateTimeField()

    objects = TaxFormLimitQuerySet.as_manager()

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.CheckConstraint(
                name="tax_form_limit_not_negative",
                condition=Q(above_minor__isnull=True) | Q(above_minor__gte=0),
            ),
        ]

    def __str__(self) -> str:
        return f"tax form limit {self.pk}"


class TaxFormChangeQuerySet(models.QuerySet["TaxFormChange"]):
    def deciding(self, *, at: datetime) -> Self:
        """What says whether there is a form, the latest first; that one was asked for says nothing of it."""
        return self.filter(status__in=[Told.RECEIVED, Told.REFUSED], changed_at__lte=at).order_by("-pk")


class TaxFormChange(models.Model):
    """What staff wrote down about the tax form of a referrer in one program. Append-only."""

    enrollment = models.ForeignKey(Enrollment, on_delete=models.PROTECT, related_name="tax_form_changes")
    status = models.CharField(max_length=9, choices=Told.choices())
    valid_until = models.DateField(null=True, help_text="The last day; none: it does not expire.")
    expires_at = models.DateTimeField(null=True, help_text="That day's end in the program's zone.")
    changed_at = models.DateTimeField()
    changed_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    note = models.CharField(max_length=200, blank=True)

    objects = TaxFormChangeQuerySet.as_manager()

    class Meta:
        ordering = ["pk"]
        permissions = [("set_taxform", "Can say how the tax form of a referrer stands")]
        constraints = [
            models.CheckConstraint(
                name="tax_form_change_status_known", condition=Q(status__in=Told.values())
            ),
            models.CheckConstraint(
                name="tax_form_change_expires_once_received",
                condition=Q(valid_until__isnull=True, expires_at__isnull=True)
                | Q(
                    valid_until__isnull=False,
                    expires_at__isnull=False,
                    expires_at__gt=F("changed_at"),
                    status=Told.RECEIVED.value,
                ),
            ),
        ]

    def __str__(self) -> str:
        return Told(self.status).label
