"""Tax forms: what waits for one, who acts next, and what staff write down about the form of a referrer."""

from datetime import datetime
from typing import Any, cast

from django import forms
from django.contrib.auth.models import User
from django.http import HttpRequest
from django.utils import timezone
from django.utils.safestring import SafeString

from payouts.admin.payments.roles import SET_TAX_FORM
from payouts.models import Payout, TaxFormChange, TaxFormLimit
from payouts.payments import tax_forms, tax_limits
from payouts.payments.tax_forms import Standing
from payouts.rules.tax_forms import FormStatus
from referrals import scopes
from referrals.admin.base import PartOfAnother, PlainInline, ReadOnlyAdmin, link_to, register
from referrals.admin.columns import amount, amount_of, chip, grouped, person_at, referrer, status
from referrals.admin.steps import Step
from referrals.models import Enrollment, Program
from referrals.rules.refusal import WrongField

NAMED = 50
"""So many payouts that wait are shown; all are counted."""

WHAT_NOW = {
    FormStatus.NONE: "Ask the referrer for the form, and write down on this page that you did:",
    FormStatus.REQUESTED: "The referrer sends it. When it is here, write that down:",
    FormStatus.EXPIRED: "It has expired. Ask for a new one, and write that down:",
    FormStatus.REFUSED: "What came cannot be used. Ask for another one, and write that down:",
    FormStatus.RECEIVED: "It is here: nothing is left to do.",
}
"""How a form stands, who acts next, and what follows."""


def limit_shown(limit: TaxFormLimit) -> str:
    """USD 600.00."""
    return f"{limit.program.currency} {grouped(limit.above_minor or 0, limit.program.currency)}"


def says(payout: Payout, *, at: datetime) -> str:
    """That a payout waits for a tax form, and what helps; '' if it does not."""
    limit = tax_limits.held(Payout.objects.filter(pk=payout.pk), at=at).get(payout.pk)
    if limit is None:
        return ""
    form = tax_forms.standing(payout.enrollment, at=at)
    return (
        f"It waits for a tax form: the program asks for one before it pays more than {limit_shown(limit)} in"
        f" a calendar year. Here it stands: {form.status.label.lower()}. Ask the referrer for it, and write"
        " down on the page of the enrollment that it came; then it goes like any other, or with the new year."
    )


class NoteForm(forms.Form):
    """What else is to be known; nothing that stands in the form."""

    note = forms.CharField(
        required=False,
        max_length=200,
        label="Note",
        help_text="Which form, and where it is kept. Nothing that stands in it.",
        widget=forms.TextInput(attrs={"class": "staff-input", "autocomplete": "off"}),
    )


class WhyForm(NoteForm):
    """Why a form cannot be used."""

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        self.fields["note"].required = True
        self.fields["note"].label = "Why"


class ReceivedForm(NoteForm):
    """Until when the form is valid."""

    valid_until = forms.DateField(
        required=False,
        label="Valid until",
        help_text="Its last day; empty, if it does not expire.",
        widget=forms.DateInput(attrs={"class": "staff-input", "type": "date"}),
    )
    field_order = ["valid_until", "note"]


def _ask(row: Enrollment, by: User, at: datetime, told: dict[str, Any]) -> str:
    tax_forms.request(row, by=by, at=at, note=told["note"])
    return f"{row.referrer} was asked for a tax form. What goes beyond the limit waits until it is here."


def _receive(row: Enrollment, by: User, at: datetime, told: dict[str, Any]) -> str:
    try:
        form = tax_forms.receive(row, valid_until=told["valid_until"], by=by, at=at, note=told["note"])
    except WrongField as wrong:
        raise WrongField("Valid until", str(wrong).partition(": ")[2]) from None
    until = f"valid until {form.valid_until:%b %d, %Y}" if form.valid_until else "valid without an end"
    return f"The tax form of {row.referrer} is here, {until}. What waited for it goes with the next file."


def _refuse(row: Enrollment, by: User, at: datetime, told: dict[str, Any]) -> str:
    tax_forms.refuse(row, by=by, at=at, note=told["note"])
    return f"The tax form of {row.referrer} does not count any more. Ask for another one."


def _is_asked_for(row: Enrollment) -> bool:
    return TaxFormLimit.objects.filter(program=row.program_id, above_minor__isnull=False).exists()


