"""
How and where a program pays: the company's own accounts, and those of its referrers.

Rows of both are never changed: what is to be different is a new row, and the old one ends. So a payment file
can be made again from the rows that it was made of. Only payouts.payout_methods and payouts.destinations
write them.
"""

from datetime import datetime
from typing import Self

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from payouts.rules.payees import Rail, masked
from referrals.models import ApiClient, Enrollment, Program


class PayoutMethodQuerySet(models.QuerySet["PayoutMethod"]):
    def open(self) -> Self:
        return self.filter(closed_at__isnull=True)


class PayoutMethod(models.Model):
    """One way in which a program pays its referrers, and the company's account that pays."""

    program = models.ForeignKey(Program, on_delete=models.PROTECT, related_name="payout_methods")
    code = models.CharField("method", max_length=12, choices=Rail.choices())
    payer_name = models.CharField(max_length=70, blank=True, help_text="The company, as its bank knows it.")
    payer_identification = models.CharField(
        max_length=35, blank=True, help_text="NACHA: the company id, ten characters. SEPA: if the bank asks."
    )
    payer_iban = models.CharField("payer IBAN", max_length=42, blank=True, help_text="SEPA.")
    payer_bic = models.CharField("payer BIC", max_length=11, blank=True, help_text="SEPA, if the bank asks.")
    payer_routing_number = models.CharField(
        max_length=9, blank=True, help_text="NACHA: of the bank that takes the file."
    )
    payer_bank_name = models.CharField(max_length=23, blank=True, help_text="NACHA.")
    template = models.TextField(
        blank=True, help_text="Wise: the first line of its template for the currency, as it stands."
    )
    endpoint = models.CharField(
        max_length=300, blank=True, help_text="Host balance: the host's address that takes credits, https."
    )
    client = models.ForeignKey(
        ApiClient,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name="signed as",
        help_text="Host balance: the client of the API with whose secret credits are signed.",
    )
    minimum_minor = models.BigIntegerField(
        "least withdrawal", default=0, help_text="In minor units; zero: any amount."
    )
    fee_fixed_minor = models.BigIntegerField(
        "fee per payment",
        default=0,
        help_text="In minor units; the referrer bears it, unless the bonuses paid are free of fees.",
    )
    fee_basis_points = models.PositiveSmallIntegerField(
        "fee in basis points",
        default=0,
        help_text="Hundredths of a percent of what is not free of fees; the referrer bears it, too.",
    )
    cooling_days = models.PositiveSmallIntegerField(
        default=3, help_text="So many days a changed destination waits before it is paid to."
    )
    opened_at = models.DateTimeField()
    opened_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    closed_at = models.DateTimeField(null=True, editable=False)
    closed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, editable=False, related_name="+"
    )

    objects = PayoutMethodQuerySet.as_manager()

    class Meta:
        permissions = [("close_payoutmethod", "Can open and close a way to pay")]
        constraints = [
            models.UniqueConstraint(
                fields=["program", "code"],
                condition=Q(closed_at__isnull=True),
                name="payout_method_one_open_per_program",
            ),
            models.CheckConstraint(name="payout_method_code_known", condition=Q(code__in=Rail.values())),
            models.CheckConstraint(
                name="payout_method_minimum_not_negative", condition=Q(minimum_minor__gte=0)
            ),
            models.CheckConstraint(
                name="payout_method_fee_in_bounds",
                condition=Q(fee_fixed_minor__gte=0, fee_basis_points__gte=0, fee_basis_points__lte=10_000),
            ),
            models.CheckConstraint(
                name="payout_method_host_charges_nothing",
                condition=~Q(code=Rail.HOST.value) | Q(fee_fixed_minor=0, fee_basis_points=0),
            ),
        ]

    def __str__(self) -> str:
        return f"{Rail(self.code).label} of {self.program}"


class DestinationQuerySet(models.QuerySet["Destination"]):
    def live(self) -> Self:
        return self.filter(confirmed_at__isnull=False, retired_at__isnull=True)

    def waiting(self) -> Self:
        return self.filter(confirmed_at__isnull=True, retired_at__isnull=True)


class Destination(models.Model):
    """Where a referrer of a program is paid. Pages show its last signs only."""

    enrollment = models.ForeignKey(Enrollment, on_delete=models.PROTECT, related_name="destinations")
    method = models.CharField(max_length=12, choices=Rail.choices())
    holder_name = models.CharField(max_length=140)
    iban = models.CharField("IBAN", max_length=34, blank=True)
    bic = models.CharField("BIC", max_length=11, blank=True)
    routing_number = models.CharField(max_length=9, blank=True)
    account_number = models.CharField(max_length=17, blank=True)
    is_savings = models.BooleanField("savings account", default=False)
    recipient = models.CharField(max_length=127, blank=True)
    town = models.CharField(max_length=35, blank=True)
    country = models.CharField(max_length=2, blank=True)
    people_needed = models.PositiveSmallIntegerField(default=2, editable=False)
    created_at = models.DateTimeField()
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    reason = models.CharField(max_length=200, help_text="How the referrer told it, and how it was checked.")
    confirmed_at = models.DateTimeField(null=True)
    confirmed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+"
    )
    usable_from = models.DateTimeField(null=True, help_text="Before, nothing is paid to it.")
    retired_at = models.DateTimeField(null=True)
    retired_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+"
    )

    objects = DestinationQuerySet.as_manager()

    class Meta:
        permissions = [
            ("set_destination", "Can tell where a referrer is paid"),
            ("confirm_destination", "Can confirm where a referrer is paid"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["enrollment"],
                condition=Q(confirmed_at__isnull=False, retired_at__isnull=True),
                name="destination_one_live_per_referrer",
            ),
            models.UniqueConstraint(
                fields=["enrollment"],
                condition=Q(confirmed_at__isnull=True, retired_at__isnull=True),
                name="destination_one_waiting_per_referrer",
            ),
            models.CheckConstraint(name="destination_method_known", condition=Q(method__in=Rail.values())),
            models.CheckConstraint(
                name="destination_confirmed_by_another",
                condition=Q(people_needed__lt=2)
                | Q(confirmed_by__isnull=True)
                | ~Q(confirmed_by=F("created_by")),
            ),
            models.CheckConstraint(
                name="destination_usable_once_confirmed",
                condition=Q(confirmed_at__isnull=True, confirmed_by__isnull=True, usable_from__isnull=True)
                | Q(
                    confirmed_at__isnull=False,
                    confirmed_by__isnull=False,
                    usable_from__gte=F("confirmed_at"),
                ),
            ),
        ]

    def __str__(self) -> str:
        return f"{Rail(self.method).label} {self.masked}"

    @property
    def masked(self) -> str:
        """Its last signs, as pages show it."""
        return masked(self.iban or self.account_number or self.recipient)

    def is_cooling(self, *, at: datetime) -> bool:
        """It is confirmed, and nothing is paid to it yet."""
        return self.usable_from is not None and self.usable_from > at
