"""
Companies that may be one: which look alike, and what people found when they compared them.

A likeness is a suggestion and decides nothing. Only somebody who has looked says that two are one company.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Model, OuterRef, Q, QuerySet, Subquery

from referrals import reviews, scopes
from referrals.models import Comparison, ExistingCustomer, Program, ReferredAccount, SignUp, Touch
from referrals.rules.identity import LOOK_ALIKE_FROM, name_likeness
from referrals.rules.lifecycle import AccountStatus
from referrals.rules.refusal import Refused
from referrals.rules.words import Check, Verdict

Row = TypeVar("Row", bound=Model)
Company = ReferredAccount | ExistingCustomer
Known = tuple[str, int]
"""A company that an account is compared with: the name of its kind, and its number."""

ACCOUNT, CUSTOMER = "account", "customer"
SHORTEST_NUMBER = 6
"""Fewer digits are no telephone number by which a company is known."""
BY_EACH = 20
"""So many companies are looked at that share an e-mail, a domain, a number: more are no likeness."""
BY_NAME = 150
"""So many are looked at whose names begin alike."""


class NotComparable(Refused):
    """The two are not two companies of one host."""

    code = "not_comparable"


class NeedsSenior(Refused):
    """Both are decided about: only a senior goes back to them."""

    code = "needs_senior"


@dataclass(frozen=True, slots=True)
class Alike:
    """A company that looks like an account."""

    company: Company
    same: tuple[str, ...]
    """What is the same, in words."""
    likeness: float
    """How alike the names are, 0 to 100."""

    @property
    def known(self) -> Known:
        return known(self.company)


def known(company: Company) -> Known:
    """How a company is named among those that an account is compared with."""
    return (CUSTOMER if isinstance(company, ExistingCustomer) else ACCOUNT), company.pk


def look_alikes(account: ReferredAccount, *, compared: Mapping[Known, str], seen_by: User) -> list[Alike]:
    """
    The companies that look like an account, the most alike first; two questions to the database.

    :param compared: what comparing has shown so far; these are among them, however little they look alike
    :param seen_by: accounts of programs that are not this person's are not there
    """
    accounts = _accounts(account, seen_by=seen_by)
    joined = ["program", "rejection_reason", "enrollment__referrer"]
    found: list[Company] = [
        *with_origin(_among(accounts, account, _numbers(compared, ACCOUNT))).select_related(*joined),
        *_among(
            ExistingCustomer.objects.filter(host=account.program.host_id),
            account,
            _numbers(compared, CUSTOMER),
        ),
    ]
    alike = [beside(account, other) for other in found]
    kept = [each for each in alike if each.same or each.likeness >= LOOK_ALIKE_FROM or each.known in compared]
    return sorted(kept, key=lambda each: (-len(each.same), -each.likeness, each.company.pk))


def with_origin(accounts: QuerySet[ReferredAccount]) -> QuerySet[ReferredAccount]:
    """
    Accounts with the code and link that came with their sign-up, and the link that was opened before.

    No joins: with a dozen tables PostgreSQL plans longer than it reads.
    """
    sign_up = SignUp.objects.filter(pk=OuterRef("sign_up"))
    touch = Touch.objects.filter(pk=OuterRef("touch"))
    return accounts.annotate(
        told_code=Subquery(sign_up.values("code")),
        told_link=Subquery(sign_up.values("link")),
        opened_link=Subquery(touch.values("link__text")),
        opened_at=Subquery(touch.values("touched_at")),
    )


def beside(account: ReferredAccount, other: Company) -> Alike:
    """A company as it stands beside an account."""
    return Alike(other, same_of(account, other), name_likeness(account.name_key, other.name_key))


def same_of(account: ReferredAccount, other: Company) -> tuple[str, ...]:
    """What an account shares with another company, in words; an empty field is shared with nobody."""
    pairs = {
        "e-mail": (account.email, other.email),
        "domain": (account.domain, other.domain),
        "phone": (account.phone_key, other.phone_key),
        "registration number": (account.registration, other.registration),
        "name": (account.name_key, other.name_key),
    }
    return tuple(word for word, (one, two) in pairs.items() if one and one == two)


def is_same_claim(account: ReferredAccount, other: Company, *, verdict: str | None) -> bool:
    """Does another account of the same program claim the same company?"""
    if not isinstance(other, ReferredAccount) or other.program_id != account.program_id:
        return False
    return verdict == Verdict.SAME or bool({"e-mail", "domain"} & set(same_of(account, other)))


def compared_with(account: ReferredAccount) -> dict[Known, str]:
    """What comparing an account has shown, from whichever side; the latest counts."""
    rows = Comparison.objects.filter(Q(account=account) | Q(other=account)).order_by("pk")
    return {
        (CUSTOMER, row.customer_id)
        if row.customer_id is not None
        else (ACCOUNT, row.account_id if row.other_id == account.pk else row.other_id or 0): row.verdict
        for row in rows
    }


def is_known(account: ReferredAccount) -> bool:
    """Somebody has compared it, and found it to be one that was known before it signed up."""
    same = [each for each, verdict in compared_with(account).items() if verdict == Verdict.SAME]
    # Of two that signed up at one instant, the one told first was earlier.
    earlier = Q(signed_up_at__lt=account.signed_up_at) | Q(
        signed_up_at=account.signed_up_at, pk__lt=account.pk
    )
    before = Q(customer_since__isnull=True) | Q(customer_since__lt=account.signed_up_at)
    return (
        ReferredAccount.objects.filter(earlier, pk__in=_numbers(same, ACCOUNT)).exists()
        or ExistingCustomer.objects.filter(before, pk__in=_numbers(same, CUSTOMER)).exists()
    )


def is_unnamed(account: ReferredAccount, *, reason: str) -> bool:
    """
    A reason says that the company is known, and nobody has found out as which.

    :param reason: code of a rejection reason of its terms
    """
    checks = [c for c in account.terms.criteria.all() if c.check_kind == Check.NEW_CUSTOMER]
    return any(c.reason == reason for c in checks) and not is_known(account)


def claims(
    account: ReferredAccount, alike: Iterable[Alike], *, compared: Mapping[Known, str]
) -> list[ReferredAccount]:
    """Of what looks alike, the accounts of the program that claim the same company, the earliest first."""
    others = [
        each.company
        for each in alike
        if isinstance(each.company, ReferredAccount)
        and is_same_claim(account, each.company, verdict=compared.get(each.known))
    ]
    return sorted(others, key=lambda other: (other.signed_up_at, other.pk))


def search(account: ReferredAccount, text: str, *, seen_by: User) -> list[Company]:
    """
    Companies of the host by what somebody was told on the phone, beside the account itself.

    :param text: an account at the host, an e-mail address, a domain or a registration number
    """
    text = text.strip()
    if not text:
        return []
    exactly = Q(host_account=text) | Q(email=text.lower()) | Q(domain=text.lower()) | Q(registration=text)
    accounts = _accounts(account, seen_by=seen_by).filter(exactly)
    customers = ExistingCustomer.objects.filter(exactly, host=account.program.host_id)
    return [*accounts.select_related("program")[:BY_EACH], *customers[:BY_EACH]]


def may_say(account: ReferredAccount, other: Company, person: User) -> bool:
    """Besides whoever has them: of two of which none is in review, only a senior says what they are."""
    return bool(_in_review(account, other)) or person.has_perm(reviews.SENIOR)


@transaction.atomic
def say(account: ReferredAccount, other: Company, *, verdict: Verdict, by: User, at: datetime) -> Comparison:
    """
    Keep what somebody who works on the companies says: whoever has those of them that are in review.

    A senior need not have the other one.

    :raises NeedsSenior: if none of the two is in review, and the person is no senior
    :raises LeaseOver: if nobody has one of them any more
    :raises HeldBySomebody: if somebody else has one of them
    :raises NotComparable: if the two are not two companies of one host
    """
    if not may_say(account, other, by):
        raise NeedsSenior("None of the two is in review: a senior says whether they are one company.")
    # In one order, whichever page it is said on: of two who hold each other up, neither would go on.
    for each in sorted(_in_review(account, other), key=lambda company: company.pk):
        if each.pk == account.pk or not by.has_perm(reviews.SENIOR):
            reviews.refuse_without_lease(each, by, at=at)
    return compare(account, other, verdict=verdict, by=by, at=at)


def _in_review(account: ReferredAccount, other: Company) -> list[ReferredAccount]:
    accounts = [account, other] if isinstance(other, ReferredAccount) else [account]
    return [each for each in accounts if each.status == AccountStatus.IN_REVIEW]


def compare(
    account: ReferredAccount, other: Company, *, verdict: Verdict, by: User, at: datetime
) -> Comparison:
    """
    Keep that somebody has looked at two companies, and whether they are one.

    :raises NotComparable: if it is the account itself, or belongs to another host
    """
    is_account = isinstance(other, ReferredAccount)
    host_id = other.program.host_id if isinstance(other, ReferredAccount) else other.host_id
    if host_id != account.program.host_id or (is_account and other.pk == account.pk):
        raise NotComparable(f"{account} is compared with another company of the same host.")
    return Comparison.objects.create(
        account=account,
        **{"other" if is_account else CUSTOMER: other},
        verdict=verdict,
        compared_by=by,
        compared_at=at,
    )


def _accounts(account: ReferredAccount, *, seen_by: User) -> QuerySet[ReferredAccount]:
    """The other accounts of the host, of the programs of whoever asks."""
    programs = Program.objects.filter(scopes.condition(seen_by, "pk"), host=account.program.host_id)
    return ReferredAccount.objects.filter(program__in=programs.values("pk")).exclude(pk=account.pk)


def _numbers(compared: Iterable[Known], kind: str) -> list[int]:
    return [number for each, number in compared if each == kind]


def _among(rows: QuerySet[Row], account: ReferredAccount, compared: list[int]) -> QuerySet[Row]:
    """
    Of these rows, those worth a look: each likeness asks its own index for a few.

    One condition with OR between them would let the database read the whole table.
    """
    wanted = [rows.filter(pk__in=compared).values("pk")] if compared else []
    wanted += [
        # SQLite takes no LIMIT inside of a UNION but in a question of its own.
        rows.model._default_manager.filter(pk__in=rows.filter(which).values("pk")[:most]).values("pk")
        for which, most in _likenesses(account)
    ]
    if not wanted:
        return rows.none()
    return rows.filter(pk__in=wanted[0].union(*wanted[1:]) if len(wanted) > 1 else wanted[0])


def _likenesses(account: ReferredAccount) -> Iterator[tuple[Q, int]]:
    """By what a company may be found, and how many of each are looked at."""
    if account.email:
        yield Q(email=account.email), BY_EACH
    if account.domain:
        yield Q(domain=account.domain), BY_EACH
    if len(account.phone_key) >= SHORTEST_NUMBER:
        yield Q(phone_key=account.phone_key), BY_EACH
    if account.registration:
        # Named as in the index, which leaves the empty ones out.
        yield Q(registration=account.registration) & ~Q(registration=""), BY_EACH
    if account.name_key:
        yield Q(name_key=account.name_key), BY_EACH
        # Where many names begin with the same word, those that go on alike are looked at in any case.
        word = account.name_key.split()[0]
        longer = account.name_key[: max(len(word), len(account.name_key) * 2 // 3)]
        for begins in dict.fromkeys([word, longer]):
            yield Q(name_key__startswith=begins), BY_NAME
