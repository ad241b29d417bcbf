"""What people found out about who a company is: comparisons, signals, corrections; on the account's page."""

from django.db.models import Q

from referrals import scopes
from referrals.admin.base import PartOfAnother, display, register
from referrals.admin.columns import NOTHING, company
from referrals.corrections import OF_PEOPLE
from referrals.models import Comparison, Correction, Signal

HIDDEN = "not shown here"
OF_THE_ACCOUNT = ["account__host_account__exact", "^account__company_name"]


@display(description="compared with")
def compared_with(comparison: Comparison) -> str:
    """The other company."""
    return str(comparison.other or comparison.customer)


@display(description="before")
def before(correction: Correction) -> str:
    """What stood there; how a person is reached stands on the review page, for whoever has the company."""
    return HIDDEN if correction.field in OF_PEOPLE else correction.old or NOTHING


@display(description="after")
def after(correction: Correction) -> str:
    """What it was changed to."""
    return HIDDEN if correction.field in OF_PEOPLE else correction.new or NOTHING


@register(Comparison)
class ComparisonAdmin(PartOfAnother):
    """Both companies are of the programs of whoever looks: a row names the one and the other."""

    of_program = "account__program"
    list_display = [company, compared_with, "verdict", "compared_by", "compared_at"]
    list_filter = ["verdict", "account__program"]
    list_select_related = ["account", "other", "customer", "compared_by"]
    search_fields = OF_THE_ACCOUNT

    def of_programs(self, programs: scopes.Programs) -> Q:
        other = Q(other__isnull=True) | Q(other__program__in=programs)
        return super().of_programs(programs) & other


@register(Signal)
class SignalAdmin(PartOfAnother):
    of_program = "account__program"
    list_display = [company, "kind", "raised_by", "raised_at", "settled_by", "settled_at"]
    list_filter = ["kind", "account__program"]
    list_select_related = ["account", "raised_by", "settled_by"]
    search_fields = OF_THE_ACCOUNT


@register(Correction)
class CorrectionAdmin(PartOfAnother):
    of_program = "account__program"
    contact = ["reason"]
    readonly_fields = [before, after]
    exclude = ["old", "new"]
    list_display = [company, "field", before, after, "reason", "corrected_by", "corrected_at"]
    list_filter = ["field", "account__program"]
    list_select_related = ["account", "corrected_by"]
    search_fields = OF_THE_ACCOUNT
