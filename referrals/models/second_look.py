"""Decisions that somebody else looks at again, without knowing what was decided."""

from django.conf import settings
from django.db import models
from django.db.models import Q

from referrals.models.program import RejectionReason
from referrals.models.review import Decision
from referrals.rules.lifecycle import AccountStatus


class SecondLook(models.Model):
    """A decision of the sample, and what somebody else decided blind. It changes nothing by itself."""

    decision = models.OneToOneField(Decision, on_delete=models.PROTECT, related_name="second_look")
    drawn_at = models.DateTimeField()
    looked_at = models.DateTimeField(null=True)
    looked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="second_looks"
    )
    result = models.CharField(
        max_length=16,
        blank=True,
        choices=[(s.value, s.label) for s in (AccountStatus.QUALIFIED, AccountStatus.NOT_QUALIFIED)],
    )
    reason = models.ForeignKey(RejectionReason, on_delete=models.PROTECT, null=True, related_name="+")

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="second_look_is_whole",
                condition=Q(looked_at__isnull=True, looked_by__isnull=True, result="", reason__isnull=True)
                | Q(looked_at__isnull=False, looked_by__isnull=False, result="QUALIFIED", reason__isnull=True)
                | Q(
                    looked_at__isnull=False,
                    looked_by__isnull=False,
                    result="NOT_QUALIFIED",
                    reason__isnull=False,
                ),
            ),
        ]
        indexes = [
            models.Index(fields=["id"], condition=Q(looked_at__isnull=True), name="second_look_waiting"),
        ]

    def __str__(self) -> str:
        return f"second look {self.pk}"

    @property
    def agrees(self) -> bool | None:
        """Would the second person have decided the same? ``None``: nobody has looked yet."""
        if self.looked_at is None:
            return None
        return (self.result, self.reason_id) == (self.decision.result, self.decision.reason_id)
