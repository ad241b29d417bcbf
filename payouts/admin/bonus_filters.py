"""What the list of bonuses is filtered by besides its columns."""

import re
from datetime import date
from typing import Any

from django.db.models import Q
from django.http import HttpRequest
from django.utils import timezone

from payouts import attention, closing, liabilities
from payouts.attention import Attention
from payouts.liabilities import Standing
from referrals.admin.base import SimpleListFilter
from referrals.models import Program
from referrals.rules.zones import months_back

MONTH = re.compile(r"(20\d\d)-(0[1-9]|1[0-2])")
LEFT = re.compile(
    r"(?P<which>overdue|waiting)\.(?P<program>[1-9][0-9]{0,17})\.(?P<year>20[0-9]{2})-(?P<month>0[1-9]|1[0-2])"
)
MONTHS_SHOWN = range(2, -13, -1)
"""From two months ago to a year ahead."""


class NeedsFilter(SimpleListFilter):
    """Bonuses that somebody should look at."""

    title = "what to look at"
    parameter_name = "window"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [
            ("closing", "Closes within 5 business days"),
            ("unapproved", "To approve before it closes within 5 business days"),
            ("overdue", "Overdue"),
            ("held", "On hold"),
        ]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        if self.value() not in dict(self.lookups(request, None)):
            return queryset
        looked_at: Attention = attention.at(timezone.now())
        which: Q = getattr(looked_at, self.value() or "")
        return queryset.filter(which)


class StandingFilter(SimpleListFilter):
    """Unpaid bonuses as the liabilities count them: each in one way only."""

    title = "what is owed"
    parameter_name = "standing"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(standing.lower(), standing.label) for standing in Standing]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        if self.value() not in dict(self.lookups(request, None)):
            return queryset
        which = liabilities.standings(attention.at(timezone.now()))[Standing((self.value() or "").upper())]
        return queryset.filter(which)


class LeftFilter(SimpleListFilter):
    """What is left of a month that is to be closed; the page of months links to it."""

    title = "what is left of a month"
    parameter_name = "left"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(str(self.value()), "As the months count it")] if self.asked else []

    @property
    def asked(self) -> re.Match[str] | None:
        """Overdue or waiting, the number of the program, and the month."""
        return LEFT.fullmatch(str(self.value() or ""))

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        program = self.asked and Program.objects.filter(pk=self.asked["program"]).first()
        if not self.asked or not program:
            return queryset
        month = date(int(self.asked["year"]), int(self.asked["month"]), 1)
        left = closing.overdue(program, month, can_be_paid=self.asked["which"] == "overdue")
        return queryset.filter(pk__in=left.order_by().values("pk"))


class ClosesFilter(SimpleListFilter):
    """Bonuses by the month in which their window closes."""

    title = "month in which the window closes"
    parameter_name = "closes"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        today = timezone.now().date()
        months = {months_back(today, back) for back in MONTHS_SHOWN} | {*filter(None, [self.month])}
        return [(f"{month:%Y-%m}", f"{month:%b %Y}") for month in sorted(months)]

    @property
    def month(self) -> date | None:
        """The first day of the month that is asked for; ``None``: of none, or of what is no month."""
        asked = MONTH.fullmatch(str(self.value() or ""))
        return date(int(asked[1]), int(asked[2]), 1) if asked else None

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        if self.month is None:
            return queryset
        return queryset.filter(
            window_closes_on__gte=self.month, window_closes_on__lt=months_back(self.month, -1)
        )
