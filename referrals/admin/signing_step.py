"""The step on the page of a program that says who signs for its money, and from which sum on."""

from datetime import datetime
from typing import Any

from django import forms
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.auth.models import User

from payouts import signing
from referrals.admin.columns import grouped
from referrals.admin.steps import Step
from referrals.models import Program
from referrals.rules.money import MoneyError, to_minor, to_text

AMOUNT = forms.TextInput(attrs={"class": "staff-input staff-short", "inputmode": "decimal"})
AMOUNTS = ("limit", "three_from", "four_from")


class SigningForm(forms.Form):
    """Sums in the currency of the program; an empty one asks for nothing."""

    limit = forms.CharField(
        label="Look at more than this to one referrer",
        required=False,
        widget=AMOUNT,
        help_text="In one batch. Empty: there is no limit.",
    )
    three_from = forms.CharField(
        label="Three names from",
        required=False,
        widget=AMOUNT,
        help_text="Who prepared the batch, and two who approve it.",
    )
    four_from = forms.CharField(label="Four names from", required=False, widget=AMOUNT)

    currency = ""

    def look_at(self, row: Program) -> None:
        """Begin with what is asked for now."""
        self.currency = row.currency
        tiers = signing.tiers(row)
        stored = (signing.limit_minor(row), *(tiers.get(people) for people in signing.TIERS))
        self.initial.update(
            {
                name: to_text(minor, row.currency)
                for name, minor in zip(AMOUNTS, stored, strict=True)
                if minor is not None
            }
        )

    def clean(self) -> dict[str, Any]:
        told: dict[str, Any] = self.cleaned_data
        read = {name: self._read(name, told.get(name, "").strip()) for name in AMOUNTS}
        three, four = read["three_from"], read["four_from"]
        if three and four and four <= three:
            self.add_error("four_from", "This must be more than the sum that asks for three names.")
        return read

    def _read(self, name: str, text: str) -> int | None:
        """An amount in minor units; nothing, where nothing or nonsense was typed."""
        if not text:
            return None
        try:
            minor = to_minor(text, self.currency)
        except MoneyError:
            self.add_error(name, f"Write an amount such as {to_text(500_000, self.currency)}.")
            return None
        if not minor:
            self.add_error(name, "Leave it empty, or name an amount above zero.")
        return minor


def sentence(program: Program) -> str:
    """Who signs for money of a program."""
    people = {1: "One person prepares and approves", 2: "One person prepares, another approves"}
    told = people.get(program.people_needed, "One prepares, another approves, neither having qualified")
    tiers, limit = signing.tiers(program), signing.limit_minor(program)
    words = {3: "three", 4: "four"}
    for number, from_minor in sorted(tiers.items()):
        told += f"; {words[number]} names from {program.currency} {grouped(from_minor, program.currency)}"
    if limit is not None:
        told += f". More than {program.currency} {grouped(limit, program.currency)} to one referrer is shown"
    return f"{told}."


def _change(program: Program, by: User, at: datetime, told: dict[str, Any]) -> str:
    tiers = dict(zip(signing.TIERS, (told["three_from"], told["four_from"]), strict=True))
    signing.set_rules(program, limit_minor=told["limit"], tiers=tiers)
    said = sentence(program)
    LogEntry.objects.log_actions(by.pk, [program], CHANGE, change_message=said, single_object=True)
    return said


SIGNING = Step(
    "signing",
    verb="Change signing",
    explains="It counts for batches that are put up from now on.",
    permissions=["referrals.change_program"],
    take=_change,
    is_offered=lambda program: True,
    form=SigningForm,
)
