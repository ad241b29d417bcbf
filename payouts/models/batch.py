"""
Batches and payouts: bonuses of one program that are due together, approved together and paid.

Only payouts.batches and payouts.release write batches. What an approved batch holds is fixed by a hash; it
can be voided, never edited. Payouts are made by payouts.release and payouts.withdrawals, and moved by
payouts.payments.
"""

from typing import Self

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from payouts.rules.lifecycle import BatchStatus, PayoutStatus
from referrals.models import Enrollment, Program
from referrals.rules.words import RewardKind


class PayoutBatchQuerySet(models.QuerySet["PayoutBatch"]):
    def in_draft(self) -> Self:
        return self.filter(status=BatchStatus.DRAFT)


class PayoutBatch(models.Model):
    """Bonuses of one program, kind and currency, due together and approved together."""

    program = models.ForeignKey(Program, on_delete=models.PROTECT, related_name="batches")
    run_on = models.DateField()
    kind = models.CharField(max_length=15, choices=RewardKind.choices())
    currency = models.CharField(max_length=3)
    sequence = models.PositiveIntegerField()
    status = models.CharField(max_length=17, choices=BatchStatus.choices(), editable=False)
    automatic = models.BooleanField(help_text="Approved by the schedule itself.")
    content_sha256 = models.CharField(max_length=64, blank=True, editable=False)
    prepared_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="batches_prepared"
    )
    approved_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="batches_approved"
    )
    people_needed = models.PositiveSmallIntegerField(default=2, editable=False)
    turn = models.PositiveSmallIntegerField(
        default=0, editable=False, help_text="How often it was put up: only approvals of this turn count."
    )
    approvals_needed = models.PositiveSmallIntegerField(
        default=1, editable=False, help_text="Frozen when it is put up: what its sum asks for."
    )

    objects = PayoutBatchQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "payout batches"
        permissions = [
            ("prepare_payoutbatch", "Can put up a batch for approval"),
            ("approve_payoutbatch", "Can approve, refuse and void a batch"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["program", "run_on", "kind", "currency", "sequence"], name="payout_batch_once"
            ),
            models.CheckConstraint(
                name="payout_batch_status_known", condition=Q(status__in=BatchStatus.values())
            ),
            models.CheckConstraint(
                name="payout_batch_approved_by_another",
                condition=Q(people_needed__lt=2)
                | Q(approved_by__isnull=True)
                | Q(prepared_by__isnull=False) & ~Q(prepared_by=F("approved_by")),
            ),
            models.CheckConstraint(
                name="payout_batch_approved_by_person_or_schedule",
                condition=~Q(status__in=["APPROVED", "RELEASED"])
                | Q(automatic=True, approved_by__isnull=True)
                | Q(automatic=False, approved_by__isnull=False),
            ),
            models.CheckConstraint(
                name="payout_batch_needs_an_approval", condition=Q(approvals_needed__gte=1)
            ),
        ]
        indexes = [
            # Preparing adds to the open draft; finance looks at what is not released.
            models.Index(
                fields=["program", "status"], condition=~Q(status="RELEASED"), name="payout_batch_open"
            ),
        ]

    def __str__(self) -> str:
        return f"Batch {self.pk} of {self.program}"


class BatchChange(models.Model):
    """A step in the life of a batch. Append-only."""

    batch = models.ForeignKey(PayoutBatch, on_delete=models.PROTECT, related_name="changes")
    old_status = models.CharField(max_length=17, blank=True)
    new_status = models.CharField(max_length=17, choices=BatchStatus.choices())
    changed_at = models.DateTimeField()
    changed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+"
    )

    class Meta:
        ordering = ["pk"]

    def __str__(self) -> str:
        return f"{self.old_status} to {self.new_status}"


class Payout(models.Model):
    """
    The money to one referrer: of a batch, the sum of its bonuses at release; or a withdrawal.

    What was set off against what the referrer owes is in it no more.
    """

    batch = models.ForeignKey(PayoutBatch, on_delete=models.PROTECT, null=True, related_name="payouts")
    withdrawal = models.ForeignKey(
        "payouts.Withdrawal", on_delete=models.PROTECT, null=True, related_name="payouts"
    )
    enrollment = models.ForeignKey(Enrollment, on_delete=models.PROTECT, related_name="payouts")
    attempt = models.PositiveSmallIntegerField(default=1)
    amount_minor = models.BigIntegerField()
    currency = models.CharField(max_length=3)
    status = models.CharField(max_length=9, choices=PayoutStatus.choices(), editable=False)
    created_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["batch", "enrollment", "attempt"], name="payout_once_per_referrer_and_attempt"
            ),
            models.UniqueConstraint(
                fields=["withdrawal", "attempt"],
                condition=Q(withdrawal__isnull=False),
                name="payout_once_per_withdrawal_and_attempt",
            ),
            models.CheckConstraint(
                name="payout_of_a_batch_or_a_withdrawal",
                condition=Q(batch__isnull=False, withdrawal__isnull=True)
                | Q(batch__isnull=True, withdrawal__isnull=False),
            ),
            models.CheckConstraint(
                name="payout_amount_positive",
                condition=Q(amount_minor__gt=0) | Q(amount_minor=0, status="CANCELLED"),
            ),
            models.CheckConstraint(name="payout_status_known", condition=Q(status__in=PayoutStatus.values())),
        ]
        indexes = [
            # Nearly all payouts end well; a person asks about these.
            models.Index(fields=["id"], condition=Q(status="UNKNOWN"), name="payout_unknown"),
            # What the next payment file holds.
            models.Index(fields=["enrollment"], condition=Q(status="PREPARED"), name="payout_prepared"),
        ]

    def __str__(self) -> str:
        return f"Payout {self.pk}"


class PayoutChange(models.Model):
    """A step in the life of a payout. Append-only."""

    payout = models.ForeignKey(Payout, on_delete=models.PROTECT, related_name="changes")
    old_status = models.CharField(max_length=9, blank=True)
    new_status = models.CharField(max_length=9, choices=PayoutStatus.choices())
    changed_at = models.DateTimeField()
    changed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+"
    )
    approved_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+"
    )

    class Meta:
        ordering = ["pk"]

    def __str__(self) -> str:
        return f"{self.old_status} to {self.new_status}"
