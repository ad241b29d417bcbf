"""What the queue of the call desk is filtered and searched by; all of it stands in the address."""

from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from functools import reduce
from operator import and_
from typing import Any
from zoneinfo import ZoneInfo

import django_filters as filters
from django import forms
from django.contrib.auth.models import User
from django.db.models import Q, QuerySet
from django.utils import timezone
from django.utils.functional import cached_property

from referrals import board, reviews, scopes, search
from referrals.models import Enrollment, Program, Review
from referrals.names import of_program
from referrals.rules.languages import COUNTRIES, LANGUAGES, SPOKEN_IN
from referrals.rules.row_numbers import MOST
from referrals.rules.words import Word

SEE_CONTACT = "referrals.contact_referredaccount"


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


SAME_AS_THE_REFERRER = {
    Resemblance.ANY: "Any",
    Resemblance.ACCOUNT: "Same account as the referrer",
    Resemblance.EMAIL: "Same e-mail as the referrer",
    Resemblance.DOMAIN: "Same domain as the referrer",
}
WORK = {
    board.Work.CALLABLE: "Can be called now",
    board.Work.HELD: "Somebody works on it",
    board.Work.ASSIGNED: "Assigned to somebody",
    board.Work.NOBODYS: "Anybody's",
    board.Work.CALL_BACK_TODAY: "Call-back today",
    board.Work.CALL_BACK_DUE: "Call-back due now",
    board.Work.FOR_SENIOR: "For a senior",
}
"""How the work stands, as people say it; whatever is not named here cannot be chosen."""
USUAL = ["en", "de", "fr", "es", "pt", "it", "nl", "pl", "zh", "ja"]
"""Languages in which most companies are called; they stand before all others."""
USUAL_FIRST = sorted(LANGUAGES, key=lambda each: USUAL.index(each[0]) if each[0] in USUAL else len(USUAL))
FLAGGED = Q(account_match=True) | Q(email_match=True) | Q(domain_match=True)
"""What holds for accounts that look like their referrers."""
TRIES = [("0", "None"), ("1", "1"), ("2", "2"), ("3", "3 or more")]
THREE_OR_MORE = "3"
AGES = {"0-2": (0, 2), "3-5": (3, 5), "6-10": (6, 10), "11-20": (11, 20), "more": (21, None)}
"""Whole days that a company has waited, from and to."""
SHORT = {"class": "staff-input staff-short"}
NO_CHOICE = {"invalid_choice": "There is no “%(value)s” to choose here."}
NO_PROGRAM = {"invalid_choice": "There is no program “%(value)s” any more, or it is none of yours."}


class CountryField(forms.CharField):
    """The code of a country."""

    def clean(self, value: Any) -> str:
        code = str(super().clean(value)).strip().upper()
        if code and code not in COUNTRIES:
            raise forms.ValidationError(f"“{code}” is no country. Give its two letters, such as DE or US.")
        return code


class CountryFilter(filters.CharFilter):
    field_class = CountryField


class PersonFilter(filters.Filter):
    """The number of a person; what is none is told, before anything is counted with it."""

    field_class = forms.IntegerField


@dataclass(frozen=True, slots=True)
class Found:
    """The reviews that were asked for."""

    waiting: QuerySet[Review]
    """Of these, those that wait are looked at."""
    decided: QuerySet[Review]
    """Of these, those that were decided today."""


