"""Bonuses, with the answer to why one is not paid yet; holds and benefits."""

from django.utils import timezone

from payouts import explain
from payouts.models import Benefit, Bonus, BonusChange, Hold, Transfer
from payouts.rules.lifecycle import BonusStatus
from referrals.admin.base import (
    EmptyFieldListFilter,
    PartOfAnother,
    ReadOnlyAdmin,
    ReadOnlyInline,
    display,
    register,
    section,
)
from referrals.admin.columns import AMOUNT_COLUMNS, amount, company, referrer

SENTENCES = {
    "awaiting_approval": "The window is open; the bonus waits for its batch to be approved.",
    "below_minimum": "What is due to the referrer is below the minimum, and is carried over.",
    "in_review": "The referred account is in review.",
    "next_run": "Nothing is missing: the next run pays it.",
    "referred_account_past_due": "The referred account is past due.",
    "referred_account_paused": "The referred account is paused.",
    "referrer_suspended": "The referrer is suspended.",
    "reversed": "It was paid, and taken back.",
    "window_not_open": "The window has not opened yet; nothing is missing.",
}
"""What ``explain.of_bonus`` answers, in words."""

OF_THE_BONUS = ["bonus__account__host_account__exact", "^bonus__account__company_name"]


class BonusChangeInline(ReadOnlyInline):
    model = BonusChange
    fields = ["changed_at", "changed_by", "approved_by", "reason"]
    related = ["changed_by", "approved_by"]


class HoldInline(ReadOnlyInline):
    model = Hold
    fields = ["placed_at", "placed_by", "by_rule", "lifted_at", "lifted_by"]
    related = ["placed_by", "lifted_by"]


class TransferInline(ReadOnlyInline):
    model = Transfer
    fields = ["posted_at", "kind", "debit", "credit", amount]
    related = ["debit", "credit"]
    ordering = ["pk"]


@register(Bonus)
class BonusAdmin(ReadOnlyAdmin):
    list_display = ["id", company, referrer, "reward", "period", amount, "status", "on_hold"]
    list_display += ["window_opens_on", "window_closes_on", "paid_at"]
    list_filter = ["status", "on_hold", "kind", "currency", "terms__program"]
    list_select_related = ["account", "enrollment__referrer", "reward"]
    search_fields = [
        "account__host_account__exact",
        "^account__company_name",
        "enrollment__referrer__host_account__exact",
        "^enrollment__referrer__name",
    ]
    fieldsets = [
        section(None, "why", "window", amount, "status", "cancel_reason"),
        section("For what", "account", "enrollment", "terms", "reward", "period", "kind"),
        section(
            "Payment",
            ("batch", "payout"),
            ("paid_at", "released_on", "days_late"),
            ("prepared_by", "approved_by", "qualified_by", "people_needed"),
        ),
        section(
            "Frozen at activation",
            ("activated_at", "milestone_at", "anchor_at", "opens_at"),
            ("decision", "created_at"),
            "explanation",
        ),
        section("Now", ("on_hold", "milestones_hold")),
    ]
    inlines = [BonusChangeInline, HoldInline, TransferInline]

    @display(description="Why is this not paid yet?")
    def why(self, bonus: Bonus) -> str:
        now = timezone.now()
        unmet = explain.of_bonus(bonus, as_of=now)
        if unmet is None:
            return "It is paid."
        readable = unmet.replace("_", " ")
        if bonus.status == BonusStatus.CANCELLED:
            return f"It was cancelled: {readable}."
        told = f"It is on hold: {readable}." if bonus.on_hold else SENTENCES.get(unmet, readable)
        late = explain.overdue_days(bonus, as_of=now)
        return f"{told} Overdue by {late} days." if late else told

    @display(description="window")
    def window(self, bonus: Bonus) -> str:
        zone = bonus.terms.payout_schedule.zone
        return f"{bonus.window_opens_on} to {bonus.window_closes_on} ({zone})"


@register(BonusChange)
class BonusChangeAdmin(PartOfAnother):
    list_display = ["__str__", "bonus", "changed_at", "changed_by", "approved_by", "reason"]
    list_filter = ["new_status"]
    list_select_related = ["bonus", "changed_by", "approved_by"]
    search_fields = OF_THE_BONUS


@register(Hold)
class HoldAdmin(ReadOnlyAdmin):
    list_display = ["reason", "bonus", "placed_at", "placed_by", "by_rule", "lifted_at", "lifted_by"]
    list_filter = [("lifted_at", EmptyFieldListFilter), "by_rule"]
    list_select_related = ["bonus", "placed_by", "lifted_by"]
    search_fields = OF_THE_BONUS


@register(Benefit)
class BenefitAdmin(ReadOnlyAdmin):
    list_display = [company, "reward", "kind", amount, "quantity", "product", "status", "granted_at"]
    list_filter = ["status", "kind", "account__program"]
    list_select_related = ["account", "reward"]
    search_fields = ["account__host_account__exact", "^account__company_name"]
    exclude = AMOUNT_COLUMNS
    readonly_fields = [amount]
