"""Where referrers are paid: told by one person, confirmed by another, shown by its last signs."""

from datetime import datetime
from typing import Any

from django import forms
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.safestring import SafeString

from payouts import destinations
from payouts.admin.payments.roles import CONFIRM_DESTINATION, SET_DESTINATION
from payouts.models import Destination, PayoutMethod
from payouts.rules.payees import TAKEN, Payee, Rail
from referrals.admin.base import EmptyFieldListFilter, PlainInline, ReadOnlyAdmin, display, register
from referrals.admin.columns import chip, found_at, person_at, referrer
from referrals.admin.steps import Step, StepAdmin
from referrals.models import Enrollment
from referrals.rules.refusal import WrongField

TEXT = {"class": "staff-input", "autocomplete": "off"}
HIDDEN = ("iban", "bic", "routing_number", "account_number", "recipient")
"""What a payment needs and no page shows."""


def state_of(destination: Destination, *, at: datetime) -> SafeString:
    """How a destination stands, as word and sign."""
    if destination.retired_at:
        return chip("CLOSED", "Ended" if destination.confirmed_at else "Taken back")
    if not destination.confirmed_at:
        return chip("AWAITING_APPROVAL", "Waits for a second person")
    if destination.usable_from and destination.usable_from > at:
        return chip("SENDING", f"Cools until {destination.usable_from:%b} {destination.usable_from.day}")
    return chip("ACTIVE", "In use")


@display(description="state")
def state(destination: Destination) -> SafeString:
    return state_of(destination, at=timezone.now())


@display(description="destination", ordering="method")
def shown(destination: Destination) -> str:
    return str(destination)


def _text(label: str, help_text: str = "", *, required: bool = False, most: int = 140) -> forms.CharField:
    widget = forms.TextInput(attrs=TEXT)
    return forms.CharField(
        label=label, help_text=help_text, required=required, max_length=most, widget=widget
    )


class DestinationForm(forms.Form):
    """Where a referrer wants to be paid; of the fields, those that the program's methods need."""

    method = forms.ChoiceField(label="Method", widget=forms.Select(attrs={"class": "staff-input"}))
    holder_name = _text("In whose name", required=True)
    iban = _text("IBAN", most=42)
    bic = _text("BIC", "If the bank asks for it.", most=11)
    routing_number = _text("Routing number", "Nine digits.", most=9)
    account_number = _text("Account number", most=20)
    is_savings = forms.BooleanField(label="It is a savings account", required=False)
    recipient = _text(
        "E-mail address at the payment service",
        "Stripe: the connected account instead, such as acct_1a2B.",
        most=127,
    )
    town = _text("Town", most=35)
    country = _text("Country", "Two letters, such as DE.", most=2)
    reason = _text(
        "How you know", "How the referrer told it, and how you made sure of it.", required=True, most=200
    )

    def look_at(self, enrollment: Enrollment) -> None:
        """Offer the methods by which the program pays, and what these need."""
        open_ones = PayoutMethod.objects.open().filter(program=enrollment.program_id).order_by("code")
        # The host knows its own customers.
        rails = [Rail(code) for code in open_ones.values_list("code", flat=True) if code != Rail.HOST]
        self.fields["method"].choices = [(rail.value, rail.label) for rail in rails]  # type: ignore[attr-defined]
        needed = {field for rail in rails for field in TAKEN[rail]}
        for field in (*HIDDEN, "is_savings", "town", "country"):
            if field not in needed:
                del self.fields[field]


def _tell(enrollment: Enrollment, by: User, at: datetime, told: dict[str, Any]) -> str:
    payee = Payee(**{name: value for name, value in told.items() if name not in {"method", "reason"}})
    try:
        destination = destinations.tell(
            enrollment, method=Rail(told["method"]), payee=payee, reason=told["reason"], by=by, at=at
        )
    except WrongField as wrong:
        label = DestinationForm.base_fields.get(wrong.field)
        told_by = str(wrong).partition(": ")[2]
        raise WrongField(str(label.label) if label else wrong.field, told_by) from None
    return f"{destination} waits for another person to confirm it. Until then nothing changes."


