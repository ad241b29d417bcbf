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

from referrals import saved_views, scopes
from referrals.admin.base import ReadOnlyAdmin
from referrals.admin.desk import bulk, queue
from referrals.admin.desk.bulk import BulkAdmin
from referrals.admin.desk.claims import DECIDE, when_next
from referrals.admin.desk.saved_view import SavingForm, query_of
from referrals.filters import ReviewFilter
from referrals.models import ReferredAccount, Review


class QueuePage(BulkAdmin, ReadOnlyAdmin):
    """Referred accounts with the queue of their reviews."""

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.reviews_view)
        return [path("reviews/", view, name=self.address_name("reviews")), *super().get_urls()]

    def reviews_view(self, request: HttpRequest) -> HttpResponse:
        """The queue: a tab of it, filtered and searched."""
        if not self.has_view_permission(request) or not request.user.has_perm(DECIDE):
            raise PermissionDenied
        user = cast(User, request.user)
        mine = scopes.within(Review.objects.all(), user)
        asked = ReviewFilter(request.GET, queryset=mine, request=request, now=timezone.now())
        now = asked.now
        tabs = {tab.code: tab for tab in [*queue.TABS, queue.DECIDED]}
        tab = tabs.get(request.GET.get("tab", ""), queue.TO_CALL)
        counts = queue.counts(asked.found, user, as_of=now)
        # Counted with all the others, and read with the places of the page alone.
        paginator = Paginator(range(counts[tab.code]), self.list_per_page)
        page = paginator.get_page(request.GET.get("page"))
        places = slice(page.start_index() - 1 if counts[tab.code] else 0, page.end_index())
        are_few = asked.is_few or not counts["all"]
        found = list(queue.rows(asked.found, tab, user, as_of=now, places=places, are_few=are_few))
        context = self.context(
            request,
            title="Reviews",
            page=page,
            lines=queue.lines(found, as_of=now, decided=tab is queue.DECIDED),
            several_programs=len({review.account.program_id for review in found}) > 1,
            elsewhere=[] if found or not asked.is_narrowed else _elsewhere(tabs, counts),
            tab=tab,
            tabs=[(each, counts[code]) for code, each in tabs.items()],
            asked=asked,
            to_call=None if asked.is_narrowed else counts[queue.TO_CALL.code],
            when_next="" if found or asked.problems else when_next(user, now),
            now=now,
            today=now.date(),
            zone=str(now.tzinfo),
            undoable=self.undoable(request, now),
            bulk=[] if tab is queue.DECIDED else bulk.open_to(user),
            **_views(request, user),
        )
        return TemplateResponse(request, "admin/desk/queue.html", context)

    def undoable(self, request: HttpRequest, now: datetime) -> list[ReferredAccount]:
        """The last accounts that this person decided and can still undo."""
        return list(queue.undoable(cast(User, request.user), as_of=now)[:3])

    def context(self, request: HttpRequest, **shown: Any) -> dict[str, Any]:
        """What every page of the admin shows, and this one."""
        return {**self.admin_site.each_context(request), **shown}


def _elsewhere(tabs: dict[str, queue.Tab], counts: dict[str, int]) -> list[tuple[queue.Tab, int]]:
    """Where the same search or filter finds something: in all that waits, and in what is decided today."""
    return [(tabs[code], counts[code]) for code in ("all", queue.DECIDED.code) if counts[code]]


def _views(request: HttpRequest, person: User) -> dict[str, Any]:
    """The saved views beside the parts of the queue, and the one that is looked at, if it is one."""
    query = query_of(request.GET)
    views = sorted(saved_views.of(person), key=lambda view: view.owner_id != person.pk)
    looked_at = next((view for view in views if view.query == query), None)
    why_not = saved_views.why_not_deleted(looked_at, person) if looked_at else ""
    return {
        "query": query,
        "views": views,
        "looked_at": looked_at,
        "may_forget": looked_at is not None and not why_not,
        "saving": SavingForm(initial={"query": query}, auto_id="view_%s"),
    }
