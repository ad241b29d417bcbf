"""Referrers and their part in programs. Enrollments, links and codes are written by decisions only."""

from referrals.admin.base import (
    KeptAdmin,
    PartOfAnother,
    PlainInline,
    ReadOnlyAdmin,
    ReadOnlyInline,
    register,
    site,
)
from referrals.admin.columns import amount_of, became, status
from referrals.models import (
    Enrollment,
    EnrollmentChange,
    FunnelCount,
    ReferralCode,
    ReferralLink,
    Referrer,
    Touch,
)

OF_THE_REFERRER = ["enrollment__referrer__host_account__exact", "^enrollment__referrer__name"]
OF_THE_ENROLLMENT = ["enrollment__referrer", "enrollment__program"]

own_minimum = amount_of("withdrawal_minimum_minor", "program.currency", label="own withdrawal minimum")


class EnrollmentInline(ReadOnlyInline):
    model = Enrollment
    fields = ["program", "status", "since"]
    related = ["program", "referrer"]


@register(Referrer)
class ReferrerAdmin(KeptAdmin):
    contact = ["email"]
    when_empty = "A referrer appears here on joining a program, or when the host tells of one."
    list_display = ["name", "host_account", "email", "kind", "country", "tier", "is_partner", "host"]
    list_filter = ["kind", "is_partner", "tier", "host"]
    list_select_related = ["host"]
    search_fields = ["host_account__exact", "email__iexact", "^name"]
    autocomplete_fields = ["host", "user"]
    fixed = ["host", "host_account"]
    inlines = [EnrollmentInline]


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
class EnrollmentAdmin(ReadOnlyAdmin):
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
    inlines = [LinkInline, CodeInline, FunnelCountInline, EnrollmentChangeInline]


@register(ReferralLink, ReferralCode)
class LinkOrCodeAdmin(ReadOnlyAdmin):
    list_display = ["text", "enrollment", "valid_from", "valid_until"]
    list_filter = ["enrollment__program"]
    list_select_related = OF_THE_ENROLLMENT
    search_fields = ["text__iexact", *OF_THE_REFERRER]


@register(Touch)
class TouchAdmin(ReadOnlyAdmin):
    list_display = ["link", "visitor", "touched_at"]
    list_select_related = ["link"]
    search_fields = ["visitor__exact", "link__text__iexact"]


for model, shown, people in [
    (EnrollmentChange, ["__str__", "changed_at", "changed_by"], ["changed_by"]),
    (FunnelCount, ["milestone", "accounts"], []),
]:
    site.register(
        model,
        PartOfAnother,
        list_display=["enrollment", *shown],
        list_filter=["enrollment__program"],
        list_select_related=[*OF_THE_ENROLLMENT, *people],
        search_fields=OF_THE_REFERRER,
    )
