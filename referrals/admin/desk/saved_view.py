"""Saved views of the queue: saved there, renamed and deleted on pages of their own."""

from datetime import datetime
from typing import Any, cast

from django import forms
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone

from referrals import saved_views
from referrals.admin.base import PartOfAnother, register
from referrals.admin.desk import queue
from referrals.admin.desk.claims import DECIDE
from referrals.admin.steps import CONFLICT, Step, StepAdmin
from referrals.filters import ReviewFilter
from referrals.models import Review, SavedView
from referrals.names import of_person
from referrals.rules.refusal import Refused

QUEUE = "admin:referrals_referredaccount_reviews"
WIDE = {"class": "staff-input"}


class NamingForm(forms.Form):
    """What a view is called, and who sees it."""

    name = forms.CharField(max_length=60, label="Name of the view", widget=forms.TextInput(WIDE))
    is_shared = forms.BooleanField(required=False, label="Everybody at the desk sees it")

    def look_at(self, row: SavedView) -> None:
        self.fields["name"].initial, self.fields["is_shared"].initial = row.name, row.is_shared


class SavingForm(NamingForm):
    """A view to be saved."""

    query = forms.CharField(required=False, widget=forms.HiddenInput)


def query_of(address: QueryDict) -> str:
    """What of an address is a view of the queue: its part, and what narrows it."""
    tabs = {tab.code for tab in queue.TABS} | {queue.DECIDED.code}
    tab = address.get("tab", "")
    kept = QueryDict(mutable=True)
    kept["tab"] = tab if tab in tabs else queue.TO_CALL.code
    for name in ReviewFilter.base_filters:
        if text := address.get(name, "").strip():
            kept[name] = text
    return kept.urlencode()


def _change(view: SavedView, by: User, at: datetime, told: dict[str, Any]) -> str:
    saved_views.change(view, name=told["name"], is_shared=told["is_shared"], by=by)
    seen_by = "everybody at the desk sees it" if view.is_shared else "only you see it"
    return f"The view is called “{view.name}”; {seen_by}."


def _delete(view: SavedView, by: User, at: datetime, told: dict[str, Any]) -> str:
    saved_views.delete(view, by=by)
    return f"The view “{view.name}” is deleted; the companies in it are where they were."


def _why_not_changed(view: SavedView, user: User) -> str | None:
    return (
        None if view.owner_id == user.pk else f"This view is {of_person(view.owner)}'s: only they change it."
    )


@register(SavedView)
class SavedViewAdmin(StepAdmin, PartOfAnother):
    list_display = ["name", "owner", "is_shared", "query"]
    list_filter = ["is_shared"]
    list_select_related = ["owner"]
    search_fields = ["name"]
    when_empty = "Views appear here when somebody saves one beside the queue."
    steps = [
        Step(
            "rename",
            verb="Rename or share",
            explains="The view keeps what it shows.",
            permissions=[DECIDE],
            take=_change,
            is_offered=lambda view: True,
            why_not=_why_not_changed,
            form=NamingForm,
            then="queue",
        ),
        Step(
            "forget",
            verb="Delete the view",
            explains="The view is gone for everybody who sees it; companies are not touched.",
            permissions=[DECIDE],
            take=_delete,
            is_offered=lambda view: True,
            why_not=lambda view, user: saved_views.why_not_deleted(view, user) or None,
            then="queue",
        ),
    ]

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.save_view)
        return [path("save/", view, name=self.address_name("save")), *super().get_urls()]

    def save_view(self, request: HttpRequest) -> HttpResponse:
        """Name the view that is looked at; on POST, save it."""
        if not request.user.has_perm(DECIDE):
            raise PermissionDenied
        asked = request.POST if request.method == "POST" else request.GET
        query = query_of(QueryDict(asked.get("query", "")[: saved_views.LONGEST_QUERY * 2]))
        look = ReviewFilter(
            QueryDict(query), queryset=Review.objects.none(), request=request, now=timezone.now()
        )
        form = SavingForm(request.POST if request.method == "POST" else None, initial={"query": query})
        if request.method == "POST" and form.is_valid():
            told = form.cleaned_data
            try:
                if look.problems:
                    raise Refused(f"This view cannot be saved. {' '.join(look.problems)}")
                view = saved_views.save(
                    name=told["name"],
                    query=query,
                    is_shared=told["is_shared"],
                    by=cast(User, request.user),
                )
            except Refused as refusal:
                form.add_error(None, str(refusal))
            else:
                self.message_user(request, f"The view “{view.name}” is saved.")
                return redirect(self.address("queue", view))
        back = f"{reverse(QUEUE)}?{query}"
        context = {"title": "Save this view", "form": form, "narrowed": told_of(look), "back": back}
        status = CONFLICT if form.errors else 200
        page = "admin/desk/save_view.html"
        return TemplateResponse(
            request, page, {**self.admin_site.each_context(request), **context}, status=status
        )

    def get_queryset(self, request: HttpRequest) -> QuerySet[SavedView]:
        """A view that is not shared is its owner's alone, whoever looks: a search may name a person."""
        return saved_views.of(cast(User, request.user))

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return request.user.has_perm(DECIDE) or super().has_view_permission(request, obj)

    def address(self, name: str, row: Model) -> str:
        """A view is looked at on the page of the queue."""
        if name in {"queue", "change"}:
            return f"{reverse(QUEUE)}?{cast(SavedView, row).query}"
        return super().address(name, row)


def told_of(look: ReviewFilter) -> list[tuple[str, str]]:
    """What a view narrows by, in words: each filter with its value."""
    fields, found = look.form.fields, []
    for name, value in look.form.data.items():
        if name in fields and value:
            choices = dict(getattr(fields[name], "choices", ()))
            found.append((str(fields[name].label), str(choices.get(value, value))))
    return found
