"""
The form of the hosted sign-up page: what a program's terms ask for, and a code that can be changed.

No JavaScript and no third party: what keeps bots out is a field that people do not see, and the time that a
form takes to be filled in.
"""

import secrets
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import phonenumbers
from babel import Locale
from django import forms
from django.core import signing

from referrals import links
from referrals.intake import SignUpTold
from referrals.models import Program, ReferralCode, SignUp, Terms
from referrals.rules.identity import (
    email_domain,
    folded_link,
    is_public_email_domain,
    is_valid_email,
    normalized_email,
    normalized_phone,
    normalized_website,
)
from referrals.rules.words import Check, Evidence, Kind

FASTEST_SECONDS = 2
"""Nobody fills the form in faster, unless a program of the browser does; then it is sent twice."""
SLOWEST_SECONDS = 24 * 60 * 60
SALT = "referrals.forms.SignUpForm"

LOOK_OVER = "Please look over what you wrote, and send it again."
PUBLIC_EMAIL = (
    "This is a public mail address. Please use your company's. If you have no other, send the form again"
    " as it is; we may then be unable to accept the sign-up."
)
UNKNOWN_CODE = "We do not know this code. Look at it again, or leave the field empty."


@dataclass(frozen=True)
class Asked:
    """How a piece of evidence is asked for."""

    label: str
    missing: str
    autocomplete: str
    help_text: str = ""
    inputmode: str = "text"


ASKED = {
    Evidence.COMPANY_NAME: Asked("Company", "Write the name of your company.", "organization"),
    Evidence.CONTACT: Asked("Your name", "Write your name.", "name"),
    Evidence.EMAIL: Asked("E-mail", "Write your e-mail address.", "email", inputmode="email"),
    Evidence.WEBSITE: Asked(
        "Website",
        "Write the address of your website.",
        "url",
        "For example https://acme.example",
        inputmode="url",
    ),
    Evidence.COUNTRY: Asked("Country", "Choose your country.", "country"),
    Evidence.PHONE: Asked(
        "Phone",
        "Write a phone number at which we reach you.",
        "tel",
        "With the country code, for example +49 30 123456",
        inputmode="tel",
    ),
}
"""In the order of the page: the country stands before the phone that it helps to read."""
LONGEST = {field.name: field.max_length for field in SignUp._meta.fields}

COMPANY_EMAIL_ONLY = (
    "Use your company's address: we cannot accept those of public mail services such as gmail.com."
)


