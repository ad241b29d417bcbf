"""What the list of bonuses is filtered by besides its columns."""

from typing import Any

from django.http import HttpRequest
from django.utils import timezone

from payouts import attention
from referrals.admin.base import SimpleListFilter


class NeedsFilter(SimpleListFilter):
    """Bonuses that somebody should look at."""

    title = "what to look at"
    parameter_name = "window"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("closing", "Closes within 5 business days"), ("overdue", "Overdue"), ("held", "On hold")]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        if self.value() not in dict(self.lookups(request, None)):
            return queryset
        looked_at = attention.at(timezone.now())
        conditions = {"closing": looked_at.closing, "overdue": looked_at.overdue, "held": looked_at.held}
        return queryset.filter(conditions[self.value() or ""])
