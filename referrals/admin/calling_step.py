"""The step on the page of a program that changes its calling hours, its SLA and its second looks."""

from datetime import datetime
from typing import Any

from django import forms
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.auth.models import User

from referrals import calling_hours
from referrals.admin.steps import Step
from referrals.calling_hours import Calling
from referrals.models import Program
from referrals.rules.refusal import WrongField

TIME = forms.TimeInput(format="%H:%M", attrs={"type": "time", "class": "staff-input staff-short"})
NUMBER = forms.NumberInput(attrs={"class": "staff-input staff-short"})


class CallingForm(forms.Form):
    """When companies are called, by when they are decided about, and how many are looked at again."""

    calls_from = forms.TimeField(
        label="Called from",
        required=False,
        widget=TIME,
        help_text="On the company's own clock. Both times empty: as the terms say.",
    )
    calls_until = forms.TimeField(label="Called until", required=False, widget=TIME)
    sla_calling_hours = forms.IntegerField(
        label="To be decided about within, calling hours",
        widget=NUMBER,
        help_text="16 are two days of eight hours.",
    )
    second_look_percent = forms.IntegerField(
        label="Second looks, of a hundred decisions",
        widget=NUMBER,
        help_text="A senior decides again, without knowing the first decision.",
    )

    def look_at(self, row: Program) -> None:
        """Begin with what the program says now."""
        self.initial.update({name: getattr(row, name) for name in self.fields})

    def clean(self) -> dict[str, Any]:
        told = self.cleaned_data
        if not self.errors:
            try:
                Calling(**told).refuse_nonsense()
            except WrongField as wrong:
                self.add_error(wrong.field, str(wrong).removeprefix(f"{wrong.field}: "))
        return told


def _change(program: Program, by: User, at: datetime, told: dict[str, Any]) -> str:
    moved = calling_hours.change(program, Calling(**told), at=at)
    program.refresh_from_db()
    said = calling_hours.sentence(program, at=at)
    LogEntry.objects.log_actions(by.pk, [program], CHANGE, change_message=said, single_object=True)
    follows = f" {moved} open companies have another time until which they are due." if moved else ""
    return f"{said}{follows}"


CALLING = Step(
    "calling",
    verb="Change calling",
    explains="The days are those of the terms. What is open follows at once: until when each company may be"
    " called, and by when it is due.",
    permissions=["referrals.change_program"],
    take=_change,
    is_offered=lambda program: True,
    form=CallingForm,
)
