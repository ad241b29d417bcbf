"""
Finding companies among a million: by indexes, or in the small part of them that staff work on now.

Nobody counts or reads all accounts for a page. What is in review or was decided today may be searched for
any part of a name; in all of them a name is found by its beginning, a phone by its end.
"""

from datetime import datetime
from typing import Any

from django.db.models import Exists, OuterRef, Q, QuerySet

from referrals.models import Enrollment, Program, ReferralCode, ReferredAccount
from referrals.rules.identity import folded_code, name_key, normalized_email
from referrals.rules.lifecycle import AccountStatus

SHORTEST_NUMBER = 4
"""Fewer digits are no telephone number to search by."""
MOST_AT_WORK = 1_000
"""The same for what staff work on now."""
Numbers = QuerySet[ReferredAccount, Any]
"""Of accounts, their numbers alone."""
MOST = 1_000
"""So many are found by each way of looking; whoever finds more types more."""


def in_review(about: Q) -> Numbers:
    """
    Of the accounts in review, those of which that holds; for ``account__in``.

    A condition on the account of a review would let the database read all accounts.
    """
    accounts = ReferredAccount.objects.order_by()
    return accounts.filter(about, status=AccountStatus.IN_REVIEW).values_list("pk", flat=True)


def decided(about: Q, *, since: datetime) -> Numbers:
    """The same of the accounts that were decided since then."""
    accounts = ReferredAccount.objects.order_by()
    return accounts.filter(about, decisions__decided_at__gte=since).values_list("pk", flat=True)


def at_work(about: Q, *, decided_since: datetime) -> Numbers:
    """Of the accounts in review or decided since then, those of which that holds."""
    return in_review(about).union(decided(about, since=decided_since))


def matching(text: str, *, by_contact: bool) -> Q:
    """
    What holds for accounts that somebody looks for by that text.

    Company by the beginning of any of its words, domain, account, phone, referrer, code.

    :param by_contact: by phone and e-mail, too
    """
    text = text.strip()
    referrers = Q(referrer__name__icontains=text) | Q(referrer__host_account=text)
    codes = ReferralCode.objects.filter(folded=folded_code(text)).values("enrollment")
    found = (
        Q(host_account=text) | Q(domain__startswith=text.lower()) | brought_by(referrers | Q(pk__in=codes))
    )
    if named := _named(text):
        found |= named | Q(name_key__contains=f" {_words(text)}")
    if by_contact and (digits := _digits_backwards(text)):
        found |= Q(phone_key__contains=digits)
    if by_contact and "@" in text:
        found |= Q(email=normalized_email(text))
    return found


def brought_by(enrollments: Q) -> Q:
    """
    What holds for accounts of enrollments of which that holds.

    Asked of each account that is looked at, or of all enrollments before: the database chooses.
    """
    return Q(Exists(Enrollment.objects.filter(enrollments, pk=OuterRef("enrollment"))))


def anywhere(
    accounts: QuerySet[ReferredAccount], text: str, *, by_contact: bool
) -> QuerySet[ReferredAccount]:
    """
    Of all these accounts, those that are found by that text: at most a thousand by each way of looking.

    Each way has an index; one condition with OR between them would have none.

    :param by_contact: by phone and e-mail, too
    """
    text = text.strip()
    # The indexes of e-mails and domains begin with the program.
    programs = Program.objects.values_list("pk", flat=True)
    ways = [Q(host_account=text), Q(program__in=list(programs), domain=text.lower())]
    if named := _named(text):
        ways.append(named)
    if by_contact and (digits := _digits_backwards(text)):
        ways.append(Q(phone_key__startswith=digits))
    if by_contact and "@" in text:
        ways.append(Q(program__in=list(programs), email=normalized_email(text)))
    first, *others = [_first_of(accounts.filter(way)) for way in ways]
    return accounts.filter(pk__in=first.union(*others))


def _named(text: str) -> Q:
    """
    What holds for accounts whose name begins so; empty: it is no name.

    The index knows no legal form: who types one, or begins to, looks for the name as it is written.
    """
    words = _words(text)
    as_written = Q(name_key__startswith=name_key(words.rpartition(" ")[0]), company_name__istartswith=text)
    if words == name_key(text):
        return Q(name_key__startswith=words) | (as_written if " " in words else Q()) if words else Q()
    return as_written


def _words(text: str) -> str:
    """A text as names are compared, but for a legal form at its end, which stays."""
    return name_key(f"{text} x").removesuffix("x").strip()


def _first_of(accounts: QuerySet[ReferredAccount]) -> Numbers:
    """Some of them, in a form of which unions can be made."""
    some = accounts.order_by().values("pk")[:MOST]
    return ReferredAccount.objects.order_by().filter(pk__in=some).values("pk")


def _digits_backwards(text: str) -> str:
    """The digits of a number as ``phone_key`` holds them; empty: too few for a telephone number."""
    digits = "".join(sign for sign in text if sign.isdigit())
    # Dialled from inside a country a number begins with 0, which is left out from abroad.
    return digits.lstrip("0")[::-1] if len(digits) >= SHORTEST_NUMBER else ""
