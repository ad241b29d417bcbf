"""
Steps that staff take on the page of a row: a button there, and an address of its own.

GET shows what the step does and its form, POST takes it by one decision. What is refused is told in
the words of the refusal, with status 409, and what was typed stays.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any, Protocol, cast, runtime_checkable

from django import forms
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.db.models import Model
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone

from referrals.admin import presence
from referrals.admin.base import Admin
from referrals.rules.refusal import Refused

CONFLICT = 409

Row = Any
Take = Callable[[Row, User, datetime, dict[str, Any]], str]


class Forbidden(Refused):
    """The step is not open to this person, or no longer open at all."""

    code = "not_open_to_you"


class ReasonForm(forms.Form):
    """Why; it is kept with the step."""

    reason = forms.CharField(
        max_length=200, label="Reason", widget=forms.TextInput(attrs={"class": "staff-input"})
    )


@runtime_checkable
class AboutARow(Protocol):
    """A form whose choices depend on what the step is about."""

    def look_at(self, row: Row) -> None:
        """Offer what there is to choose for this row."""


class SeenForm(forms.Form):
    """What the page showed when the button was pressed; of another state it is refused."""

    seen = forms.CharField(widget=forms.HiddenInput)


def _nothing(row: Row, user: User) -> str | None:
    return None


@dataclass(frozen=True, slots=True)
class Step:
    """One step: who may take it, when it is offered, and the decision that takes it."""

    name: str
    verb: str | Callable[[Row], str]
    """What stands on the button; where money moves, with its sum."""
    explains: str
    """What will be so afterwards."""
    permissions: Sequence[str]
    """Any of these."""
    take: Take
    """Takes the step and returns what is now true."""
    is_offered: Callable[[Row], bool]
    why_not: Callable[[Row, User], str | None] = _nothing
    """Why this person cannot take it, although it is offered."""
    form: type[forms.Form] = forms.Form
    sees: Callable[[Row], str] | None = None
    """What the button rests on, as text; goes with a ``SeenForm``."""
    is_next: bool = False
    """It is the one next step of the page."""
    is_apart: bool = False
    """Its form stands on its own page only: what it offers to choose from is asked for there."""
    asks_again: bool = False
    """It is taken by somebody who has just shown who they are: by password, or by the second factor."""
    asks_first: bool = False
    """The same where what is typed must not be kept in the session: bank data."""
    then: str = "change"
    """The page that follows: the last part of the name of its address."""

    def is_open_to(self, user: Any) -> bool:
        return any(user.has_perm(permission) for permission in self.permissions)

    def button(self, row: Row) -> str:
        return self.verb if isinstance(self.verb, str) else self.verb(row)

    def make_form(self, row: Row, data: Any = None, *, auto_id: str = "id_%s") -> forms.Form:
        initial = {"seen": self.sees(row)} if self.sees else {}
        form = self.form(data, initial=initial, auto_id=auto_id)
        if isinstance(form, AboutARow):
            form.look_at(row)
        return form

    def refuse(self, row: Row, user: User, told: Mapping[str, Any]) -> None:
        """
        Stop whoever cannot take the step now.

        :raises Forbidden: with the reason that the disabled button shows
        """
        if not self.is_offered(row):
            raise Forbidden(f"{self.button(row)}: this is no longer possible. Look at the page again.")
        if reason := self.why_not(row, user):
            raise Forbidden(reason)
        if self.sees and told["seen"] != self.sees(row):
            raise Forbidden(f"{row} is no longer what you looked at. Nothing was done: look again.")


@dataclass(frozen=True, slots=True)
class Button:
    """A step as a page shows it."""

    step: Step
    label: str
    address: str
    why_not: str | None
    form: forms.Form | None


class StepAdmin(Admin):
    """The admin of rows on whose pages steps are taken."""

    steps: Sequence[Step] = ()

    def get_urls(self) -> list[URLPattern]:
        own = [
            path(
                f"<int:pk>/{step.name}/",
                self.admin_site.admin_view(partial(self.step_view, step=step)),
                name=self.address_name(step.name),
            )
            for step in self.steps
        ]
        return [*own, *super().get_urls()]

    def step_view(self, request: HttpRequest, pk: int, *, step: Step) -> HttpResponse:
        """Show a step; on POST, take it."""
        if not step.is_open_to(request.user) or not self.has_view_permission(request):
            raise PermissionDenied
        user, row = cast(User, request.user), self.load(request, pk)
        posted = request.method == "POST"
        form = step.make_form(row, request.POST if posted else None)
        if posted and form.is_valid():
            try:
                step.refuse(row, user, form.cleaned_data)
                if step.asks_again:
                    presence.require(request)
                if step.asks_first:
                    presence.require_first(request)
                told = step.take(row, user, timezone.now(), form.cleaned_data)
            except Refused as refusal:
                form.add_error(None, str(refusal))
            else:
                self.message_user(request, told)
                return redirect(self.address(step.then, row))
        button = self.button(step, row, user, form)
        shown = {"title": f"{button.label}: {row}", "button": button, "back": self.address("change", row)}
        context = {**self.admin_site.each_context(request), **shown}
        status = CONFLICT if posted and form.non_field_errors() else 200
        return TemplateResponse(request, "admin/step.html", context, status=status)

    def load(self, request: HttpRequest, pk: int) -> Any:
        """The row of a step, with what its buttons rest on."""
        return get_object_or_404(self.get_queryset(request), pk=pk)

    def buttons(self, row: Model, user: Any) -> list[Button]:
        """The steps that the page of a row offers to a person."""
        return [
            self.button(step, row, user, step.make_form(row, auto_id=f"{step.name}_%s"))
            for step in self.steps
            if step.is_open_to(user) and step.is_offered(row)
        ]

    def button(self, step: Step, row: Model, user: Any, form: forms.Form) -> Button:
        label, address = step.button(row), self.address(step.name, row)
        return Button(step, label, address, step.why_not(row, user), form)

    def address(self, name: str, row: Model) -> str:
        return reverse(f"admin:{self.address_name(name)}", args=[row.pk])

    def address_name(self, name: str) -> str:
        return f"{self.opts.app_label}_{self.opts.model_name}_{name}"


class StepsOnTop(StepAdmin):
    """Steps whose buttons stand above what the page of a row shows anyway."""

    change_form_outer_before_template = "admin/steps_on_top.html"

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """The page of a row with the steps that this person may take."""
        row = self.row_of_page(request, object_id)
        shown = {"buttons": row and self.buttons(row, request.user)}
        return super().change_view(request, object_id, form_url, {**(extra_context or {}), **shown})
