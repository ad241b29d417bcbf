"""
The page of a referrer as the referrer sees it, for staff: nothing can be done on it, and a row says why.

It lies below the admin, so that the second factor counts, but is dressed as the referrer's page is: the
policy of what it may load is the strict one.
"""

from datetime import datetime
from typing import Any, cast

from csp.decorators import csp
from django.conf import settings
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.views.decorators.http import require_safe

from payouts import statements
from payouts.views import page_of, without_program
from referrals import scopes, seen_as
from referrals.admin.steps import ReasonForm, Step, StepAdmin
from referrals.models import Referrer

SEE_AS = "referrals.see_as_referrer"


def _look(referrer: Referrer, by: User, at: datetime, told: dict[str, Any]) -> str:
    seen_as.begin(referrer, by=by, at=at, reason=told["reason"])
    return "It is kept that you look at this page, and why."


SEE_AS_STEP = Step(
    "see-as",
    verb="See as referrer",
    explains="You see the page of this referrer as the referrer does, for half an hour, and can do nothing"
    " on it. Who looked, when and why is kept.",
    permissions=[SEE_AS],
    take=_look,
    is_offered=lambda referrer: True,
    form=ReasonForm,
    then="page",
)


class SeenAsAdmin(StepAdmin):
    """Referrers whose page staff may look at."""

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.page_view)
        return [
            path("<int:pk>/page/", view, name=self.address_name("page")),
            path("<int:pk>/page/<slug:program>/", view, name=self.address_name("page_of")),
            *super().get_urls(),
        ]

    @method_decorator(csp(settings.CONTENT_SECURITY_POLICY["DIRECTIVES"]))
    @method_decorator(require_safe)
    def page_view(self, request: HttpRequest, pk: int, program: str = "") -> HttpResponse:
        """*Refer a client* of a referrer, to look at."""
        if not request.user.has_perm(SEE_AS) or not self.has_view_permission(request):
            raise PermissionDenied
        referrer = get_object_or_404(self.get_queryset(request), pk=pk)
        look = seen_as.open_look(referrer, by=cast(User, request.user), at=timezone.now())
        if look is None:
            return redirect(self.address("see-as", referrer))
        shown = {
            "seen_as": referrer,
            "look": look,
            "until": look.seen_at + seen_as.OPEN_FOR,
            "back": self.address("change", referrer),
        }
        programs_shown = scopes.programs_of(cast(User, request.user))
        mine = [
            each
            for each in statements.enrollments_of_referrer(referrer)
            if programs_shown is None or each.program_id in programs_shown
        ]
        if not mine and not program:
            context = without_program(referrer)
            context["offers"] = [
                (offered, stands)
                for offered, stands in context["offers"]
                if programs_shown is None or offered.pk in programs_shown
            ]
            return render(request, "admin/support/page_nothing.html", {**context, **shown})
        name = f"admin:{self.address_name('page_of')}"
        programs = [(each, reverse(name, args=[referrer.pk, each.program.slug])) for each in mine]
        context = page_of(request, mine, program=program, programs=programs)
        return render(request, "admin/support/page.html", {**context, **shown})
