"""The money by months, as the sweep has summed it."""

from payouts.models import MoneyMonth
from referrals.admin.base import PartOfAnother, register
from referrals.admin.columns import amount_of

AMOUNTS = ["activated_minor", "paid_minor", "to_pay_minor"]
shown = [amount_of(field, label=field.removesuffix("_minor").replace("_", " ")) for field in AMOUNTS]


@register(MoneyMonth)
class MoneyMonthAdmin(PartOfAnother):
    of_program = "program"
    list_display = ["month", "program", *shown, "summed_at"]
    list_filter = ["program"]
    list_select_related = ["program"]
    exclude = [*AMOUNTS, "currency"]
    readonly_fields = shown
