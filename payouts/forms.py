"""What a referrer is asked on the own pages."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from django import forms

from payouts.own_withdrawals import Withdrawable
from referrals.models import Program
from referrals.rules import money
from referrals.rules.zones import local_date

EARLIEST = date(2000, 1, 1)


class PeriodForm(forms.Form):
    """From which day to which, the last one included, in the zone of the program; this year by default."""

    since = forms.DateField(label="From", widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"))
    until = forms.DateField(label="To", widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"))

    def __init__(self, asked: Mapping[str, Any], *, program: Program, now: datetime) -> None:
        self.today = local_date(now, ZoneInfo(program.time_zone))
        self.ordinary = {"since": self.today.replace(month=1, day=1), "until": self.today}
        super().__init__(
            {**self.ordinary, **{name: asked[name] for name in self.ordinary if asked.get(name)}}
        )
        self.full_clean()

    def clean(self) -> dict[str, Any]:
        for name in self.ordinary:
            day = self.cleaned_data.get(name)
            if day and not EARLIEST <= day <= self.today.replace(month=12, day=31):
                self.add_error(name, "Choose a day from the year 2000 to the end of this year.")
        since, until = self.cleaned_data.get("since"), self.cleaned_data.get("until")
        if since and until and until < since:
            self.add_error("until", "The last day lies before the first one.")
        return self.cleaned_data

    @property
    def days(self) -> tuple[date, date]:
        """The first and the last day; of days that make no sense, the ordinary ones."""
        if not self.is_valid():
            return self.ordinary["since"], self.ordinary["until"]
        return self.cleaned_data["since"], self.cleaned_data["until"]


class WithdrawalForm(forms.Form):
    """How much; with the balance that the referrer looked at."""

    amount = forms.CharField(max_length=30, label="Amount")
    seen = forms.RegexField(r"^-?[0-9]{1,20}$", strip=False, widget=forms.HiddenInput)

    def __init__(self, data: Any = None, *, there: Withdrawable) -> None:
        self.currency = there.currency
        amount = money.to_text(max(there.balance_minor, 0), there.currency)
        super().__init__(data, initial={"seen": str(there.balance_minor), "amount": amount})
        self.fields["amount"].widget.attrs.update({"inputmode": "decimal", "autocomplete": "off"})

    def clean_amount(self) -> int:
        """The amount in minor units: '20' and '20.5' are read; a comma means two things in two countries."""
        told = self.cleaned_data["amount"].strip()
        whole, _, rest = told.partition(".")
        places = money.decimals(self.currency)
        text = f"{whole}.{rest.ljust(places, '0')}" if places else told
        try:
            return money.to_minor(text, self.currency)
        except money.MoneyError:
            shown = money.to_text(100 * 10**places, self.currency)
            raise forms.ValidationError(f"Write an amount such as {shown}.", code="no_amount") from None

    def clean_seen(self) -> int:
        return int(self.cleaned_data["seen"])
