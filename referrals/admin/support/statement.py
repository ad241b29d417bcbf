"""The statement of a referrer over a period, for staff: the same, with the names of the companies."""

from typing import cast

from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import get_object_or_404
from django.urls import URLPattern, path

from payouts.views import statement_of
from referrals import exports, scopes
from referrals.admin.steps import StepAdmin
from referrals.admin.support.overview import SEE_MONEY
from referrals.models import Enrollment


class StatementPages(StepAdmin):
    """Referrers, each with a statement in every program of whoever looks."""

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.statement_view)
        name = self.address_name("statement")
        return [path("<int:pk>/statement/<slug:program>/", view, name=name), *super().get_urls()]

    def statement_view(self, request: HttpRequest, pk: int, program: str) -> HttpResponseBase:
        """The page; with ``format=csv`` or ``format=xlsx``, a file, of which the log knows."""
        if not self.has_view_permission(request) or not request.user.has_perm(SEE_MONEY):
            raise PermissionDenied
        user = cast(User, request.user)
        mine = scopes.within(Enrollment.objects.filter(referrer=pk), user)
        rows = mine.select_related("program", "referrer")
        enrollment = get_object_or_404(rows, program__slug=program)
        if (wanted := request.GET.get("format", "")) in exports.TABLES:
            exports.log(user, of="Statement", told=f"referrer {pk}, {enrollment.program.slug}, {wanted}")
        context = self.admin_site.each_context(request)
        back = self.address("change", enrollment.referrer)
        shown = {**context, "title": f"Statement of {enrollment.referrer}", "back": back}
        return statement_of(request, enrollment, "admin/support/statement.html", is_masked=False, **shown)
