"""
Payment files, what stands in them, and what banks and payment services say about it.

Only payouts.payments writes these rows. A file's totals and the hash of its bytes are stored before it is
offered; its bytes are made again from its rows each time, and compared.
"""

from typing import Self

from django.conf import settings
from django.db import models
from django.db.models import Q

from payouts.models.batch import Payout
from payouts.models.destination import Destination, PayoutMethod
from payouts.rules.lifecycle import FileStatus, Result, Verdict
from referrals.models import Program


class PaymentFile(models.Model):
    """One file for a bank or payment service: who is paid how much, on which day."""

    program = models.ForeignKey(Program, on_delete=models.PROTECT, related_name="payment_files")
    method = models.ForeignKey(PayoutMethod, on_delete=models.PROTECT, related_name="files")
    sequence = models.PositiveIntegerField()
    identification = models.CharField(max_length=30)
    pay_on = models.DateField()
    of_the_day = models.CharField(max_length=1, default="A", editable=False)
    note = models.CharField(max_length=140, help_text="What the referrer reads on the statement.")
    status = models.CharField(max_length=8, choices=FileStatus.choices(), editable=False)
    count = models.PositiveIntegerField("payments")
    total_minor = models.BigIntegerField("total")
    currency = models.CharField(max_length=3)
    sha256 = models.CharField("fingerprint", max_length=64)
    made_at = models.DateTimeField()
    made_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")

    class Meta:
        permissions = [
            ("prepare_paymentfile", "Can make payment files, download them and read in reports"),
            ("approve_paymentfile", "Can say that a payment file was uploaded, void it, settle doubts"),
        ]
        constraints = [
            models.UniqueConstraint(fields=["program", "sequence"], name="payment_file_numbered_once"),
            models.UniqueConstraint(fields=["identification"], name="payment_file_identified_once"),
            models.CheckConstraint(
                name="payment_file_status_known", condition=Q(status__in=FileStatus.values())
            ),
            models.CheckConstraint(
                name="payment_file_holds_something", condition=Q(count__gt=0, total_minor__gt=0)
            ),
        ]
        indexes = [
            # A page asks which files wait for somebody; nearly all are uploaded.
            models.Index(
                fields=["program"], condition=Q(status__in=["MADE", "IN_DOUBT"]), name="payment_file_open"
            ),
        ]

    def __str__(self) -> str:
        return self.identification


class PaymentFileChange(models.Model):
    """A step in the life of a payment file, or a download: then its status stays. Append-only."""

    file = models.ForeignKey(PaymentFile, on_delete=models.PROTECT, related_name="changes")
    old_status = models.CharField(max_length=8, blank=True)
    new_status = models.CharField(max_length=8, choices=FileStatus.choices())
    changed_at = models.DateTimeField()
    changed_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    approved_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+"
    )

    class Meta:
        ordering = ["pk"]

    def __str__(self) -> str:
        return f"{self.old_status} to {self.new_status}"

    @property
    def is_download(self) -> bool:
        return self.old_status == self.new_status


class PaymentLineQuerySet(models.QuerySet["PaymentLine"]):
    def live(self) -> Self:
        return self.filter(is_void=False)


class PaymentLine(models.Model):
    """One payment in a file: a payout, where it goes, and the reference under which it comes back."""

    file = models.ForeignKey(PaymentFile, on_delete=models.PROTECT, related_name="lines")
    payout = models.ForeignKey(Payout, on_delete=models.PROTECT, related_name="lines")
    destination = models.ForeignKey(Destination, on_delete=models.PROTECT, related_name="lines")
    reference = models.CharField(max_length=15)
    amount_minor = models.BigIntegerField()
    currency = models.CharField(max_length=3)
    is_void = models.BooleanField("void", default=False, help_text="Its file was voided.")

    objects = PaymentLineQuerySet.as_manager()

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["payout"],
                condition=Q(is_void=False),
                name="payment_line_payout_in_one_live_file",
            ),
            models.UniqueConstraint(fields=["file", "reference"], name="payment_line_reference_once"),
            models.CheckConstraint(name="payment_line_amount_positive", condition=Q(amount_minor__gt=0)),
        ]

    def __str__(self) -> str:
        return self.reference


class PaymentReport(models.Model):
    """What a bank or payment service said about payments: a file, or told by hand. Append-only."""

    program = models.ForeignKey(Program, on_delete=models.PROTECT, related_name="payment_reports")
    name = models.CharField(max_length=200)
    sha256 = models.CharField("fingerprint", max_length=64)
    read_at = models.DateTimeField()
    read_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    done = models.PositiveIntegerField(default=0)
    unchanged = models.PositiveIntegerField(default=0)
    refused = models.PositiveIntegerField(default=0)

    def __str__(self) -> str:
        return f"Report {self.pk}"


class PaymentReportLine(models.Model):
    """One line of a report, and what it came to: none is lost. Append-only."""

    report = models.ForeignKey(PaymentReport, on_delete=models.PROTECT, related_name="lines")
    number = models.PositiveIntegerField("line")
    reference = models.CharField(max_length=100)
    result = models.CharField(max_length=40, help_text=f"As it stands there: {', '.join(Result.values())}.")
    detail = models.CharField(max_length=200, blank=True)
    verdict = models.CharField(max_length=9, choices=Verdict.choices())
    because = models.CharField(max_length=200, blank=True)
    payout = models.ForeignKey(Payout, on_delete=models.PROTECT, null=True, related_name="report_lines")

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(fields=["report", "number"], name="payment_report_line_once"),
        ]

    def __str__(self) -> str:
        return f"line {self.number}"