class SignUpForm(forms.Form):
    """What a company or a freelancer tells of itself, and who brought it."""

    code = forms.CharField(
        label="Referral code",
        required=False,
        max_length=64,
        help_text="Who recommended us to you. You can change or remove it.",
        widget=forms.TextInput(
            attrs={"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"}
        ),
    )
    kind = forms.ChoiceField(
        label="You sign up as",
        choices=[(Kind.COMPANY.value, "a company"), (Kind.FREELANCER.value, "a freelancer")],
        widget=forms.RadioSelect,
        error_messages={"required": "Choose whether you sign up as a company or as a freelancer."},
    )
    # A trap: people do not see it. Its name is one that bots like and browsers do not fill in.
    subject = forms.CharField(label="Leave this empty", required=False, max_length=200)
    stamp = forms.CharField(required=False, max_length=500, widget=forms.HiddenInput)
    warned_of = forms.CharField(required=False, max_length=254, widget=forms.HiddenInput)

    def __init__(
        self,
        data: Any = None,
        *,
        program: Program,
        terms: Terms,
        at: datetime,
        came_by: str = "",
        **more: Any,
    ) -> None:
        """:param came_by: the link in the address of the page"""
        super().__init__(data, **more)
        self.program, self.terms, self.at, self.came_by = program, terms, at, came_by
        self.company_email_only = terms.criteria.filter(check_kind=Check.COMPANY_EMAIL).exists()
        self.nonce = self.link = self.typed = ""
        if terms.referred_kind != Kind.ANY:
            del self.fields["kind"]
        for name in self._evidence():
            self.fields[name] = self._field(name)
        if data is None:
            self.initial["stamp"] = _stamp(at)

    @property
    def is_a_bots(self) -> bool:
        """Has the field that people do not see been filled in?"""
        return bool(self.data.get(self.add_prefix("subject")))

    @property
    def shown(self) -> list[forms.BoundField]:
        """The fields that people fill in, in order."""
        names = [name for name in self.fields if name not in {"subject", "stamp", "warned_of", "code"}]
        return [self[name] for name in ["code", *names]]

    def told(self, *, visitor: str) -> SignUpTold:
        """
        What a valid form tells, of an account that the host does not know by any name yet.

        The name is the form's own number: sent twice, it is one sign-up.
        """
        evidence = {name.value: self.cleaned_data[name] for name in self._evidence()}
        return SignUpTold(
            host_account=f"web-{self.nonce}",
            occurred_at=self.at,
            visitor=visitor,
            link=self.link,
            code=self.typed,
            kind=self.cleaned_data.get("kind", ""),
            **evidence,
        )

    def clean_code(self) -> str:
        text: str = self.cleaned_data["code"]
        if text and folded_link(text) == folded_link(self.came_by):
            self.link = text
        elif text:
            meant = links.meant_by(text, program=self.program, terms=self.terms, at=self.at)
            if meant is None:
                raise forms.ValidationError(UNKNOWN_CODE)
            if isinstance(meant, ReferralCode):
                self.typed = text
            else:
                self.link = text
        return text

    def clean_email(self) -> str:
        email: str = self.cleaned_data["email"]
        if not is_valid_email(email):
            raise forms.ValidationError("Write the whole address, such as anna@acme.example.")
        warned = self.data.get(self.add_prefix("warned_of"), "")
        if (
            self.company_email_only
            and is_public_email_domain(email_domain(email))
            and normalized_email(warned) != normalized_email(email)
        ):
            self._replace("warned_of", email)
            raise forms.ValidationError(PUBLIC_EMAIL)
        return email

    def clean_website(self) -> str:
        text: str = self.cleaned_data["website"]
        address = normalized_website(text)
        if text and not address:
            raise forms.ValidationError("Write the address of your website, such as https://acme.example.")
        return address

    def clean_phone(self) -> str:
        text: str = self.cleaned_data["phone"]
        number = normalized_phone(text, self.cleaned_data.get("country"))
        if text and not number:
            raise forms.ValidationError("Write the number with its country code, such as +49 30 123456.")
        return number

    def clean(self) -> None:
        """Take the form's number, if it was shown neither a moment nor a day ago."""
        self.nonce, shown = _read_stamp(self.data.get(self.add_prefix("stamp"), ""))
        took = self.at.timestamp() - shown
        if took > SLOWEST_SECONDS:
            self._replace("stamp", _stamp(self.at))
        # With something else to mend the form is sent again in any case.
        if not FASTEST_SECONDS <= took <= SLOWEST_SECONDS and not self.errors:
            raise forms.ValidationError(LOOK_OVER)

    def _evidence(self) -> list[Evidence]:
        asked = set(self.terms.required_evidence.values_list("field", flat=True)) | {Evidence.EMAIL}
        if self.terms.referred_kind == Kind.COMPANY:
            asked.add(Evidence.COMPANY_NAME)
        return [name for name in ASKED if name in asked]

    def _field(self, name: Evidence) -> forms.Field:
        asked = ASKED[name]
        label, help_text = asked.label, asked.help_text
        if name is Evidence.EMAIL and self.company_email_only:
            label, help_text = "Work e-mail", COMPANY_EMAIL_ONLY
        attributes = {"autocomplete": asked.autocomplete}
        field: forms.Field
        if name is Evidence.COUNTRY:
            field = forms.ChoiceField(choices=[("", ""), *countries()], widget=forms.Select(attributes))
        else:
            attributes["inputmode"] = asked.inputmode
            field = forms.CharField(max_length=LONGEST[name.value], widget=forms.TextInput(attributes))
        field.label, field.help_text = label, help_text
        field.error_messages["required"] = asked.missing
        return field

    def _replace(self, name: str, value: str) -> None:
        """Let the form that is shown again carry another value than the one that was sent."""
        self.data = {key: self.data[key] for key in self.data} | {self.add_prefix(name): value}


def countries() -> list[tuple[str, str]]:
    """Countries with a telephone network, by name."""
    names = Locale("en").territories
    return sorted(((code, names[code]) for code in phonenumbers.SUPPORTED_REGIONS), key=lambda pair: pair[1])


def _stamp(at: datetime) -> str:
    return signing.dumps([secrets.token_hex(8), int(at.timestamp())], salt=SALT)


def _read_stamp(text: str) -> tuple[str, int]:
    """The form's own number and when it was shown: for ever ago, if it is not one of ours."""
    try:
        nonce, shown = signing.loads(text, salt=SALT)
    except signing.BadSignature:
        return "", 0
    return nonce, shown
