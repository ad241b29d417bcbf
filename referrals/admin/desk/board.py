"""The live board of the team lead, and the page on which companies are assigned."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, cast

from django import forms
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone

from referrals import assignments, board, reviews, scopes
from referrals.admin.base import Admin
from referrals.admin.desk.assigning import PersonChoice, PersonForm, handed_over, told
from referrals.admin.steps import CONFLICT
from referrals.models import Review
from referrals.rules.refusal import Refused
from referrals.rules.row_numbers import row_number

LEAD = "referrals.lead_referredaccount"
COLUMNS: Sequence[tuple[str, str, dict[str, str]]] = [
    ("waiting", "Waiting", {"tab": "all"}),
    ("callable", "To call now", {"tab": "all", "work": "callable"}),
    ("over", "Over SLA", {"tab": "over"}),
    ("held", "In calls", {"tab": "all", "work": "held"}),
    ("call_back_due", "Call-backs due", {"tab": "all", "work": "call_back_due"}),
    ("for_senior", "For a senior", {"tab": "all", "work": "for_senior"}),
    ("decided", "Decided today", {"tab": "decided"}),
]
"""Count, its heading, and how the queue is asked for just these."""
LATE = {"over"}


class HandOverForm(forms.Form):
    """From whom all open work goes to whom."""

    giver = PersonChoice(User.objects.none(), label="All open work of", empty_label="Choose")
    receiver = PersonChoice(User.objects.none(), label="Becomes the work of", empty_label="Choose")

    def __init__(self, data: Any = None, *, viewer: User) -> None:
        super().__init__(data)
        seen = scopes.colleagues(viewer)
        receivers = assignments.people().filter(seen)
        # Whoever may decide no more may still have what was given before.
        givers = Q(pk__in=receivers.values("pk")) | Q(pk__in=_with_work(viewer))
        choices = {"giver": User.objects.filter(seen & givers).order_by("username"), "receiver": receivers}
        for name, people in choices.items():
            field = cast("forms.ModelChoiceField[User]", self.fields[name])
            field.queryset = people
            field.widget.attrs["class"] = "staff-input"


def _with_work(viewer: User) -> QuerySet[Review, Any]:
    """The numbers of the people who have something that waits, in the programs of whoever looks."""
    waiting = reviews.waiting(viewer).order_by()
    assigned = waiting.filter(assigned_to__isnull=False).values("assigned_to")
    return assigned.union(waiting.filter(call_back_by__isnull=False).values("call_back_by"))


class BoardPages(Admin):
    """Referred accounts with the pages of the team lead."""

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        own = [
            path("reviews/board/", view(self.board_view), name=self.page_name("board")),
            path("reviews/assign/", view(self.assign_view), name=self.page_name("assign_many")),
            path("reviews/hand-over/", view(self.hand_over_view), name=self.page_name("hand_over")),
        ]
        return [*own, *super().get_urls()]

    def board_view(self, request: HttpRequest) -> HttpResponse:
        """The board; with ``part``, only what changes of it, for the page that asks again by itself."""
        viewer = self._lead(request)
        now = timezone.now()
        seen = board.seen_by(viewer, at=now)
        shown: dict[str, Any] = {
            "title": "Board",
            "totals": _cells(seen.total),
            "programs": [(each, _cells(each.counts, each.slug)) for each in seen.programs],
            "headings": [heading for _, heading, _ in COLUMNS],
            "people": [(each, _links(each.person, at=now)) for each in seen.people],
            "now": now,
        }
        if "part" in request.GET:
            return TemplateResponse(request, "admin/desk/board_part.html", shown)
        context = {**self.admin_site.each_context(request), **shown}
        return TemplateResponse(request, "admin/desk/board.html", context)

    def assign_view(self, request: HttpRequest) -> HttpResponse:
        """Companies that are free, the most urgent first; on POST, the chosen ones become somebody's."""
        viewer = self._lead(request)
        now, posted = timezone.now(), request.method == "POST"
        form = PersonForm(request.POST if posted else None)
        form.name_only(scopes.colleagues(viewer))
        refusals: list[str] = []
        typed = (row_number(text) for text in request.POST.getlist("review"))
        numbers = [number for number in typed if number is not None]
        if posted:
            chosen = scopes.within(Review.objects.filter(pk__in=numbers), viewer)
            if not numbers:
                refusals = ["Choose the companies first."]
            elif "unassign" in request.POST:
                count = assignments.unassign(chosen, by=viewer, at=now)
                self.message_user(request, f"{count} companies are anybody's now.")
                return redirect(request.get_full_path())
            elif not form.is_valid():
                refusals = ["Choose whose work they become."]
            else:
                try:
                    person = form.cleaned_data["person"]
                    assigned = assignments.assign(chosen, person, by=viewer, at=now)
                except Refused as refusal:
                    refusals = [str(refusal)]
                else:
                    self.message_user(request, told(assigned, person))
                    return redirect(request.get_full_path())
        # All that waits, the most urgent first: what is somebody's can become another's.
        waiting = reviews.waiting(viewer).order_by("due_at", "pk")
        joined = ["account", "program", "holder", "assigned_to", "call_back_by"]
        page = Paginator(waiting.select_related(*joined), self.list_per_page).get_page(
            request.GET.get("page")
        )
        context = {
            **self.admin_site.each_context(request),
            "title": "Assign companies",
            "form": form,
            "lines": [
                (each, reviews.is_held(each, at=now), each.due_at <= now, each.pk in numbers) for each in page
            ],
            "page": page,
            "refusals": refusals,
            "now": now,
        }
        status = CONFLICT if refusals else 200
        template = "admin/desk/assign.html"
        return TemplateResponse(request, template, context, status=status)

    def hand_over_view(self, request: HttpRequest) -> HttpResponse:
        """All open work of one person becomes another's: somebody is ill, or leaves."""
        viewer = self._lead(request)
        posted = request.method == "POST"
        form = HandOverForm(request.POST if posted else None, viewer=viewer)
        if posted and form.is_valid():
            giver, receiver = form.cleaned_data["giver"], form.cleaned_data["receiver"]
            try:
                assigned = assignments.hand_over(giver, receiver, by=viewer, at=timezone.now())
            except Refused as refusal:
                form.add_error(None, str(refusal))
            else:
                self.message_user(request, handed_over(assigned, giver, receiver))
                return redirect(f"admin:{self.page_name('board')}")
        context = {**self.admin_site.each_context(request), "title": "Hand work over", "form": form}
        status = CONFLICT if posted else 200
        template = "admin/desk/hand_over.html"
        return TemplateResponse(request, template, context, status=status)

    def page_name(self, name: str) -> str:
        return f"{self.opts.app_label}_{self.opts.model_name}_{name}"

    def _lead(self, request: HttpRequest) -> User:
        if not self.has_view_permission(request) or not request.user.has_perm(LEAD):
            raise PermissionDenied
        return cast(User, request.user)


def _address(**asked: object) -> str:
    return reverse("admin:referrals_referredaccount_reviews", query=asked)


def _cells(counts: board.Counts, slug: str = "") -> list[tuple[str, int, str, bool]]:
    """Heading, number, the list of just these, and whether it is a bad sign."""
    of_program = {"program": slug} if slug else {}
    return [
        (heading, getattr(counts, name), _address(**asked, **of_program), name in LATE)
        for name, heading, asked in COLUMNS
    ]


def _links(person: User, *, at: datetime) -> dict[str, str]:
    """The lists behind the numbers of a person."""
    of = {"person": person.pk}
    calls = {"called_by__id__exact": person.pk, "called_at__gte": board.midnight(at).isoformat()}
    return {
        "calls": reverse("admin:referrals_call_changelist", query=calls),
        "has": _address(tab="all", work=board.Work.HELD, **of),
        "assigned": _address(tab="all", work=board.Work.ASSIGNED, **of),
        "call_backs": _address(tab="all", work=board.Work.CALL_BACK_TODAY, **of),
        "decided": _address(tab="decided", **of),
    }
