"""Referrers and their part in programs. Enrollments, links and codes are written by decisions only."""

from collections.abc import Iterator
from typing import Any

from django.contrib.admin import AllValuesFieldListFilter
from django.db.models import Q

from payouts.admin.payments.destination import TELL_STEP, DestinationInline
from payouts.admin.payments.tax_form import TAX_FORM_STEPS, TaxFormInline
from referrals import scopes
from referrals.admin.base import (
    KeptAdmin,
    PartOfAnother,
    PlainInline,
    ReadOnlyAdmin,
    ReadOnlyInline,
    display,
    register,
    site,
)
from referrals.admin.columns import NOTHING, amount_of, became, sentence, status
from referrals.admin.steps import StepsOnTop
from referrals.admin.support.page import SupportPage
from referrals.admin.support.suspension import SUSPENSION_STEPS
from referrals.models import (
    Enrollment,
    EnrollmentChange,
    FunnelCount,
    ReferralCode,
    ReferralLink,
    Referrer,
    SeenAs,
    Touch,
)
from referrals.scopes import Programs

OF_THE_REFERRER = ["enrollment__referrer__host_account__exact", "^enrollment__referrer__name"]
OF_THE_ENROLLMENT = ["enrollment__referrer", "enrollment__program"]

own_minimum = amount_of("withdrawal_minimum_minor", "program.currency", label="own withdrawal minimum")


class ValuesInWords(AllValuesFieldListFilter):
    """A filter by the codes that the host tells, as a person reads them."""

    def choices(self, changelist: Any) -> Iterator[Any]:
        for choice in super().choices(changelist):
            is_code = choice["display"] in self.lookup_choices
            yield choice | ({"display": sentence(str(choice["display"]))} if is_code else {})


class EnrollmentInline(ReadOnlyInline):
    model = Enrollment
    fields = ["program", "status", "since"]
    related = ["program", "referrer"]


@register(Referrer)
class ReferrerAdmin(SupportPage, KeptAdmin):
    contact = ["email"]
    when_empty = "A referrer appears here on joining a program, or when the host tells of one."
    list_display = ["name", "host_account", "email", "what", "country", "standing", "partner", "host"]
    list_filter = [("kind", ValuesInWords), "is_partner", ("tier", ValuesInWords), "host"]
    list_select_related = ["host"]
    search_fields = ["host_account__exact", "email__iexact", "^name"]
    autocomplete_fields = ["host", "user"]
    fixed = ["host", "host_account"]
    inlines = [EnrollmentInline]

    def of_programs(self, programs: Programs) -> Q:
        return scopes.referrers(programs)

    @display(description="kind", ordering="kind")
    def what(self, referrer: Referrer) -> str:
        return sentence(referrer.kind)

    @display(description="tier", ordering="tier")
    def standing(self, referrer: Referrer) -> str:
        return sentence(referrer.tier) or NOTHING

    @display(description="partner", ordering="is_partner")
    def partner(self, referrer: Referrer) -> str:
        return "Partner" if referrer.is_partner else NOTHING


class EnrollmentChangeInline(PlainInline):
    model = EnrollmentChange
    fields = ["changed_at", became, "changed_by"]
    related = ["changed_by"]


class LinkInline(ReadOnlyInline):
    model = ReferralLink
    fields = ["valid_from", "valid_until"]


class CodeInline(ReadOnlyInline):
    model = ReferralCode
    fields = ["valid_from", "valid_until"]


class FunnelCountInline(PlainInline):
    model = FunnelCount
    fields = ["milestone", "accounts"]


@register(Enrollment)
class EnrollmentAdmin(StepsOnTop, ReadOnlyAdmin):
    of_program = "program"
    steps = [TELL_STEP, *TAX_FORM_STEPS, *SUSPENSION_STEPS]
    list_display = ["referrer", "program", status, "since"]
    list_filter = ["status", "program"]
    list_select_related = ["referrer", "program"]
    search_fields = [
        "referrer__host_account__exact",
        "^referrer__name",
        "links__text__iexact",
        "codes__text__iexact",
    ]
    exclude = ["withdrawal_minimum_minor"]
    readonly_fields = [own_minimum]
    inlines = [DestinationInline, TaxFormInline, LinkInline, CodeInline, FunnelCountInline]
    inlines += [EnrollmentChangeInline]


@register(ReferralLink, ReferralCode)
class LinkOrCodeAdmin(ReadOnlyAdmin):
    of_program = "enrollment__program"
    list_display = ["text", "enrollment", "valid_from", "valid_until"]
    list_filter = ["enrollment__program"]
    list_select_related = OF_THE_ENROLLMENT
    search_fields = ["text__iexact", *OF_THE_REFERRER]


@register(Touch)
class TouchAdmin(ReadOnlyAdmin):
    of_program = "link__enrollment__program"
    list_display = ["link", "visitor", "touched_at"]
    list_select_related = ["link"]
    search_fields = ["visitor__exact", "link__text__iexact"]


@register(SeenAs)
class SeenAsRowAdmin(ReadOnlyAdmin):
    when_empty = "A row appears when somebody looks at a referrer's page as the referrer sees it."
    list_display = ["referrer", "seen_by", "seen_at", "reason"]
    list_select_related = ["referrer", "seen_by"]
    search_fields = ["referrer__host_account__exact", "^referrer__name", "seen_by__username__exact"]

    def of_programs(self, programs: Programs) -> Q:
        return Q(referrer__in=Referrer.objects.filter(scopes.referrers(programs)))


for model, shown, people in [
    (EnrollmentChange, ["__str__", "changed_at", "changed_by"], ["changed_by"]),
    (FunnelCount, ["milestone", "accounts"], []),
]:
    site.register(
        model,
        PartOfAnother,
        of_program="enrollment__program",
        list_display=["enrollment", *shown],
        list_filter=["enrollment__program"],
        list_select_related=[*OF_THE_ENROLLMENT, *people],
        search_fields=OF_THE_REFERRER,
    )
