"""The money by months, summed by a sweep; the books themselves are payouts.models.ledger."""

from django.db import models

from referrals.models import Program


class MoneyMonth(models.Model):
    """What a program's bonuses came to in a month, in minor units; only payouts.money_months writes it."""

    program = models.ForeignKey(Program, on_delete=models.CASCADE, related_name="money_months")
    month = models.DateField(help_text="Its first day, in the time zone of the program.")
    currency = models.CharField(max_length=3)
    activated_minor = models.BigIntegerField(default=0)
    paid_minor = models.BigIntegerField(default=0)
    to_pay_minor = models.BigIntegerField(
        default=0, help_text="Unpaid, of bonuses whose window closes in this month."
    )
    summed_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["program", "month", "currency"], name="money_month_once"),
        ]

    def __str__(self) -> str:
        return f"{self.program_id} {self.month:%Y-%m} {self.currency}"
