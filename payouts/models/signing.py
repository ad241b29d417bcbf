"""
Who signs for a batch, and for what: what was put up, who said yes to it, and why something left it.

Only payouts.batches and payouts.batch_lines write about a batch, only payouts.signing the rules of a program.
What was put up and who approved it are never changed; what somebody wrote about it can be erased.
"""

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from payouts.models.batch import PayoutBatch
from payouts.models.bonus import Bonus
from payouts.rules.lifecycle import BatchRemark
from referrals.models import Program


class ApprovalTier(models.Model):
    """From this amount on a batch of the program bears so many names: its preparer's and the approvers'."""

    program = models.ForeignKey(Program, on_delete=models.PROTECT, related_name="approval_tiers")
    from_minor = models.BigIntegerField()
    people = models.PositiveSmallIntegerField()

    class Meta:
        ordering = ["from_minor"]
        constraints = [
            models.UniqueConstraint(fields=["program", "people"], name="approval_tier_once"),
            models.CheckConstraint(name="approval_tier_amount_positive", condition=Q(from_minor__gt=0)),
            models.CheckConstraint(
                name="approval_tier_asks_for_three_or_four", condition=Q(people__gte=3, people__lte=4)
            ),
        ]

    def __str__(self) -> str:
        return f"{self.people} names from {self.from_minor}"


class PayoutLimit(models.Model):
    """More than this to one referrer in one batch of the program is looked at before it is approved."""

    program = models.OneToOneField(Program, on_delete=models.PROTECT, related_name="payout_limit")
    per_referrer_minor = models.BigIntegerField()

    class Meta:
        constraints = [
            models.CheckConstraint(name="payout_limit_positive", condition=Q(per_referrer_minor__gt=0)),
        ]

    def __str__(self) -> str:
        return f"{self.per_referrer_minor} to a referrer"


class BatchLine(models.Model):
    """A bonus of a batch as it was put up. Append-only: what changed since is told by it."""

    batch = models.ForeignKey(PayoutBatch, on_delete=models.PROTECT, related_name="lines")
    turn = models.PositiveSmallIntegerField(help_text="The first, second, ... time that it was put up.")
    bonus = models.ForeignKey(Bonus, on_delete=models.PROTECT, related_name="batch_lines")
    amount_minor = models.BigIntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["batch", "turn", "bonus"], name="batch_line_once_per_turn"),
            models.CheckConstraint(name="batch_line_amount_positive", condition=Q(amount_minor__gt=0)),
        ]

    def __str__(self) -> str:
        return f"Bonus {self.bonus_id} in {self.batch_id}"


class BatchApproval(models.Model):
    """Somebody said yes to what was put up. Append-only; those of earlier turns count no more."""

    batch = models.ForeignKey(PayoutBatch, on_delete=models.PROTECT, related_name="approvals")
    turn = models.PositiveSmallIntegerField()
    person = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField()
    # Copied from the batch, so that a constraint can keep them apart.
    prepared_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    people_needed = models.PositiveSmallIntegerField()

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["batch", "turn", "person"], name="batch_approval_once_per_person"
            ),
            models.CheckConstraint(
                name="batch_approval_by_another_than_prepared",
                condition=Q(people_needed__lt=2) | ~Q(person=F("prepared_by")),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.person} for {self.batch_id}"


class BatchNote(models.Model):
    """Why a bonus left a draft, or a batch was refused or voided. Erasable: people wrote it."""

    batch = models.ForeignKey(PayoutBatch, on_delete=models.PROTECT, related_name="notes")
    bonus = models.ForeignKey(Bonus, on_delete=models.PROTECT, null=True, related_name="batch_notes")
    about = models.CharField(max_length=8, choices=BatchRemark.choices())
    text = models.CharField(max_length=200)
    written_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    written_at = models.DateTimeField()

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.CheckConstraint(
                name="batch_note_of_a_bonus_iff_excluded",
                condition=Q(about="EXCLUDED", bonus__isnull=False)
                | ~Q(about="EXCLUDED") & Q(bonus__isnull=True),
            ),
        ]

    def __str__(self) -> str:
        return self.text
