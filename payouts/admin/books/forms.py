"""What an accountant asks for: a program, and a day or days of its time zone."""

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Any, cast
from zoneinfo import ZoneInfo

from django import forms
from django.contrib.auth.models import User

from referrals import scopes
from referrals.admin.desk.reports import AHEAD, EARLIEST, ProgramChoice
from referrals.models import Program
from referrals.rules.zones import first_instant, local_date


def day_field(label: str) -> forms.DateField:
    widget = forms.DateInput(attrs={"type": "date", "class": "staff-input"}, format="%Y-%m-%d")
    return forms.DateField(label=label, widget=widget)


class ProgramForm(forms.Form):
    """One of the programs of whoever asks: the first, if the address names none."""

    program = ProgramChoice(
        Program.objects.none(), empty_label=None, widget=forms.Select(attrs={"class": "staff-input"})
    )

    def __init__(self, asked: Mapping[str, Any], *, person: User, now: datetime) -> None:
        mine = scopes.within(Program.objects.order_by("slug"), person, "pk")
        self.first, self.now = mine.first(), now
        told = {name: asked[name] for name in self.base_fields if asked.get(name)}
        super().__init__({"program": self.first and self.first.pk, **self.ordinary, **told})
        cast("forms.ModelChoiceField[Program]", self.fields["program"]).queryset = mine
        self.full_clean()

    @property
    def ordinary(self) -> dict[str, date]:
        """The days, where the address names none."""
        return {}

    @property
    def today(self) -> date:
        return local_date(self.now, ZoneInfo(self.first.time_zone if self.first else "UTC"))

    @property
    def chosen(self) -> Program | None:
        """The program that is asked for; the first, of an address that makes no sense."""
        program: Program | None = self.cleaned_data.get("program", self.first)
        return program

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.chosen.time_zone if self.chosen else "UTC")

    @property
    def asked(self) -> dict[str, str]:
        """How the same is asked for in an address."""
        days = {name: self.day(name).isoformat() for name in self.ordinary}
        return {"program": str(self.chosen.pk) if self.chosen else "", **days}

    def day(self, name: str) -> date:
        """A day that is asked for, or the ordinary one."""
        day: date = self.cleaned_data.get(name, self.ordinary[name])
        return day

    def clean(self) -> dict[str, Any]:
        latest = (self.now + AHEAD).date()
        for name in self.ordinary:
            day = self.cleaned_data.get(name)
            if day and not EARLIEST <= day <= latest:
                self.add_error(name, f"Choose a day from {EARLIEST} to {latest}.")
        return self.cleaned_data


class DayForm(ProgramForm):
    """A program at the end of a day."""

    as_of = day_field("At the end of")

    @property
    def ordinary(self) -> dict[str, date]:
        return {"as_of": self.today}


class DaysForm(ProgramForm):
    """A program from one day to another, the last one included."""

    since = day_field("From")
    until = day_field("To")

    @property
    def ordinary(self) -> dict[str, date]:
        return {"since": self.today.replace(day=1), "until": self.today}

    def clean(self) -> dict[str, Any]:
        told = super().clean()
        since, until = told.get("since"), told.get("until")
        if since and until and until < since:
            self.add_error("until", "The last day lies before the first one.")
        return told

    @property
    def period(self) -> tuple[datetime, datetime]:
        """The first instant, and the first that no longer belongs to it."""
        return in_zone(self.day("since"), self.day("until"), self.zone)


def in_zone(since: date, until: date, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """The instants of days in a zone: the first, and the first that no longer belongs to them."""
    if until < since:
        until = since
    return first_instant(since, zone), first_instant(until + timedelta(days=1), zone)
