"""How often links were opened. To look at."""

from referrals.admin.base import ReadOnlyAdmin, register
from referrals.models import Click


@register(Click)
class ClickAdmin(ReadOnlyAdmin):
    of_program = "link__enrollment__program"
    list_display = ["link", "clicked_at", "times"]
    list_filter = ["link__enrollment__program"]
    list_select_related = ["link"]
    search_fields = ["link__text__iexact"]
