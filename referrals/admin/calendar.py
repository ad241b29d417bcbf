"""Calendars of holidays: seeded, and corrected by staff. Windows that are promised do not move."""

from django.utils.safestring import SafeString

from referrals.admin.base import Admin, KeptAdmin, display, link_to_list, register
from referrals.models import Calendar, Holiday


@register(Calendar)
class CalendarAdmin(KeptAdmin):
    list_display = ["code", "name", "first_year", "last_year", "days"]
    search_fields = ["^code", "^name"]
    fixed = ["code"]
    readonly_fields = ["days"]

    @display(description="holidays")
    def days(self, calendar: Calendar) -> SafeString | str:
        return link_to_list(Holiday, "All its days", calendar=calendar.pk) if calendar.pk else ""


@register(Holiday)
class HolidayAdmin(Admin):
    list_display = ["day", "name", "calendar", "source"]
    list_filter = ["calendar"]
    list_select_related = ["calendar"]
    date_hierarchy = "day"
    search_fields = ["^name"]
    autocomplete_fields = ["calendar"]
    ordering = ["-day", "calendar"]
    fixed = ["calendar"]
