"""Ways to pay: opened and closed, never changed."""

from datetime import datetime
from typing import Any, cast

from django import forms
from django.contrib.auth.models import User
from django.db.models import Model
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.safestring import SafeString

from payouts import payout_methods
from payouts.admin.payments.roles import SET_METHOD
from payouts.models import PayoutMethod
from payouts.rules.payees import masked
from referrals.admin import presence
from referrals.admin.base import Admin, EmptyFieldListFilter, display, register
from referrals.admin.columns import amount_of, chip, person_at
from referrals.admin.steps import Step, StepAdmin
from referrals.rules.refusal import Refused, WrongField

minimum = amount_of("minimum_minor", "program.currency", label="least withdrawal")


def _close(method: PayoutMethod, by: User, at: datetime, told: dict[str, Any]) -> str:
    payout_methods.close(method, by=by, at=at)
    return f"{method} is closed. Files that were made stay as they are."


class MethodForm(forms.ModelForm):
    """A way to pay as its rail takes it: what is wrong is told beside its field."""

    asked_by: HttpRequest | None = None

    def clean(self) -> dict[str, Any]:
        self._refuse_strangers()
        told = {name: value for name, value in self.cleaned_data.items() if value is not None}
        if {"program", "code"} <= told.keys():
            try:
                payout_methods.check(PayoutMethod(**told), at=timezone.now())
            except WrongField as wrong:
                field = wrong.field.replace("payer ", "payer_")
                self.add_error(field if field in self.fields else None, str(wrong))
            except Refused as refusal:
                self.add_error(None, str(refusal))
        return self.cleaned_data

    def _refuse_strangers(self) -> None:
        """Where the company's own account is told, who tells it has just shown who they are."""
        if self.asked_by is not None:
            try:
                presence.require_first(self.asked_by)
            except Refused as refusal:
                self.add_error(None, str(refusal))


@register(PayoutMethod)
class PayoutMethodAdmin(StepAdmin, Admin):
    of_program = "program"
    form = MethodForm
    when_empty = "A program pays by no method yet: add one, and its referrers can be paid."
    list_display = [
        "__str__",
        "state",
        "payer_name",
        minimum,
        "cooling_days",
        "opened_at",
        person_at("opened_by"),
    ]
    list_filter = ["code", "program", ("closed_at", EmptyFieldListFilter)]
    list_select_related = ["program", "opened_by", "client"]
    change_form_outer_before_template = "admin/payouts/payment/steps.html"
    steps = [
        Step(
            "close",
            verb="Close",
            explains="Nobody is paid by it any more. To change something, close it and add it anew.",
            permissions=[SET_METHOD],
            take=_close,
            is_offered=lambda method: method.closed_at is None,
            asks_again=True,
        )
    ]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm(SET_METHOD)

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def get_fields(self, request: HttpRequest, obj: Model | None = None) -> Any:
        told = ["program", "code", "payer_name", "payer_identification"]
        account = ["account_shown"] if obj else ["payer_iban"]
        rest = ["payer_bic", "payer_routing_number", "payer_bank_name", "template", "endpoint", "client"]
        more = (
            [minimum, "opened_at", person_at("opened_by"), "closed_at", person_at("closed_by")]
            if obj
            else ["minimum_minor"]
        )
        return [*told, *account, *rest, "cooling_days", *more]

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> Any:
        return self.get_fields(request, obj) if obj else ()

    def get_form(
        self,
        request: HttpRequest,
        obj: PayoutMethod | None = None,
        change: bool = False,  # noqa: FBT001, FBT002
        **kwargs: Any,
    ) -> Any:
        form = super().get_form(request, obj, change, **kwargs)
        form.asked_by = request
        return form

    def save_model(self, request: HttpRequest, obj: PayoutMethod, form: Any, change: bool) -> None:  # noqa: FBT001
        payout_methods.open_method(obj, by=cast(User, request.user), at=timezone.now())

    def log_addition(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        """The row itself says who opened it."""

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """The page of a way to pay, with the button that closes it."""
        rows = self.get_queryset(request).select_related("program", "client", "opened_by", "closed_by")
        method = self.row_of_page(request, object_id, rows)
        shown = {"buttons": method and self.buttons(method, request.user)}
        return super().change_view(request, object_id, form_url, {**(extra_context or {}), **shown})

    @display(description="state", ordering="closed_at")
    def state(self, method: PayoutMethod) -> SafeString:
        return chip("CLOSED", "Closed") if method.closed_at else chip("ACTIVE", "Open")

    @display(description="payer IBAN")
    def account_shown(self, method: PayoutMethod) -> str:
        return masked(method.payer_iban)
