"""The host product, its software that tells us facts, and the customers it already had."""

from django import forms

from referrals.admin.base import Admin, KeptAdmin, register
from referrals.models import ApiClient, ExistingCustomer, Host
from referrals.rules import identity


@register(Host)
class HostAdmin(KeptAdmin):
    list_display = ["name", "slug"]
    search_fields = ["^name", "^slug"]
    fixed = ["slug"]


@register(ApiClient)
class ApiClientAdmin(KeptAdmin):
    list_display = ["name", "host", "is_active"]
    list_filter = ["is_active", "host"]
    list_select_related = ["host"]
    search_fields = ["^name"]
    autocomplete_fields = ["host"]
    fixed = ["host"]


class ExistingCustomerForm(forms.ModelForm):
    def clean_email(self) -> str:
        """Keep the address as screening compares it, and the company's domain that follows from it."""
        email = identity.normalized_email(self.cleaned_data["email"])
        if email and not identity.is_valid_email(email):
            raise forms.ValidationError("This is not written as an e-mail address.")
        self.instance.domain = identity.company_domain(email)
        return email


@register(ExistingCustomer)
class ExistingCustomerAdmin(Admin):
    form = ExistingCustomerForm
    list_display = ["host_account", "email", "domain", "kind", "customer_since", "host"]
    list_filter = ["kind", "host"]
    list_select_related = ["host"]
    search_fields = ["host_account__exact", "email__exact", "domain__exact"]
    autocomplete_fields = ["host"]
    readonly_fields = ["domain"]
    fixed = ["host", "host_account"]
