"""Payment files: a look ahead, made, downloaded, uploaded by a person, voided, in doubt."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import partial
from typing import Any, cast

from django import forms
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.db.models import Count, Sum
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.safestring import SafeString
from django.utils.translation import ngettext

from payouts.admin.payments.asking import ask
from payouts.admin.payments.roles import APPROVE, PREPARE
from payouts.models import PaymentFile, PaymentFileChange, PaymentLine, Payout, PayoutMethod
from payouts.payments import files, planning, reissues
from payouts.payments.candidates import Why
from payouts.rails import RAILS
from payouts.rules.lifecycle import FileStatus, PayoutStatus
from referrals import scopes
from referrals.admin.base import PartOfAnother, PlainInline, ReadOnlyAdmin, display, link_to_list, register
from referrals.admin.columns import (
    AMOUNT_COLUMNS,
    amount,
    amount_of,
    chip,
    found_at,
    grouped,
    person_at,
    status,
)
from referrals.admin.steps import CONFLICT, ReasonForm, Step, StepAdmin
from referrals.rules.refusal import Refused

ABOUT = ("void_file", "file_was_taken", "file_was_not_taken", "reissue_file")
NAMED = 20
total = amount_of("total_minor", label="total")

WHY = {
    Why.NOT_WHOLE: "More of their batch is still to be paid: the next run does it.",
    Why.SUSPENDED: "The referrer is suspended.",
    Why.CONTRADICTED: "The bank says that an earlier attempt arrived: find out before it is paid again."
    " If it did, two people say so on the page of the payout; a report that says it failed or came back lets"
    " it go.",
    Why.OWES: "The referrer owes what was taken back: the next run keeps it from this payout.",
    Why.NO_DESTINATION: "Nobody has told where the referrer is paid.",
    Why.NOT_CONFIRMED: "The destination waits for a second person to confirm it.",
    Why.OTHER_METHOD: "The referrer is paid by another method.",
    Why.COOLING: "The destination was changed lately and has to cool.",
    Why.CANNOT_BE_WRITTEN: "The file cannot hold it: put the destination right.",
}
"""Why a payout drops out, and what would help."""

SENTENCES = {
    FileStatus.MADE: "Download it, upload it where it is to be paid, then let an approver say so here.",
    FileStatus.UPLOADED: "The bank has it. Read in what it says of the payments as a report.",
    FileStatus.IN_DOUBT: "Nobody knows whether the bank has it. Ask the bank; until it is known, nothing"
    " of it is tried again.",
    FileStatus.VOIDED: "It is void: do not upload it. Its payouts wait for another file, or can be reissued.",
}


class NextFileForm(forms.Form):
    """By which method, and on which day the bank shall pay."""

    method = forms.ModelChoiceField(
        PayoutMethod.objects.none(), label="Way to pay", widget=forms.Select(attrs={"class": "staff-input"})
    )
    pay_on = forms.DateField(
        label="Pay on", widget=forms.DateInput(attrs={"class": "staff-input", "type": "date"})
    )
    seen = forms.CharField(required=False, widget=forms.HiddenInput)


class PaymentFileChangeInline(PlainInline):
    model = PaymentFileChange
    fields = ["changed_at", "did", person_at("changed_by"), person_at("approved_by")]
    related = ["changed_by", "approved_by"]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return self.fields

    @display(description="what")
    def did(self, change: PaymentFileChange) -> SafeString | str:
        if change.is_download:
            return "Downloaded"
        return chip(change.new_status, change.get_new_status_display())


def _upload(file: PaymentFile, by: User, at: datetime, told: dict[str, Any]) -> str:
    files.mark_uploaded(file, by=by, at=at)
    sent = ngettext("its payout is sent", "its %(count)s payouts are sent", file.count) % {
        "count": file.count
    }
    return f"{file} is uploaded: {sent}."


def _made_it(file: PaymentFile, user: User) -> str | None:
    if file.program.people_needed >= 2 and file.made_by_id == user.pk:
        return "You made it: another person says that it was uploaded."
    return None


def _void(file: PaymentFile, by: User, at: datetime, told: dict[str, Any]) -> str:
    if files.was_downloaded(file):
        return _propose(file, by, at, told, action="void_file")
    files.void(file, by=by, at=at)
    return f"{file} is void; its payouts wait for another file."


def _doubt(file: PaymentFile, by: User, at: datetime, told: dict[str, Any]) -> str:
    files.put_in_doubt(file, by=by, at=at)
    return f"{file} is in doubt: nothing of it is tried again until it is known what became of it."


def _propose(
    file: PaymentFile, by: User, at: datetime, told: dict[str, Any], *, action: str, **more: str
) -> str:
    return ask(file, actions=ABOUT, action=action, reason=told["reason"], by=by, at=at, **more)


def _reissue(file: PaymentFile, by: User, at: datetime, told: dict[str, Any]) -> str:
    mine = Payout.objects.filter(lines__file=file)
    if reissues.takes_two(mine):
        return _propose(file, by, at, told, action="reissue_file", payments=reissues.summary(mine))
    count = reissues.reissue(mine, by=by, at=at)
    tried = ngettext(
        "1 payout of %(file)s is tried again: it waits",
        "%(count)s payouts of %(file)s are tried again: they wait",
        count,
    )
    return f"{tried % {'count': count, 'file': file}} for the next payment file."


def _has_failed(file: PaymentFile) -> bool:
    return file.lines.filter(payout__status__in=reissues.CAN_BE_REISSUED).exists()


def _in(status: FileStatus) -> Any:
    return lambda file: file.status == status


STEPS = [
    Step(
        "uploaded",
        verb="It was uploaded",
        explains="The bank or payment service has it: its payouts are sent.",
        permissions=[APPROVE],
        take=_upload,
        is_offered=_in(FileStatus.MADE),
        why_not=_made_it,
        is_next=True,
        asks_again=True,
    ),
    Step(
        "void",
        verb="Void",
        explains="Nobody has uploaded it and nobody will; its payouts wait for another file. If somebody has"
        " downloaded it, a second person confirms that.",
        permissions=[APPROVE],
        take=_void,
        is_offered=_in(FileStatus.MADE),
        form=ReasonForm,
        asks_again=True,
    ),
    Step(
        "doubt",
        verb="Nobody knows",
        explains="Whether the bank has it is unknown; nothing of it is tried again until it is known.",
        permissions=[PREPARE, APPROVE],
        take=_doubt,
        is_offered=_in(FileStatus.MADE),
    ),
    Step(
        "taken",
        verb="The bank has it",
        explains="Once another person confirms, its payouts count as sent.",
        permissions=[PREPARE, APPROVE],
        take=partial(_propose, action="file_was_taken"),
        is_offered=_in(FileStatus.IN_DOUBT),
        form=ReasonForm,
    ),
    Step(
        "not-taken",
        verb="The bank does not have it",
        explains="Once another person confirms, its payouts have failed and can be reissued.",
        permissions=[PREPARE, APPROVE],
        take=partial(_propose, action="file_was_not_taken"),
        is_offered=_in(FileStatus.IN_DOUBT),
        form=ReasonForm,
    ),
    Step(
        "reissue",
        verb="Reissue what failed",
        explains="Each payout of this file that failed or came back is followed by another attempt. Where the"
        " program asks for two people, or the sum does, another person confirms it.",
        permissions=[PREPARE],
        take=_reissue,
        is_offered=_has_failed,
        form=ReasonForm,
    ),
]


@register(PaymentFile)
class PaymentFileAdmin(StepAdmin, ReadOnlyAdmin):
    of_program = "program"
    steps = STEPS
    list_before_template = "admin/payouts/paymentfile/next.html"
    change_form_outer_before_template = "admin/payouts/paymentfile/file.html"
    when_empty = "A payment file is made of payouts that wait: cash that was released, and withdrawals."
    list_display = ["identification", "program", "code", "pay_on", "count", total, status]
    list_display += ["made_at", person_at("made_by")]
    list_filter = ["status", "program"]
    list_select_related = ["program", "method", "made_by"]
    search_fields = ["identification__exact", "lines__reference__exact"]
    # What stands above in large letters is not said again.
    exclude = ["total_minor", "currency", "count", "status", "sha256", "of_the_day", "sequence"]
    readonly_fields = ["payments"]
    inlines = [PaymentFileChangeInline]

    def get_urls(self) -> list[URLPattern]:
        make, take = (
            self.admin_site.admin_view(self.make_view),
            self.admin_site.admin_view(self.download_view),
        )
        own = [
            path("make/", make, name="payouts_paymentfile_make"),
            path("<int:pk>/download/", take, name="payouts_paymentfile_download"),
        ]
        return [*own, *super().get_urls()]

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        shown = {"may_prepare": request.user.has_perm(PREPARE)}
        return super().changelist_view(request, {**shown, **(extra_context or {})})

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """The page of a file: its control totals, the download, and what is done with it."""
        # Its name says the program of a method, and who made it is shown.
        rows = self.get_queryset(request).select_related("program", "method__program", "made_by")
        file = self.row_of_page(request, object_id, rows)
        shown: dict[str, Any] = {}
        if file is not None:
            states = _states(file)
            shown = {
                "file": file,
                "total": total(file),
                "says": _says(file, states),
                "buttons": self.buttons(file, request.user),
                "may_download": file.status != FileStatus.VOIDED and _may_download(request),
                "states": [
                    (chip(state.status, state.status.label), state.payments, state.sum) for state in states
                ],
            }
        return super().change_view(request, object_id, form_url, {**(extra_context or {}), **shown})

    def make_view(self, request: HttpRequest) -> HttpResponse:
        """Look ahead at the next files of a method; on POST, make them."""
        if not request.user.has_perm(PREPARE):
            raise PermissionDenied
        posted = request.method == "POST"
        asked = request.POST if posted else request.GET if "method" in request.GET else None
        form = NextFileForm(asked)
        by_file = PayoutMethod.objects.open().filter(code__in=list(RAILS))
        ways = scopes.within(by_file, request.user).select_related("program")
        cast(forms.ModelChoiceField, form.fields["method"]).queryset = ways.order_by("program__slug", "code")
        shown: dict[str, Any] = {}
        if form.is_valid():
            method, pay_on, now = form.cleaned_data["method"], form.cleaned_data["pay_on"], timezone.now()
            try:
                shown = _ahead(method, pay_on=pay_on, now=now)
                if posted:
                    if form.cleaned_data["seen"] != shown["seen"]:
                        raise files.NothingToPay(
                            "It is no longer what you looked at. Nothing was made: look again."
                        )
                    made = files.make(method, pay_on=pay_on, by=cast(User, request.user), at=now)
                    names = ", ".join(file.identification for file in made)
                    self.message_user(request, f"Made: {names}. Their payouts are being sent from now on.")
                    return redirect(self.address("change", made[0]))
            except Refused as refusal:
                form.add_error(None, str(refusal))
        context = {
            **self.admin_site.each_context(request),
            "title": "Next payment file",
            "form": form,
            **shown,
        }
        code = CONFLICT if posted else 200
        return TemplateResponse(request, "admin/payouts/paymentfile/make.html", context, status=code)

    def download_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """On POST, hand out the file and keep who took it; a link that is merely followed takes nothing."""
        if not _may_download(request):
            raise PermissionDenied
        file = self.load(request, pk)
        if request.method != "POST":
            return redirect(self.address("change", file))
        try:
            written = files.download(file, by=cast(User, request.user), at=timezone.now())
        except Refused as refusal:
            self.message_user(request, str(refusal), level="ERROR")
            return redirect(self.address("change", file))
        answer = HttpResponse(written.content, content_type="application/octet-stream")
        answer["Content-Disposition"] = f'attachment; filename="{written.name}"'
        return answer

    @display(description="method", ordering="method__code")
    def code(self, file: PaymentFile) -> str:
        return file.method.get_code_display()

    @display(description="payments")
    def payments(self, file: PaymentFile) -> SafeString:
        return link_to_list(PaymentLine, "All its payments", file=file.pk)


@dataclass(frozen=True, slots=True)
class State:
    """Payouts of a file that stand alike: how many, and what they come to."""

    status: PayoutStatus
    payments: int
    sum: str


def _says(file: PaymentFile, states: Sequence[State]) -> str:
    """How a file stands, and who does what next; of one that was uploaded, once its payments were told of."""
    stand = {state.status for state in states}
    if file.status != FileStatus.UPLOADED or PayoutStatus.SENT in stand:
        return SENTENCES[FileStatus(file.status)]
    if stand & reissues.CAN_BE_REISSUED:
        return "The bank has told of every payment. What failed or came back can be reissued."
    return "The bank has told of every payment: nothing is left to do."


def _may_download(request: HttpRequest) -> bool:
    return request.user.has_perm(PREPARE) or request.user.has_perm(APPROVE)


def _states(file: PaymentFile) -> list[State]:
    """How the payouts of a file stand."""
    counted = (
        file.lines.order_by()
        .values("payout__status")
        .annotate(payments=Count("pk"), minor=Sum("amount_minor"))
    )
    return [
        State(PayoutStatus(status), payments, f"{file.currency} {grouped(minor, file.currency)}")
        for status, payments, minor in counted.order_by("payout__status").values_list(
            "payout__status", "payments", "minor"
        )
    ]


def _ahead(method: PayoutMethod, *, pay_on: date, now: datetime) -> dict[str, Any]:
    """What the next files would hold, and who drops out."""
    planned = planning.plan(method, pay_on=pay_on, at=now, named=NAMED)
    currency = method.program.currency
    sum_shown = f"{currency} {grouped(planned.total_minor, currency)}"
    return {
        "method": method,
        "planned": planned,
        "files": planned.files,
        "total": sum_shown,
        "seen": f"{planned.count}.{planned.total_minor}.{method.pk}",
        "left_out": [
            (
                WHY[why],
                left.count,
                [(payout, amount(payout)) for payout in left.first],
                left.count - len(left.first),
            )
            for why, left in planned.left_out.items()
        ],
        "problems": planned.problems,
    }


@register(PaymentLine)
class PaymentLineAdmin(PartOfAnother):
    of_program = "file__program"
    list_display = [
        "reference",
        "payout",
        found_at("payout.enrollment.referrer", label="referrer"),
        "destination",
        amount,
    ]
    list_display += ["is_void"]
    list_filter = ["is_void"]
    list_select_related = ["file", "payout__enrollment__referrer", "destination"]
    search_fields = ["reference__exact"]
    exclude = AMOUNT_COLUMNS
    readonly_fields = [amount]


@register(PaymentFileChange)
class PaymentFileChangeAdmin(PartOfAnother):
    of_program = "file__program"
    list_display = ["__str__", "file", "changed_at", person_at("changed_by"), person_at("approved_by")]
    list_filter = ["new_status"]
    list_select_related = ["file", "changed_by", "approved_by"]