def _has_one(row: Enrollment) -> bool:
    return _is_asked_for(row) and tax_forms.standing(row, at=timezone.now()).is_valid


TAX_FORM_STEPS = [
    Step(
        "tax-form-asked",
        verb="Tax form asked for",
        explains="The referrer was asked for the form, outside of this page. One that is valid counts on.",
        permissions=[SET_TAX_FORM],
        take=_ask,
        is_offered=_is_asked_for,
        form=NoteForm,
        is_apart=True,
    ),
    Step(
        "tax-form-received",
        verb="Tax form received",
        explains="The form is here and was looked at. What waited goes with the next file, or by itself.",
        permissions=[SET_TAX_FORM],
        take=_receive,
        is_offered=_is_asked_for,
        form=ReceivedForm,
        is_apart=True,
    ),
    Step(
        "tax-form-refused",
        verb="Tax form cannot be used",
        explains="From now on it is as if there were none. What was sent on the strength of it stays.",
        permissions=[SET_TAX_FORM],
        take=_refuse,
        is_offered=_has_one,
        form=WhyForm,
        is_apart=True,
    ),
]
"""On the page of an enrollment, where its program asks for a form."""


class TaxFormInline(PlainInline):
    model = TaxFormChange
    fields = ["changed_at", status, "valid_until", person_at("changed_by"), "note"]
    related = ["changed_by"]
    verbose_name_plural = "tax form"


@register(TaxFormChange)
class TaxFormChangeAdmin(ReadOnlyAdmin):
    of_program = "enrollment__program"
    list_before_template = "admin/payouts/taxform/waiting.html"
    when_empty = "What is known of a referrer's tax form is written down on the page of the enrollment."
    list_display = ["changed_at", referrer, status, "valid_until", person_at("changed_by"), "note"]
    list_filter = ["status", "enrollment__program"]
    list_select_related = ["enrollment__referrer", "changed_by"]
    search_fields = ["enrollment__referrer__host_account__exact", "^enrollment__referrer__name"]

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        shown: dict[str, Any] = {}
        if self.has_view_permission(request):
            mine = scopes.within(Payout.objects.all(), cast(User, request.user), "enrollment__program")
            shown = _waiting(mine, at=timezone.now())
            programs = scopes.within(Program.objects.all(), cast(User, request.user), "pk")
            shown["to_ask"] = _to_ask(programs, at=timezone.now())
        return super().changelist_view(request, {**shown, **(extra_context or {})})


def _waiting(payouts: Any, *, at: datetime) -> dict[str, Any]:
    """What waits for a form: each with how the form stands, and who acts next."""
    found = tax_limits.held(payouts, at=at)
    numbers = sorted(found)[:NAMED]
    rows = Payout.objects.filter(pk__in=numbers).select_related("enrollment__referrer", "enrollment__program")
    named = list(rows.order_by("pk"))
    stand = tax_forms.standings({row.enrollment_id for row in named}, at=at)
    return {
        "held": [
            (link_to(row), link_to(row.enrollment), amount(row), *_told(stand[row.enrollment_id]))
            for row in named
        ],
        "more": len(found) - len(named),
    }


def _to_ask(programs: Any, *, at: datetime) -> list[tuple[SafeString, str]]:
    """Whom to ask before something waits: each with what goes beyond which limit."""
    found = []
    for limit in TaxFormLimit.objects.in_force(at=at).filter(program__in=programs):
        rows: Any = tax_limits.to_ask(limit, at=at).select_related("referrer", "program")
        currency = limit.program.currency
        for row in rows[:NAMED]:
            coming, room = grouped(row.coming_minor, currency), grouped(max(0, row.room_minor), currency)
            found.append((link_to(row), f"{currency} {coming} is coming, {room} is left"))
    return found


def _told(form: Standing) -> tuple[SafeString, str]:
    return chip(form.status, form.status.label), WHAT_NOW[form.status]


above = amount_of("above_minor", "program.currency", label="above")


@register(TaxFormLimit)
class TaxFormLimitAdmin(PartOfAnother):
    of_program = "program"
    when_empty = "A program that asks for a tax form says so in its file: tax_form, above."
    list_display = ["set_at", "program", above, "quote"]
    list_filter = ["program"]
    list_select_related = ["program"]
    exclude = ["above_minor"]
    readonly_fields = [above]
