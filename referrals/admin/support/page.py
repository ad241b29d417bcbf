"""The page of a referrer: what support needs to answer, in parts that are pages of their own."""

from typing import Any, cast

from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils import timezone

from payouts.statements import money
from payouts.statements.paging import page_number
from referrals.admin.steps import ReasonForm
from referrals.admin.support import history, overview, trail
from referrals.admin.support.hand_attribution import ATTRIBUTE, ATTRIBUTE_STEP
from referrals.admin.support.see_as import SEE_AS, SEE_AS_STEP, SeenAsAdmin
from referrals.admin.support.statement import StatementPages
from referrals.admin.support.suspension import SUSPEND
from referrals.models import Referrer

SEE_ACCOUNTS = "referrals.view_referredaccount"
PARTS = [
    ("accounts", "Accounts", SEE_ACCOUNTS),
    ("trail", "How they came", SEE_ACCOUNTS),
    ("money", "Money", overview.SEE_MONEY),
    ("history", "Mails and history", ""),
]


class SupportPage(SeenAsAdmin, StatementPages):
    """Referrers with the page that support answers from; their details have an address of their own."""

    steps = [SEE_AS_STEP, ATTRIBUTE_STEP]

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.details_view)
        return [path("<int:pk>/details/", view, name=self.address_name("details")), *super().get_urls()]

    def details_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """The details of a referrer, and the form to change them."""
        return super().change_view(request, str(pk))

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """The page of a referrer; what is posted here comes from the form of the details."""
        if request.method == "POST" or not object_id.isdecimal():
            return super().change_view(request, object_id, form_url, extra_context)
        if not self.has_view_permission(request):
            raise PermissionDenied
        return self.support_view(request, int(object_id))

    def support_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Who the referrer is, and the part of the page that the address asks for."""
        user, now = cast(User, request.user), timezone.now()
        found = overview.parts(pk, user)
        referrer = found[0].enrollment.referrer if found else self.found(request, pk)
        offered = [(code, label) for code, label, needed in PARTS if not needed or user.has_perm(needed)]
        asked = request.GET.get("part", "")
        part = asked if asked in dict(offered) else offered[0][0]
        balances = overview.money_of(found) if user.has_perm(overview.SEE_MONEY) else []
        number = page_number(request.GET.get("page", ""))
        context: dict[str, Any] = {
            **self.admin_site.each_context(request),
            "title": str(referrer),
            "referrer": referrer,
            "found": found,
            "sees_money": user.has_perm(overview.SEE_MONEY),
            "tabs": offered,
            "part": part,
            "number": number,
            "now": now,
            "details": self.address("details", referrer),
            "see_as": self.address("see-as", referrer) if user.has_perm(SEE_AS) else "",
            "reason": ReasonForm(auto_id="see-as_%s"),
            "may_suspend": user.has_perm(SUSPEND),
            "attribute": self.address("attribute", referrer) if user.has_perm(ATTRIBUTE) else "",
        }
        if part == "accounts":
            context["page"] = overview.accounts(found, user, as_of=now, number=number)
        elif part == "trail":
            rows, has_next = overview.page_of_accounts(found, number=number)
            context["trails"], context["has_next"] = trail.trails(rows), has_next
        elif part == "money":
            context["balances"] = balances
            context["history"] = money.history(balances, number=number)
        else:
            context["history"] = history.history(referrer, found, user)
        return TemplateResponse(request, "admin/support/overview.html", context)

    def found(self, request: HttpRequest, pk: int) -> Referrer:
        """A referrer who takes part in nothing that this person sees."""
        row = self.get_queryset(request).select_related("host").filter(pk=pk).first()
        if row is None:
            raise Http404
        return cast(Referrer, row)
