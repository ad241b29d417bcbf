"""The funnel by months, as the sweep has counted it."""

from referrals.admin.base import PartOfAnother, register
from referrals.models import FunnelMonth


@register(FunnelMonth)
class FunnelMonthAdmin(PartOfAnother):
    of_program = "program"
    list_display = ["month", "program", "milestone", "accounts", "counted_at"]
    list_filter = ["program", "milestone"]
    list_select_related = ["program"]
