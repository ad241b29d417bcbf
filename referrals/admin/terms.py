"""
Terms and their children, to read: a published version never changes, and only program files bring new ones.

The page of a version shows all of it, rewards and payout schedule too.
"""

from collections.abc import Iterable
from operator import attrgetter
from typing import Any

from django.db.models import Model

from payouts.models import PayoutSchedule, Reward
from referrals.admin.base import (
    PartOfAnother,
    ReadOnlyAdmin,
    ReadOnlyInline,
    display,
    register,
    section,
    site,
)
from referrals.admin.columns import amount_of
from referrals.models import (
    CallingDay,
    CallingRules,
    Criterion,
    EligibilityRule,
    EligibilityValue,
    Milestone,
    MilestoneAfter,
    MilestoneTest,
    MilestoneTestEvent,
    RejectionReason,
    RequiredEvidence,
    Terms,
)
from referrals.rules import money
from referrals.rules.words import TestKind

amount_in_terms = amount_of(currency="terms.currency")
minimum = amount_of("minimum_minor", "terms.currency", label="minimum")
at_least = amount_of("at_least_minor", "milestone.terms.currency", label="at least")


class RequiredEvidenceInline(ReadOnlyInline):
    model = RequiredEvidence
    verbose_name_plural = "required evidence"
    fields = ["field"]


class RejectionReasonInline(ReadOnlyInline):
    model = RejectionReason
    fields = ["internal_text", "public_text", "shown", "reopenable"]


class EligibilityRuleInline(ReadOnlyInline):
    model = EligibilityRule
    fields = ["attribute", "operator", "compared_with", "checked_at", "reason", "quote"]
    prefetched = ["values"]

    @display(description="values")
    def compared_with(self, rule: EligibilityRule) -> str:
        return _listed(rule.values.all())


class CriterionInline(ReadOnlyInline):
    model = Criterion
    fields = ["source", "check_kind", "question", "asked", "required", "reason", "quote"]


class MilestoneInline(ReadOnlyInline):
    model = Milestone
    fields = ["label", "definition", "ways", "needs_all", "only_after", "funnel", "quote"]
    related = ["terms"]
    prefetched = ["tests__events", "after__earlier"]

    @display(description="reached by")
    def ways(self, milestone: Milestone) -> str:
        return "\n".join(_in_words(test, milestone.terms.currency) for test in milestone.tests.all())

    @display(description="only while")
    def only_after(self, milestone: Milestone) -> str:
        return _listed(row.earlier for row in milestone.after.all())


class RewardInline(ReadOnlyInline):
    model = Reward
    fields = ["beneficiary", "kind", amount_in_terms, "quantity", "milestones", "recurrence", "cap", "quote"]
    related = ["terms"]
    prefetched = ["requires__milestone"]

    @display(description="for")
    def milestones(self, reward: Reward) -> str:
        return _listed(row.milestone for row in reward.requires.all())


class PayoutScheduleInline(ReadOnlyInline):
    model = PayoutSchedule
    fields = ["anchor", "month_offset", "opens_kind", "opens_n", "closes_kind", "closes_n", "calendar"]
    fields += ["condition", minimum, "release", "quote"]
    related = ["terms__program", "calendar"]


class CallingRulesInline(ReadOnlyInline):
    model = CallingRules
    fields = ["opens", "closes", "weekdays", "max_attempts", "give_up_after_business_days"]
    fields += ["unreachable_reason", "quote"]
    prefetched = ["days"]

    @display(description="days")
    def weekdays(self, calling: CallingRules) -> str:
        return _listed(sorted(calling.days.all(), key=attrgetter("pk")))


@register(Terms)
class TermsAdmin(ReadOnlyAdmin):
    of_program = "program"
    list_display = ["program", "version", "effective_from", "published_at", "qualified_by", "clawback"]
    list_filter = ["program"]
    list_select_related = ["program"]
    search_fields = ["program__slug__exact"]
    fieldsets = [
        section(None, "program", "version", "effective_from", "published_at", "sha256", "quote"),
        section("Basics", "currency", "time_zone", "referred_kind", "qualified_by", "stacking", "clawback"),
        section("Times", "enrollment_mode", "enrollment_closes_at", "earn_by", "expired_reason"),
        section(
            "Attribution",
            ("link_counts", "code_counts"),
            ("manual_counts", "code_beats_link"),
            ("touch", "window_days"),
            ("old_links_work", "old_codes_work"),
            "attribution_quote",
        ),
        section(
            "Self-referral",
            ("same_account", "same_email"),
            "same_domain",
            "self_referral_reason",
            "self_referral_quote",
        ),
        section("Evidence", "evidence_quote"),
    ]
    inlines = [
        RequiredEvidenceInline,
        EligibilityRuleInline,
        CriterionInline,
        RejectionReasonInline,
        MilestoneInline,
        RewardInline,
        PayoutScheduleInline,
        CallingRulesInline,
    ]


OF_TERMS: dict[type[Model], list[str]] = {
    RequiredEvidence: ["field"],
    RejectionReason: ["code", "internal_text", "shown", "reopenable"],
    EligibilityRule: ["code", "attribute", "operator", "checked_at"],
    Criterion: ["code", "source", "check_kind", "question", "required", "reason"],
    Milestone: ["code", "label", "definition", "funnel"],
    CallingRules: ["opens", "closes", "max_attempts", "give_up_after_business_days"],
}
"""The children of terms, and what their lists show beside the terms."""

OF_CHILDREN: dict[type[Model], tuple[str, list[Any], list[str]]] = {
    EligibilityValue: ("rule", ["value"], []),
    MilestoneAfter: ("milestone", ["earlier"], ["earlier"]),
    MilestoneTest: ("milestone", ["kind", "product", "category", at_least, "before", "within_days"], []),
    MilestoneTestEvent: ("test__milestone", ["test", "event_type", "undoes"], []),
    CallingDay: ("calling", ["weekday"], []),
}
"""The children of those: what they belong to, what their lists show beside it, what is joined for that."""

for child, shown in OF_TERMS.items():
    site.register(
        child,
        PartOfAnother,
        of_program="terms__program",
        list_display=["__str__", "terms", *shown],
        list_filter=["terms__program"],
        list_select_related=["terms__program"],
    )

for child, (parent, columns, joined) in OF_CHILDREN.items():
    site.register(
        child,
        PartOfAnother,
        of_program=f"{parent}__terms__program",
        list_display=["__str__", parent, f"{parent}__terms", *columns],
        list_filter=[f"{parent}__terms__program"],
        list_select_related=[f"{parent}__terms__program", *joined],
    )


def _in_words(test: MilestoneTest, currency: str) -> str:
    events = sorted(test.events.all(), key=attrgetter("pk"))
    conditions = {
        "": _listed(event for event in events if not event.undoes),
        "undone by": _listed(event for event in events if event.undoes),
        "product": test.product,
        "category": test.category,
        "at least": test.at_least_minor and f"{money.to_text(test.at_least_minor, currency)} {currency}",
        "before": test.before,
        "within days": test.within_days,
    }
    told = [f"{word} {value}".strip() for word, value in conditions.items() if value]
    return "; ".join([TestKind(test.kind).label, *told])


def _listed(rows: Iterable[object]) -> str:
    return ", ".join(map(str, rows))
