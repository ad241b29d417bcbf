"""What the queue of the call desk is filtered and searched by; all of it stands in the address."""

from datetime import datetime
from typing import Any

import django_filters as filters
from django import forms
from django.db.models import F, Q, QuerySet, Value
from django.db.models.functions import Replace

from referrals import reviews
from referrals.models import Program, ReferralCode, Review
from referrals.rules.words import Word

SEE_CONTACT = "referrals.contact_referredaccount"
SHORTEST_NUMBER = 4
"""Fewer digits are no telephone number to search by."""
WRITTEN_BETWEEN_DIGITS = " -()/.+"


class Resemblance(Word):
    """Which flag a company carries."""

    ANY = "any"
    ACCOUNT = "account"
    EMAIL = "email"
    DOMAIN = "domain"


class Holder(Word):
    """Who has a company."""

    ME = "me"
    SOMEBODY_ELSE = "somebody_else"
    NOBODY = "nobody"


FLAGGED = Q(account__account_match=True) | Q(account__email_match=True) | Q(account__domain_match=True)
TRIES = [("0", "None"), ("1", "1"), ("2", "2"), ("3", "3 or more")]
THREE_OR_MORE = "3"
SHORT = {"class": "staff-input staff-short"}


class ReviewFilter(filters.FilterSet):
    """Reviews by what a caller looks for."""

    q = filters.CharFilter(
        label="Company, domain, phone, referrer or code", method="search", widget=forms.TextInput(SHORT)
    )
    program = filters.ChoiceFilter(
        field_name="program__slug", label="Program", empty_label="All", widget=forms.Select(SHORT)
    )
    country = filters.CharFilter(
        field_name="account__country",
        lookup_expr="iexact",
        label="Country",
        widget=forms.TextInput({**SHORT, "size": 2, "maxlength": 2}),
    )
    flag = filters.ChoiceFilter(
        label="Flag",
        method="by_flag",
        choices=Resemblance.choices(),
        empty_label="All",
        widget=forms.Select(SHORT),
    )
    tries = filters.ChoiceFilter(
        label="Tries", method="by_tries", choices=TRIES, empty_label="All", widget=forms.Select(SHORT)
    )
    holder = filters.ChoiceFilter(
        label="Holder",
        method="by_holder",
        choices=Holder.choices(),
        empty_label="All",
        widget=forms.Select(SHORT),
    )
    referrer = filters.CharFilter(
        label="Referrer", method="by_referrer", widget=forms.TextInput({**SHORT, "size": 12})
    )

    class Meta:
        model = Review
        fields: list[str] = []

    def __init__(self, *args: Any, now: datetime, **more: Any) -> None:
        super().__init__(*args, **more)
        self.now = now
        staffed = Program.objects.filter(terms__qualified_by="STAFF").distinct().order_by("name", "slug")
        # Read once: the form asks for its choices when it checks them, and when it shows them.
        self.programs = [(program.slug, f"{program.name} ({program.slug})") for program in staffed]
        self.filters["program"].extra["choices"] = self.programs

    @property
    def is_narrowed(self) -> bool:
        """Something is filtered or searched by."""
        return any(self.form.cleaned_data.values()) if self.form.is_valid() else True

    def search(self, found: QuerySet[Review], name: str, text: str) -> QuerySet[Review]:
        text = text.strip()
        codes = ReferralCode.objects.filter(text__iexact=text)
        matches = (
            Q(account__company_name__icontains=text)
            | Q(account__domain__icontains=text)
            | Q(account__host_account=text)
            | Q(account__enrollment__referrer__name__icontains=text)
            | Q(account__enrollment__in=codes.values("enrollment"))
        )
        digits = "".join(sign for sign in text if sign.isdigit())
        if len(digits) >= SHORTEST_NUMBER and self.request.user.has_perm(SEE_CONTACT):
            found = found.alias(digits=_digits_of(F("account__phone")))
            # Dialled from inside a country a number begins with 0, which is left out from abroad.
            matches |= Q(digits__contains=digits.lstrip("0"))
        return found.filter(matches)

    def by_flag(self, found: QuerySet[Review], name: str, flag: str) -> QuerySet[Review]:
        raised = FLAGGED if flag == Resemblance.ANY else Q(**{f"account__{flag}_match": True})
        return found.filter(raised)

    def by_tries(self, found: QuerySet[Review], name: str, tries: str) -> QuerySet[Review]:
        return found.filter(tries__gte=3) if tries == THREE_OR_MORE else found.filter(tries=tries)

    def by_holder(self, found: QuerySet[Review], name: str, holder: str) -> QuerySet[Review]:
        nobody, me = reviews.is_free(at=self.now), Q(holder=self.request.user)
        chosen = {Holder.NOBODY: nobody, Holder.ME: me & ~nobody, Holder.SOMEBODY_ELSE: ~nobody & ~me}
        return found.filter(chosen[Holder(holder)])

    def by_referrer(self, found: QuerySet[Review], name: str, text: str) -> QuerySet[Review]:
        referrer = "account__enrollment__referrer"
        return found.filter(
            Q(**{f"{referrer}__name__icontains": text}) | Q(**{f"{referrer}__host_account": text})
        )


def _digits_of(phone: Any) -> Any:
    """A number without what is written between its digits."""
    for sign in WRITTEN_BETWEEN_DIGITS:
        phone = Replace(phone, Value(sign), Value(""))
    return phone
