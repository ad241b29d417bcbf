"""Bonuses, with the answer to why one is not paid yet; holds and benefits."""

from datetime import date, datetime
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from payouts import explain, holds
from payouts.admin.ahead import AheadPages
from payouts.admin.bonus_filters import ClosesFilter, LeftFilter, NeedsFilter, StandingFilter
from payouts.admin.taking_back import TAKE_BACK
from payouts.models import Benefit, Bonus, BonusChange, Hold, Transfer
from payouts.rules.lifecycle import UNPAID
from payouts.rules.schedule_words import in_days
from referrals import notes
from referrals.admin.base import (
    EmptyFieldListFilter,
    PartOfAnother,
    PlainInline,
    ReadOnlyAdmin,
    display,
    register,
    section,
)
from referrals.admin.columns import AMOUNT_COLUMNS, amount, became, chip, company, person_at, referrer
from referrals.admin.steps import ReasonForm, Step, StepAdmin

ON_HOLD = "ON_HOLD"
"""No status: a bonus of any unpaid status may be on hold."""

ABOUT_LIFTED = "hold lifted"
SAID = [ABOUT_LIFTED, "reversed"]
"""About what somebody gave a reason that the page of a bonus shows."""

OF_THE_BONUS = ["bonus__account__host_account__exact", "^bonus__account__company_name"]


class BonusChangeInline(PlainInline):
    model = BonusChange
    fields = ["changed_at", became, person_at("changed_by"), person_at("approved_by"), "reason"]
    related = ["changed_by", "approved_by"]


class HoldInline(PlainInline):
    model = Hold
    fields = ["reason", "placed_at", person_at("placed_by"), "by_rule", "lifted_at", person_at("lifted_by")]
    related = ["placed_by", "lifted_by"]


class TransferInline(PlainInline):
    model = Transfer
    fields = ["posted_at", "kind", "debit", "credit", amount]
    related = ["debit", "credit"]
    ordering = ["pk"]


def _hold(bonus: Bonus, by: User, at: datetime, told: dict[str, Any]) -> str:
    holds.place(bonus, reason=told["reason"], by=by, at=at)
    return f"Bonus {bonus.pk} is on hold until somebody lifts the hold."


@transaction.atomic
def _lift(bonus: Bonus, by: User, at: datetime, told: dict[str, Any]) -> str:
    holds.lift(bonus, by=by, at=at)
    notes.write(bonus.account, about=ABOUT_LIFTED, text=told["reason"], by=by, at=at)
    return f"Bonus {bonus.pk} is on hold no more; the next run looks at it."


STEPS = [
    Step(
        "hold",
        verb="Hold",
        explains="The bonus is not paid until somebody lifts the hold; it never ends by itself.",
        permissions=["payouts.hold_bonus"],
        take=_hold,
        is_offered=lambda bonus: bonus.status in UNPAID,
        form=ReasonForm,
    ),
    Step(
        "lift",
        verb="Lift the hold",
        explains="All holds of the bonus end; the next run looks at it again and pays what is due.",
        permissions=["payouts.hold_bonus"],
        take=_lift,
        is_offered=lambda bonus: bonus.on_hold,
        form=ReasonForm,
    ),
    TAKE_BACK,
]


