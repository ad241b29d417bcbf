"""Why has an account not brought its bonus yet? Every rule, as staff read it, and what its referrer reads."""

from typing import cast

from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils import timezone
from django.views.decorators.http import require_safe

from payouts import explain
from payouts.explain import Audience
from referrals.admin.base import Admin
from referrals.admin.desk.past import SEE_MONEY


class WhyPage(Admin):
    """Referred accounts with the page of why they are not paid yet, whether they have a bonus or not."""

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(require_safe(self.why_view))
        name = f"{self.opts.app_label}_{self.opts.model_name}_why"
        return [path("<int:pk>/why/", view, name=name), *super().get_urls()]

    def why_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """The first unmet rule, who acts next, and every rule; with ``?referrer`` as that person is told."""
        if not self.has_view_permission(request) or not cast(User, request.user).has_perm(SEE_MONEY):
            raise PermissionDenied
        account = get_object_or_404(self.get_queryset(request).select_related("program"), pk=pk)
        now = timezone.now()
        audience = Audience.REFERRER if "referrer" in request.GET else Audience.STAFF
        told = explain.account(
            account.program, host_account=account.host_account, as_of=now, audience=audience
        )
        context = {
            **self.admin_site.each_context(request),
            "title": f"Why? {account}",
            "opts": self.opts,
            "account": account,
            "told": told,
            "to_referrer": audience is Audience.REFERRER,
            "now": now,
        }
        return TemplateResponse(request, "admin/referrals/referredaccount/why.html", context)
