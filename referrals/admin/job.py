"""What background work did."""

from referrals.admin.base import ReadOnlyAdmin, register
from referrals.models import JobRun


@register(JobRun)
class JobRunAdmin(ReadOnlyAdmin):
    list_display = ["job", "as_of", "started_at", "ended_at", "examined", "done", "failed"]
    list_filter = ["job"]
    search_fields = ["^job"]
