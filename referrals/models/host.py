"""The host product: the company's own software, whose customers are referred."""

from django.db import models
from django.db.models import Q
from django.utils.crypto import get_random_string


class Host(models.Model):
    """
    A product that runs referral programs here.

    Its customers, referrers, links and facts are told apart from those of any other host:
    whatever must be unique is unique per host. An installation usually has one.
    """

    slug = models.SlugField(max_length=64, unique=True)
    name = models.CharField(max_length=200)

    def __str__(self) -> str:
        return self.name


def new_public_id() -> str:
    """A name by which a client is found and that says nothing of it; no secret."""
    return f"client_{get_random_string(12, 'abcdefghijkmnpqrstuvwxyz23456789')}"


class ApiClient(models.Model):
    """A piece of the host's software that tells us facts; its event ids are its own."""

    host = models.ForeignKey(Host, on_delete=models.PROTECT, related_name="api_clients")
    name = models.CharField(max_length=100)
    public_id = models.CharField(
        "public id",
        max_length=32,
        unique=True,
        default=new_public_id,
        editable=False,
        help_text="Sent with signed events in the header webhook-client.",
    )
    is_active = models.BooleanField(default=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["host", "name"], name="api_client_once_per_host"),
        ]

    def __str__(self) -> str:
        return f"{self.host}: {self.name}"


class ExistingCustomer(models.Model):
    """An account that the host already had: what 'new customer' is checked against."""

    host = models.ForeignKey(Host, on_delete=models.PROTECT, related_name="existing_customers")
    host_account = models.CharField("account at the host", max_length=100)
    email = models.CharField(max_length=254, blank=True)
    domain = models.CharField("company domain", max_length=253, blank=True, editable=False)
    kind = models.CharField(max_length=32, blank=True)
    company_name = models.CharField(max_length=200, blank=True)
    phone = models.CharField(max_length=50, blank=True)
    registration = models.CharField("registration number", max_length=64, blank=True)
    name_key = models.CharField(max_length=200, blank=True, editable=False)
    phone_key = models.CharField(max_length=20, blank=True, editable=False)
    customer_since = models.DateTimeField(null=True, blank=True, help_text="Empty: always was.")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["host", "host_account"], name="existing_customer_once_per_host"),
        ]
        indexes = [
            # Screening looks a sign-up's e-mail and company domain up.
            models.Index(fields=["host", "email"], name="existing_customer_email"),
            models.Index(fields=["host", "domain"], name="existing_customer_domain"),
            # Staff look for a company that is called alike.
            models.Index(
                fields=["name_key"], opclasses=["varchar_pattern_ops"], name="existing_customer_name"
            ),
            models.Index(
                fields=["phone_key"], opclasses=["varchar_pattern_ops"], name="existing_customer_phone"
            ),
            models.Index(
                fields=["registration"], condition=~Q(registration=""), name="existing_customer_registered"
            ),
        ]

    def __str__(self) -> str:
        return self.host_account