class ReviewFilter(filters.FilterSet):
    """Reviews by what a caller looks for."""

    q = filters.CharFilter(
        label="Company, domain, phone, referrer or code",
        method="search",
        widget=forms.TextInput({**SHORT, "data-key": "/", "size": 32}),
    )
    program = filters.ChoiceFilter(
        field_name="program__slug",
        label="Program",
        empty_label="All",
        error_messages=NO_PROGRAM,
        widget=forms.Select(SHORT),
    )
    country = CountryFilter(
        label="Country",
        method="by_country",
        widget=forms.TextInput({**SHORT, "size": 3, "maxlength": 2, "placeholder": "DE"}),
    )
    language = filters.ChoiceFilter(
        label="Language",
        method="by_language",
        choices=USUAL_FIRST,
        empty_label="All",
        error_messages=NO_CHOICE,
        widget=forms.Select(SHORT),
    )
    age = filters.ChoiceFilter(
        label="Days waiting",
        method="by_age",
        choices=[(age, age.replace("more", "21 or more")) for age in AGES],
        empty_label="All",
        error_messages=NO_CHOICE,
        widget=forms.Select(SHORT),
    )
    flag = filters.ChoiceFilter(
        label="Flag",
        method="by_flag",
        choices=[(flag.value, label) for flag, label in SAME_AS_THE_REFERRER.items()],
        empty_label="All",
        error_messages=NO_CHOICE,
        widget=forms.Select(SHORT),
    )
    tries = filters.ChoiceFilter(
        label="Tries",
        method="by_tries",
        choices=TRIES,
        empty_label="All",
        error_messages=NO_CHOICE,
        widget=forms.Select(SHORT),
    )
    holder = filters.ChoiceFilter(
        label="Holder",
        method="by_holder",
        choices=Holder.choices(),
        empty_label="All",
        error_messages=NO_CHOICE,
        widget=forms.Select(SHORT),
    )
    work = filters.ChoiceFilter(
        label="Work",
        method="by_work",
        choices=[(work.value, label) for work, label in WORK.items()],
        empty_label="All",
        error_messages=NO_CHOICE,
        widget=forms.Select(SHORT),
    )
    person = PersonFilter(
        label="Person", method="by_person", min_value=1, max_value=MOST, widget=forms.HiddenInput
    )
    referrer = filters.CharFilter(
        label="Referrer", method="by_referrer", widget=forms.TextInput({**SHORT, "size": 12})
    )

    class Meta:
        model = Review
        fields: list[str] = []

    def __init__(self, *args: Any, now: datetime, **more: Any) -> None:
        super().__init__(*args, **more)
        mine = scopes.within(Program.objects.all(), self.request.user, "pk")
        self.is_few = False
        self.about: list[Q] = []
        # Read once: the form asks for its choices when it checks them, and when it shows them.
        self.staffed = list(mine.filter(terms__qualified_by="STAFF").distinct().order_by("slug"))
        self.programs = [(program.slug, of_program(program)) for program in self.staffed]
        self.filters["program"].extra["choices"] = self.programs
        # The same instant, and today is the day that it has there.
        self.now = now.astimezone(self._zone_of(self.staffed))

    @property
    def is_narrowed(self) -> bool:
        """Something is filtered or searched by."""
        return any(self.form.cleaned_data.values()) if self.form.is_valid() else True

    @property
    def whose(self) -> User | None:
        """The person whose work is asked for."""
        number = self.form.cleaned_data.get("person") if self.form.is_valid() else None
        seen = scopes.colleagues(self.request.user)
        return None if number is None else User.objects.filter(seen, pk=number).first()

    @property
    def problems(self) -> list[str]:
        """What of the address makes no sense, each with the name of its field."""
        fields = self.form.fields
        return [f"{fields[name].label}: {error}" for name, told in self.form.errors.items() for error in told]

    def filter_queryset(self, queryset: QuerySet[Review]) -> QuerySet[Review]:
        """What was not understood finds nothing: half of what was asked for would look like all of it."""
        return queryset.none() if self.form.errors else super().filter_queryset(queryset)

    def search(self, found: QuerySet[Review], name: str, text: str) -> QuerySet[Review]:
        about = search.matching(text, by_contact=self.request.user.has_perm(SEE_CONTACT))
        # Looked for once, not with each question that is asked about them.
        numbers = search.at_work(about, decided_since=board.midnight(self.now))[: search.MOST_AT_WORK]
        self.is_few = True
        return found.filter(account__in=list(numbers))

    @cached_property
    def found(self) -> Found:
        """What was asked for of what waits, and of what is decided: each among its own accounts."""
        found = self.qs
        if not self.about:
            return Found(found, found)
        about = reduce(and_, self.about)
        # Nobody has that number: an OR keeps the database from beginning with all that somebody has brought.
        in_review = search.in_review(about | Q(pk__lt=0))
        decided = search.decided(about, since=board.midnight(self.now))
        return Found(found.filter(account__in=in_review), found.filter(account__in=decided))

    def by_country(self, found: QuerySet[Review], name: str, country: str) -> QuerySet[Review]:
        return self.of_accounts(found, Q(country=country))

    def of_accounts(self, found: QuerySet[Review], about: Q) -> QuerySet[Review]:
        """Reviews of accounts of which that holds; ``found`` asks for all of these together."""
        self.about.append(about)
        return found

    def by_language(self, found: QuerySet[Review], name: str, language: str) -> QuerySet[Review]:
        return self.of_accounts(found, Q(country__in=SPOKEN_IN[language]))

    def by_age(self, found: QuerySet[Review], name: str, age: str) -> QuerySet[Review]:
        first, last = AGES[age]
        found = found.filter(opened_at__lte=self.now - timedelta(days=first))
        return found if last is None else found.filter(opened_at__gt=self.now - timedelta(days=last + 1))

    def by_flag(self, found: QuerySet[Review], name: str, flag: str) -> QuerySet[Review]:
        raised = FLAGGED if flag == Resemblance.ANY else Q(**{f"{flag}_match": True})
        return self.of_accounts(found, raised)

    def by_tries(self, found: QuerySet[Review], name: str, tries: str) -> QuerySet[Review]:
        return found.filter(tries__gte=3) if tries == THREE_OR_MORE else found.filter(tries=tries)

    def by_holder(self, found: QuerySet[Review], name: str, holder: str) -> QuerySet[Review]:
        nobody, me = reviews.is_free(at=self.now), Q(holder=self.request.user)
        chosen = {Holder.NOBODY: nobody, Holder.ME: me & ~nobody, Holder.SOMEBODY_ELSE: ~nobody & ~me}
        return found.filter(chosen[Holder(holder)])

    def by_work(self, found: QuerySet[Review], name: str, work: str) -> QuerySet[Review]:
        return found.filter(board.condition(board.Work(work), at=self.now))

    def by_person(self, found: QuerySet[Review], name: str, person: int) -> QuerySet[Review]:
        work = self.form.cleaned_data["work"]
        if self.data.get("tab") == "decided":
            return found.filter(board.decided_by(person, at=self.now))
        if work:
            return found.filter(board.condition(board.Work(work), at=self.now, person=person))
        return found.filter(board.of_person(person, at=self.now))

    def _zone_of(self, programs: list[Program]) -> tzinfo:
        """The time zone of the programs that are looked at, if they have the same; else that of the site."""
        zone_of = {program.slug: program.time_zone for program in programs}
        chosen = self.data.get("program", "")
        zones = {zone_of[chosen]} if chosen in zone_of else set(zone_of.values())
        return ZoneInfo(zones.pop()) if len(zones) == 1 else timezone.get_current_timezone()

    def by_referrer(self, found: QuerySet[Review], name: str, text: str) -> QuerySet[Review]:
        named = Q(referrer__name__icontains=text) | Q(referrer__host_account=text)
        referrers = Enrollment.objects.filter(named).values("pk")
        return self.of_accounts(found, Q(enrollment__in=referrers))
