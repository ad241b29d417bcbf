"""Rewards and payout schedules: rows of the terms, to read."""

from payouts.models import PayoutSchedule, Reward, RewardMilestone
from referrals.admin.base import PartOfAnother, ReadOnlyInline, register
from referrals.admin.columns import amount_of

amount = amount_of(currency="terms.currency")
minimum = amount_of("minimum_minor", "terms.currency", label="minimum")


class RequiresInline(ReadOnlyInline):
    model = RewardMilestone
    fields = ["milestone"]
    related = ["milestone"]


@register(Reward)
class RewardAdmin(PartOfAnother):
    of_program = "terms__program"
    list_display = ["code", "terms", "beneficiary", "kind", amount, "quantity", "recurrence", "cap"]
    list_filter = ["kind", "terms__program"]
    list_select_related = ["terms__program"]
    exclude = ["amount_minor"]
    readonly_fields = [amount]
    inlines = [RequiresInline]


@register(RewardMilestone)
class RewardMilestoneAdmin(PartOfAnother):
    of_program = "reward__terms__program"
    list_display = ["reward", "milestone"]
    list_select_related = ["reward", "milestone"]


@register(PayoutSchedule)
class PayoutScheduleAdmin(PartOfAnother):
    of_program = "terms__program"
    list_display = ["terms", "anchor", "month_offset", "opens_kind", "opens_n", "closes_kind", "closes_n"]
    list_display += ["calendar", "condition", minimum, "release"]
    list_select_related = ["terms__program", "calendar"]
    exclude = ["minimum_minor"]
    readonly_fields = [minimum]
