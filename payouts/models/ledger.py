"""
The books. A transfer moves an amount from one account to another: both legs in one row, so
the books cannot be unbalanced.

    activated   EXPENSE -> PAYABLE          released   PAYABLE -> BALANCE | CREDIT | CLEARING
    cancelled   PAYABLE -> EXPENSE          reversed   BALANCE | CREDIT | CASH_OWED -> EXPENSE
    withdrawn   BALANCE -> CLEARING         spent      BALANCE | CREDIT -> SERVICES
    given       BALANCE | CREDIT -> BALANCE | CREDIT of another referrer
    confirmed   CLEARING -> BANK             returned   BANK -> CLEARING
    set off     CLEARING -> CASH_OWED        overpaid   CASH_OWED -> BANK
    fee         CLEARING -> FEES             fee back   FEES -> CLEARING

The balance of an account is what was credited less what was debited. Transfers are
append-only: triggers of the database refuse every change, and a correction is a reversal.
payouts.ledger is the only writer.
"""

from functools import reduce
from operator import or_

from django.db import models
from django.db.models import F, Q

from payouts.models.batch import Payout
from payouts.models.bonus import Bonus
from payouts.models.fee import Fee
from payouts.models.made_up import Arrival, SetOff
from payouts.rules.lifecycle import AccountKind, TransferKind
from payouts.rules.payees import Rail
from referrals.models import Enrollment, Program

CAUSES = ["bonus", "payout", "withdrawal", "spend", "gift", "set_off", "arrival", "fee"]
"""What a transfer can rest on: on exactly one of them."""


def _one_of(causes: list[str]) -> Q:
    """Of these columns one is filled."""
    return reduce(or_, (Q(**{f"{each}__isnull": each != cause for each in causes}) for cause in causes))


class LedgerAccount(models.Model):
    """An account of a program, or of a referrer in a program, in one currency."""

    kind = models.CharField(max_length=9, choices=AccountKind.choices())
    program = models.ForeignKey(Program, on_delete=models.PROTECT, related_name="ledger_accounts")
    enrollment = models.ForeignKey(
        Enrollment, on_delete=models.PROTECT, null=True, related_name="ledger_accounts"
    )
    currency = models.CharField(max_length=3)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["program", "kind", "currency"],
                condition=Q(enrollment__isnull=True),
                name="ledger_account_of_program_once",
            ),
            models.UniqueConstraint(
                fields=["enrollment", "kind", "currency"],
                condition=Q(enrollment__isnull=False),
                name="ledger_account_of_referrer_once",
            ),
            models.CheckConstraint(
                name="ledger_account_of_program_or_referrer",
                condition=Q(
                    kind__in=["EXPENSE", "CLEARING", "BANK", "SERVICES", "FEES"], enrollment__isnull=True
                )
                | Q(kind__in=["PAYABLE", "BALANCE", "CREDIT", "CASH_OWED"], enrollment__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.enrollment_id or self.program_id} {self.currency}"


class Withdrawal(models.Model):
    """Money that a referrer takes out of the balance; its payout brings it to the referrer."""

    enrollment = models.ForeignKey(Enrollment, on_delete=models.PROTECT, related_name="withdrawals")
    method = models.CharField(
        max_length=12,
        choices=Rail.choices(),
        blank=True,
        default="",
        help_text="As the referrer chose; empty: by which the destination is paid.",
    )
    amount_minor = models.BigIntegerField()
    currency = models.CharField(max_length=3)
    requested_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(name="withdrawal_amount_positive", condition=Q(amount_minor__gt=0)),
        ]

    def __str__(self) -> str:
        return f"withdrawal {self.pk}"


class Spend(models.Model):
    """A service of the host that a referrer pays from the balance or credit. Append-only."""

    enrollment = models.ForeignKey(Enrollment, on_delete=models.PROTECT, related_name="spends")
    amount_minor = models.BigIntegerField()
    currency = models.CharField(max_length=3)
    service = models.CharField(max_length=200)
    spent_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(name="spend_amount_positive", condition=Q(amount_minor__gt=0)),
        ]

    def __str__(self) -> str:
        return f"{self.service}"


class Gift(models.Model):
    """An amount that one referrer gives to another in the same program. Append-only."""

    giver = models.ForeignKey(Enrollment, on_delete=models.PROTECT, related_name="gifts_given")
    receiver = models.ForeignKey(Enrollment, on_delete=models.PROTECT, related_name="gifts_received")
    amount_minor = models.BigIntegerField()
    currency = models.CharField(max_length=3)
    given_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(name="gift_amount_positive", condition=Q(amount_minor__gt=0)),
            models.CheckConstraint(name="gift_to_another", condition=~Q(giver=F("receiver"))),
        ]

    def __str__(self) -> str:
        return f"gift {self.pk}"


class Transfer(models.Model):
    """One row moves an amount from one account to another. Append-only."""

    debit = models.ForeignKey(LedgerAccount, on_delete=models.PROTECT, related_name="debits")
    credit = models.ForeignKey(LedgerAccount, on_delete=models.PROTECT, related_name="credits")
    amount_minor = models.BigIntegerField()
    currency = models.CharField(max_length=3)
    kind = models.CharField(max_length=9, choices=TransferKind.choices())
    posted_at = models.DateTimeField()
    bonus = models.ForeignKey(Bonus, on_delete=models.PROTECT, null=True, related_name="transfers")
    payout = models.ForeignKey(Payout, on_delete=models.PROTECT, null=True, related_name="transfers")
    withdrawal = models.OneToOneField(
        Withdrawal, on_delete=models.PROTECT, null=True, related_name="transfer"
    )
    spend = models.OneToOneField(Spend, on_delete=models.PROTECT, null=True, related_name="transfer")
    gift = models.OneToOneField(Gift, on_delete=models.PROTECT, null=True, related_name="transfer")
    # Rare: their indexes leave out all other rows.
    set_off = models.ForeignKey(
        SetOff, on_delete=models.PROTECT, null=True, related_name="transfers", db_index=False
    )
    arrival = models.ForeignKey(
        Arrival, on_delete=models.PROTECT, null=True, related_name="transfers", db_index=False
    )
    fee = models.ForeignKey(
        Fee, on_delete=models.PROTECT, null=True, related_name="transfers", db_index=False
    )
    reverses = models.OneToOneField("self", on_delete=models.PROTECT, null=True, related_name="reversed_by")

    class Meta:
        constraints = [
            models.CheckConstraint(name="transfer_amount_positive", condition=Q(amount_minor__gt=0)),
            models.CheckConstraint(name="transfer_between_two_accounts", condition=~Q(debit=F("credit"))),
            models.UniqueConstraint(
                fields=["bonus", "kind"],
                condition=Q(bonus__isnull=False),
                name="transfer_once_per_bonus_and_kind",
            ),
            models.UniqueConstraint(
                fields=["payout", "kind"],
                condition=Q(payout__isnull=False),
                name="transfer_once_per_payout_and_kind",
            ),
            models.UniqueConstraint(
                fields=["set_off"], condition=Q(set_off__isnull=False), name="transfer_once_per_set_off"
            ),
            models.UniqueConstraint(
                fields=["arrival"], condition=Q(arrival__isnull=False), name="transfer_once_per_arrival"
            ),
            models.UniqueConstraint(
                fields=["fee", "kind"],
                condition=Q(fee__isnull=False),
                name="transfer_once_per_fee_and_kind",
            ),
            models.CheckConstraint(name="transfer_has_one_cause", condition=_one_of(CAUSES)),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.amount_minor} {self.currency}"
