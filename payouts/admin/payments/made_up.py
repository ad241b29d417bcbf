"""What was kept from payouts for what referrers owe; payments that arrived although they were given up."""

from payouts.models import Arrival, SetOff
from referrals.admin.base import PartOfAnother, PlainInline, register
from referrals.admin.columns import AMOUNT_COLUMNS, amount, amount_of, person_at, referrer

owed = amount_of("owed_minor", label="owed before")


class SetOffInline(PlainInline):
    model = SetOff
    fields = ["set_off_at", amount, owed]
    verbose_name_plural = "kept for what the referrer owed"


class ArrivalInline(PlainInline):
    model = Arrival
    fields = ["settled_at", "line", person_at("told_by"), person_at("confirmed_by"), "reason"]
    related = ["line", "told_by", "confirmed_by"]
    verbose_name_plural = "arrived although it was given up"


@register(SetOff)
class SetOffAdmin(PartOfAnother):
    of_program = "enrollment__program"
    when_empty = "Something is kept from a payout when its referrer owes what was taken back."
    list_display = ["set_off_at", referrer, "payout", amount, owed]
    list_filter = ["enrollment__program"]
    list_select_related = ["payout", "enrollment__referrer"]
    exclude = [*AMOUNT_COLUMNS, "owed_minor"]
    readonly_fields = [amount, owed]


@register(Arrival)
class ArrivalAdmin(PartOfAnother):
    of_program = "payout__enrollment__program"
    when_empty = "Two people say on the page of a payout that an earlier attempt arrived."
    list_display = ["settled_at", "line", "payout", person_at("told_by"), person_at("confirmed_by"), "reason"]
    list_select_related = ["line", "payout", "told_by", "confirmed_by"]
