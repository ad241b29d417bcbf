"""The funnel by months, counted by a sweep: nobody who opens a page counts a whole history."""

from django.db import models

from referrals.models.program import Program


class FunnelMonth(models.Model):
    """How many accounts that signed up in a month have a milestone; only referrals.funnel writes it."""

    program = models.ForeignKey(Program, on_delete=models.CASCADE, related_name="funnel_months")
    month = models.DateField(help_text="Its first day, in the time zone of the program.")
    milestone = models.CharField("code of the milestone", max_length=64)
    accounts = models.PositiveIntegerField()
    counted_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["program", "month", "milestone"], name="funnel_month_once_per_milestone"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.milestone} of {self.month:%Y-%m}: {self.accounts}"