def _no_method(enrollment: Enrollment, user: User) -> str | None:
    mine = PayoutMethod.objects.open().filter(program=enrollment.program_id)
    if mine.exclude(code=Rail.HOST).exists():
        return None
    return "The program pays by no method yet: somebody of finance opens one first."


TELL_STEP = Step(
    "pay-to",
    verb="Tell where to pay",
    explains="Another person confirms it. Where the referrer was paid before, nothing goes any more, and"
    " nothing is paid until the new destination has cooled.",
    permissions=[SET_DESTINATION],
    take=_tell,
    is_offered=lambda enrollment: True,
    why_not=_no_method,
    form=DestinationForm,
    is_apart=True,
    asks_first=True,
)
"""On the page of an enrollment."""


class DestinationInline(PlainInline):
    model = Destination
    fields = [shown, "holder_name", state, "created_at", person_at("created_by"), person_at("confirmed_by")]
    related = ["created_by", "confirmed_by"]
    ordering = ["-pk"]


def _confirm(destination: Destination, by: User, at: datetime, told: dict[str, Any]) -> str:
    destinations.confirm(destination, by=by, at=at)
    if destination.is_cooling(at=at):
        return (
            f"{destination} is confirmed, and is paid to from {destination.usable_from:%b %d, %Y, %H:%M} UTC."
        )
    return f"{destination} is confirmed, and is paid to from now on."


def _retire(destination: Destination, by: User, at: datetime, told: dict[str, Any]) -> str:
    destinations.retire(destination, by=by, at=at)
    return f"{destination} has ended: nothing is paid there."


def _told_it(destination: Destination, user: User) -> str | None:
    if destination.people_needed >= 2 and destination.created_by_id == user.pk:
        return "You told it: another person confirms it."
    return None


@register(Destination)
class DestinationAdmin(StepAdmin, ReadOnlyAdmin):
    of_program = "enrollment__program"
    change_form_outer_before_template = "admin/payouts/payment/steps.html"
    when_empty = "Where a referrer is paid is told on the page of the enrollment."
    list_display = [shown, referrer, found_at("enrollment.program", label="program"), state]
    list_display += ["created_at", person_at("created_by"), person_at("confirmed_by")]
    list_filter = [
        "method",
        ("confirmed_at", EmptyFieldListFilter),
        ("retired_at", EmptyFieldListFilter),
        "enrollment__program",
    ]
    list_select_related = ["enrollment__referrer", "enrollment__program", "created_by", "confirmed_by"]
    search_fields = ["enrollment__referrer__host_account__exact", "^enrollment__referrer__name"]
    exclude = [*HIDDEN, "is_savings"]
    contact = HIDDEN
    readonly_fields = [shown, state]
    steps = [
        Step(
            "confirm",
            verb="Confirm",
            explains="The referrer is paid there: at once if it is the first, else after it has cooled.",
            permissions=[CONFIRM_DESTINATION],
            take=_confirm,
            is_offered=lambda row: row.confirmed_at is None and row.retired_at is None,
            why_not=_told_it,
            is_next=True,
            asks_again=True,
        ),
        Step(
            "retire",
            verb="End it",
            explains="Nothing is paid there any more; the referrer's payouts wait for another destination.",
            permissions=[SET_DESTINATION, CONFIRM_DESTINATION],
            take=_retire,
            is_offered=lambda row: row.retired_at is None,
            asks_again=True,
        ),
    ]

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """The page of a destination, with what two people do with it."""
        rows = self.get_queryset(request).select_related(*self.list_select_related)
        row = self.row_of_page(request, object_id, rows)
        shown_here = {"buttons": row and self.buttons(row, request.user)}
        return super().change_view(request, object_id, form_url, {**(extra_context or {}), **shown_here})