@register(Bonus)
class BonusAdmin(AheadPages, StepAdmin, ReadOnlyAdmin):
    of_program = "account__program"
    steps = STEPS
    change_form_outer_before_template = "admin/payouts/bonus/why.html"
    when_empty = "A bonus appears when an account reaches the milestones of a reward."
    list_display = ["__str__", company, referrer, "for_what", amount, "how_it_stands", "promised", "paid_on"]
    list_filter = [
        NeedsFilter,
        StandingFilter,
        ClosesFilter,
        LeftFilter,
        "status",
        "on_hold",
        "kind",
        "currency",
        "terms__program",
    ]
    list_select_related = ["account", "enrollment__referrer", "reward"]
    search_fields = [
        "account__host_account__exact",
        "^account__company_name",
        "enrollment__referrer__host_account__exact",
        "^enrollment__referrer__name",
    ]
    fieldsets = [
        section(None, "window", amount, "status", "cancel_reason"),
        section("For what", "account", "enrollment", "terms", "reward", "month", "kind"),
        section(
            "Payment",
            ("batch", "payout"),
            ("paid_at", "released_on"),
            ("days_late", "people_needed"),
            ("prepared_by", "approved_by"),
            "qualified_by",
        ),
        section(
            "Frozen at activation",
            ("activated_at", "opens_at"),
            ("milestone_at", "anchor_at"),
            ("decision", "created_at"),
        ),
        section("Now", ("on_hold", "milestones_hold")),
    ]
    inlines = [BonusChangeInline, HoldInline, TransferInline]

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """The page of a bonus begins with why it is not paid yet."""
        bonus = self._with_reasons(request).filter(pk=object_id).first() if object_id.isdecimal() else None
        shown = _why_page(bonus, as_of=timezone.now()) if bonus else {}
        shown["buttons"] = bonus and self.buttons(bonus, request.user)
        return super().change_view(request, object_id, form_url, {**(extra_context or {}), **shown})

    def _with_reasons(self, request: HttpRequest) -> Any:
        joined = ["account__program", "enrollment__referrer", "reward", "terms__program"]
        return self.get_queryset(request).select_related(*joined)

    @display(description="reward", ordering="reward")
    def for_what(self, bonus: Bonus) -> str:
        reward = f"{bonus.reward}".replace("_", " ")
        return f"{reward}, {self.month(bonus)}" if bonus.period else reward

    @display(description="paid", ordering="released_on")
    def paid_on(self, bonus: Bonus) -> date | None:
        """The day of the run that paid it, in the zone of its program."""
        return bonus.released_on

    @display(description="status", ordering="status")
    def how_it_stands(self, bonus: Bonus) -> SafeString:
        shown = chip(bonus.status, bonus.get_status_display())
        return format_html("{} {}", shown, chip(ON_HOLD, "On hold")) if bonus.on_hold else shown

    @display(description="window", ordering="window_opens_on")
    def promised(self, bonus: Bonus) -> str:
        return in_days(bonus.window_opens_on, bonus.window_closes_on)

    @display(description="window")
    def window(self, bonus: Bonus) -> str:
        zone = bonus.terms.payout_schedule.zone
        return f"{in_days(bonus.window_opens_on, bonus.window_closes_on)} ({zone})"

    @display(description="month")
    def month(self, bonus: Bonus) -> str:
        """For a reward that comes again every month: which one."""
        return f"{date.fromisoformat(f'{bonus.period}-01'):%b %Y}" if bonus.period else "once"


def _why_page(bonus: Bonus, *, as_of: datetime) -> dict[str, Any]:
    """The headline, what it rests on, and why holds were lifted or it was taken back."""
    return {
        "bonus": bonus,
        "amount": amount(bonus),
        "told": explain.bonus(bonus, as_of=as_of),
        "said": bonus.account.notes.filter(about__in=SAID).select_related("written_by").order_by("-pk"),
    }


@register(BonusChange)
class BonusChangeAdmin(PartOfAnother):
    of_program = "bonus__account__program"
    list_display = [
        "__str__",
        "bonus",
        "changed_at",
        person_at("changed_by"),
        person_at("approved_by"),
        "reason",
    ]
    list_filter = ["new_status"]
    list_select_related = ["bonus", "changed_by", "approved_by"]
    search_fields = OF_THE_BONUS


@register(Hold)
class HoldAdmin(ReadOnlyAdmin):
    of_program = "bonus__account__program"
    list_display = ["reason", "bonus", "placed_at", person_at("placed_by"), "by_rule", "lifted_at"]
    list_display += [person_at("lifted_by")]
    list_filter = [("lifted_at", EmptyFieldListFilter), "by_rule"]
    list_select_related = ["bonus", "placed_by", "lifted_by"]
    search_fields = OF_THE_BONUS


@register(Benefit)
class BenefitAdmin(ReadOnlyAdmin):
    of_program = "account__program"
    list_display = [company, "reward", "kind", amount, "quantity", "product", "status", "granted_at"]
    list_filter = ["status", "kind", "account__program"]
    list_select_related = ["account", "reward"]
    search_fields = ["account__host_account__exact", "^account__company_name"]
    exclude = AMOUNT_COLUMNS
    readonly_fields = [amount]
