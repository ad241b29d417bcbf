"""The page of the queue: a tab of it, filtered and searched."""

from datetime import datetime
from typing import Any, cast

from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils import timezone

from referrals.admin import queue
from referrals.admin.base import ReadOnlyAdmin
from referrals.admin.claims import DECIDE, ClaimAdmin, when_next
from referrals.filters import ReviewFilter
from referrals.models import ReferredAccount, Review


class QueuePage(ClaimAdmin, ReadOnlyAdmin):
    """Referred accounts with the queue of their reviews."""

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.reviews_view)
        return [path("reviews/", view, name=self.address_name("reviews")), *super().get_urls()]

    def reviews_view(self, request: HttpRequest) -> HttpResponse:
        """The queue: a tab of it, filtered and searched."""
        if not self.has_view_permission(request) or not request.user.has_perm(DECIDE):
            raise PermissionDenied
        now, user = timezone.now(), cast(User, request.user)
        asked = ReviewFilter(request.GET, queryset=Review.objects.all(), request=request, now=now)
        tabs = {tab.code: tab for tab in [*queue.TABS, queue.DECIDED]}
        tab = tabs.get(request.GET.get("tab", ""), queue.TO_CALL)
        counts = queue.counts(asked.qs, user, as_of=now)
        paginator = Paginator(queue.rows(asked.qs, tab, user, as_of=now), self.list_per_page)
        # Counted above with all the others.
        paginator.count = counts[tab.code]
        page = paginator.get_page(request.GET.get("page"))
        context = self.context(
            request,
            title="Reviews",
            page=page,
            lines=queue.lines(page, as_of=now, decided=tab is queue.DECIDED),
            tab=tab,
            tabs=[(each, counts[code]) for code, each in tabs.items()],
            asked=asked,
            to_call=None if asked.is_narrowed else counts[queue.TO_CALL.code],
            when_next="" if page.object_list else when_next(now),
            now=now,
            undoable=self.undoable(request, now),
        )
        return TemplateResponse(request, "admin/referrals/referredaccount/reviews.html", context)

    def undoable(self, request: HttpRequest, now: datetime) -> list[ReferredAccount]:
        """The last accounts that this person decided and can still undo."""
        return list(queue.undoable(cast(User, request.user), as_of=now)[:3])

    def context(self, request: HttpRequest, **shown: Any) -> dict[str, Any]:
        """What every page of the admin shows, and this one."""
        return {**self.admin_site.each_context(request), **shown}
