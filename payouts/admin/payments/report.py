"""What banks say about payments: looked at first, then read in; each line with its verdict."""

import base64
import binascii
from typing import Any, cast

from django import forms
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.safestring import SafeString

from payouts.admin.payments.payout import verdict
from payouts.admin.payments.roles import PREPARE
from payouts.models import PaymentReport, PaymentReportLine
from payouts.payments import reports
from payouts.rules.lifecycle import Verdict
from payouts.rules.payment_reports import MOST_BYTES
from referrals import scopes
from referrals.admin import presence
from referrals.admin.base import PartOfAnother, ReadOnlyAdmin, display, link_to_list, register
from referrals.admin.columns import chip, person_at
from referrals.admin.steps import CONFLICT
from referrals.models import Program
from referrals.rules.refusal import Refused, WrongField

SHOWN = 500


class ReportForm(forms.Form):
    """A report of a bank; looked at, it comes back with what was looked at."""

    program = forms.ModelChoiceField(
        Program.objects.none(), label="Program", widget=forms.Select(attrs={"class": "staff-input"})
    )
    report = forms.FileField(
        label="Report",
        required=False,
        help_text="CSV with the columns reference, result (confirmed, failed or returned) and detail.",
        widget=forms.ClearableFileInput(attrs={"class": "staff-input", "accept": ".csv,text/csv"}),
    )
    name = forms.CharField(required=False, max_length=200, widget=forms.HiddenInput)
    looked_at = forms.CharField(required=False, widget=forms.HiddenInput)

    def content(self) -> bytes:
        """
        The bytes of the report: of the file, or as it was looked at.

        :raises WrongField: if there are none
        """
        uploaded = self.cleaned_data["report"]
        if uploaded is not None:
            return bytes(uploaded.read(MOST_BYTES + 1))
        try:
            content = base64.b64decode(self.cleaned_data["looked_at"], validate=True)
        except binascii.Error:
            content = b""
        if not content:
            raise WrongField("report", "choose the file that the bank gave out.")
        return content

    def called(self) -> str:
        uploaded = self.cleaned_data["report"]
        return uploaded.name[:200] if uploaded is not None else self.cleaned_data["name"]


@register(PaymentReport)
class PaymentReportAdmin(ReadOnlyAdmin):
    of_program = "program"
    when_empty = "What a bank says of payments is read in from its report; nothing was read in yet."
    list_display = ["name", "program", "read_at", person_at("read_by"), "done", "unchanged", "refused"]
    list_filter = ["program"]
    list_select_related = ["program", "read_by"]
    search_fields = ["^name", "lines__reference__exact"]
    readonly_fields = ["lines"]

    def get_urls(self) -> list[URLPattern]:
        read = self.admin_site.admin_view(self.read_view)
        return [path("read/", read, name="payouts_paymentreport_read"), *super().get_urls()]

    def read_view(self, request: HttpRequest) -> HttpResponse:
        """Look at a report line by line; on the second POST, read in what was looked at."""
        if not request.user.has_perm(PREPARE):
            raise PermissionDenied
        posted = request.method == "POST"
        form = ReportForm(request.POST, request.FILES) if posted else ReportForm()
        mine = scopes.within(Program.objects.order_by("slug"), request.user, "pk")
        cast(forms.ModelChoiceField, form.fields["program"]).queryset = mine
        shown: dict[str, Any] = {}
        refused = False
        if form.is_valid():
            try:
                content, program, name = form.content(), form.cleaned_data["program"], form.called()
                shown = {} if presence.is_fresh(request) else _looked_at(program, name, content)
                if "read_in" in request.POST:
                    presence.require_first(request)
                    now, by = timezone.now(), cast(User, request.user)
                    report = reports.read_in(program, name=name, content=content, by=by, at=now)
                    self.message_user(request, _told(report))
                    return redirect(reverse("admin:payouts_paymentreport_change", args=[report.pk]))
                shown = _looked_at(program, name, content)
            except Refused as refusal:
                form.add_error(None, str(refusal))
                refused = True
        title = "Read in a report"
        context = {**self.admin_site.each_context(request), "title": title, "form": form, **shown}
        template = "admin/payouts/paymentreport/read.html"
        return TemplateResponse(request, template, context, status=CONFLICT if refused else 200)

    @display(description="lines")
    def lines(self, report: PaymentReport) -> SafeString:
        return link_to_list(PaymentReportLine, "All its lines", report=report.pk)


def _told(report: PaymentReport) -> str:
    return f"{report} is read in: {report.done} done, {report.unchanged} unchanged, {report.refused} refused."


def _looked_at(program: Program, name: str, content: bytes) -> dict[str, Any]:
    lines = reports.look(program, content=content)
    counts = [(each, sum(line.verdict == each for line in lines)) for each in Verdict]
    # What a person must look at comes first.
    order = [Verdict.REFUSED, Verdict.DONE, Verdict.UNCHANGED]
    first = sorted(lines, key=lambda line: (order.index(line.verdict), line.told.number))[:SHOWN]
    return {
        "chosen": program,
        "name": name,
        "looked_at": base64.b64encode(content).decode(),
        "counts": [(chip(each, each.label), count) for each, count in counts],
        "done": dict(counts)[Verdict.DONE],
        "lines": [(line, chip(line.verdict, line.verdict.label)) for line in first],
        "more": max(0, len(lines) - SHOWN),
    }


@register(PaymentReportLine)
class PaymentReportLineAdmin(PartOfAnother):
    of_program = "report__program"
    list_display = ["number", "reference", "result", "detail", verdict, "because", "payout"]
    list_filter = ["verdict"]
    list_select_related = ["report", "payout"]
    search_fields = ["reference__exact"]
