"""
The host product, its software that tells us facts, and the customers it already had.

Keys and secrets are looked at here and never shown; commands make them and take them back.
"""

from django import forms
from django.db.models import Q

from referrals import scopes
from referrals.admin.base import Admin, KeptAdmin, ReadOnlyAdmin, ReadOnlyInline, register
from referrals.models import ApiClient, ApiKey, ExistingCustomer, Host, WebhookSecret
from referrals.rules import identity
from referrals.scopes import Programs


@register(Host)
class HostAdmin(KeptAdmin):
    list_display = ["name", "slug"]
    search_fields = ["^name", "^slug"]
    fixed = ["slug"]

    def of_programs(self, programs: Programs) -> Q:
        return scopes.of_hosts(programs, "pk")


class ApiKeyInline(ReadOnlyInline):
    model = ApiKey
    fields = ["writes_sign_ups", "created_at", "last_used_at", "revoked_at"]


class WebhookSecretInline(ReadOnlyInline):
    model = WebhookSecret
    fields = ["created_at", "valid_until"]


@register(ApiClient)
class ApiClientAdmin(KeptAdmin):
    list_display = ["name", "public_id", "host", "is_active"]
    list_filter = ["is_active", "host"]
    list_select_related = ["host"]
    search_fields = ["^name"]
    autocomplete_fields = ["host"]
    readonly_fields = ["public_id"]
    fixed = ["host"]
    inlines = [ApiKeyInline, WebhookSecretInline]

    def of_programs(self, programs: Programs) -> Q:
        return scopes.of_hosts(programs, "host")


@register(ApiKey)
class ApiKeyAdmin(ReadOnlyAdmin):
    list_display = ["prefix", "client", "writes_sign_ups", "created_at", "last_used_at", "revoked_at"]
    list_filter = ["client", "writes_sign_ups"]
    list_select_related = ["client__host"]
    search_fields = ["prefix__exact"]
    exclude = ["sha256"]

    def of_programs(self, programs: Programs) -> Q:
        return scopes.of_hosts(programs, "client__host")


@register(WebhookSecret)
class WebhookSecretAdmin(ReadOnlyAdmin):
    list_display = ["client", "created_at", "valid_until"]
    list_filter = ["client"]
    list_select_related = ["client__host"]
    exclude = ["secret"]

    def of_programs(self, programs: Programs) -> Q:
        return scopes.of_hosts(programs, "client__host")


class ExistingCustomerForm(forms.ModelForm):
    def clean(self) -> None:
        """Keep name and phone as look-alikes are found by them."""
        super().clean()
        self.instance.name_key = identity.name_key(self.cleaned_data.get("company_name"))
        self.instance.phone_key = identity.phone_key(self.cleaned_data.get("phone"))

    def clean_email(self) -> str:
        """Keep the address as screening compares it, and the company's domain that follows from it."""
        email = identity.normalized_email(self.cleaned_data["email"])
        if email and not identity.is_valid_email(email):
            raise forms.ValidationError("This is not written as an e-mail address.")
        self.instance.domain = identity.company_domain(email)
        return email


@register(ExistingCustomer)
class ExistingCustomerAdmin(Admin):
    contact = ["email", "phone"]
    form = ExistingCustomerForm
    list_display = ["host_account", "company_name", "email", "domain", "kind", "customer_since", "host"]
    list_filter = ["kind", "host"]
    list_select_related = ["host"]
    search_fields = ["host_account__exact", "email__exact", "domain__exact"]
    autocomplete_fields = ["host"]
    readonly_fields = ["domain"]
    fixed = ["host", "host_account"]

    def of_programs(self, programs: Programs) -> Q:
        return scopes.of_hosts(programs, "host")
