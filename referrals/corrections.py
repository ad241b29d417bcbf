"""
Corrections: what a company told of itself is set right, with a reason, and looked at again.

Everything that follows from it follows anew: e-mail domain, the keys of name and phone, the time zone, the
flags, the automatic checks and the calling hours. What was there before stays readable. A refused account
stays refused: whether the checks pass now is told, and a senior reopens it.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

from django.contrib.auth.models import User
from django.db import transaction

from referrals import evidence, matches, reviews, screening
from referrals.models import Correction, ReferredAccount
from referrals.rules import identity
from referrals.rules.calling import zone_of
from referrals.rules.lifecycle import CLOSED, AccountStatus
from referrals.rules.refusal import Refused, WrongField
from referrals.rules.words import Kind, Result

FIELDS = (
    "company_name",
    "email",
    "website",
    "phone",
    "country",
    "registration",
    "contact",
    "time_zone",
    "kind",
)
"""What may be corrected, in the order in which it is shown."""
OF_PEOPLE = frozenset({"email", "phone", "contact"})
"""What reaches a person: shown to whoever may see that of the account."""
WHERE_IT_IS = frozenset({"phone", "country", "time_zone"})
"""What tells the clock of the company."""


class NotCorrectable(Refused):
    """Nothing is corrected about an account that is qualified, or about which a decision waits."""

    code = "not_correctable"


class NothingCorrected(Refused):
    """All of it is as it was."""

    code = "nothing_corrected"


class ReasonMissing(Refused):
    """A correction says why."""

    code = "reason_missing"


@transaction.atomic
def correct(
    account: ReferredAccount, *, told: Mapping[str, str], reason: str, by: User, at: datetime
) -> list[Correction]:
    """
    Set right what a company told of itself; what is told as it was is left alone.

    :param told: field to text, of ``FIELDS``
    :raises NotCorrectable: if the account is neither in review nor refused, or stays closed for good
    :raises LeaseOver: if it is in review and the person does not hold it any more
    :raises HeldBySomebody: if somebody else does
    :raises WrongField: if a text makes no sense
    :raises NothingCorrected: if all of it is as it was
    """
    account = _locked(account)
    refuse_wrong_time(account)
    reviews.refuse_without_lease(account, by, at=at)
    if not reason.strip():
        raise ReasonMissing("Say why this is corrected.")
    changes = _changes(account, told)
    if not changes:
        raise NothingCorrected("Nothing was changed: all of it is as it was.")
    before = {field: getattr(account, field) for field in changes}
    for field, value in changes.items():
        setattr(account, field, value)
    _follow(account, changes)
    account.save(update_fields=[*changes, "domain", "name_key", "phone_key", "time_zone"])
    rows = Correction.objects.bulk_create(
        Correction(
            account=account,
            field=field,
            old=before[field],
            new=value,
            reason=reason.strip(),
            corrected_by=by,
            corrected_at=at,
        )
        for field, value in changes.items()
    )
    was, known = matches.of(account), evidence.known(account)
    waived = {code for code, result in known.items() if result == Result.WAIVED}
    screening.look(account, at=at, waived=waived)
    if matches.corrected(account, was=was, fields=changes, by=by, at=at):
        reviews.hand_to_seniors(account, by=by)
    reviews.moved(account, at=at)
    return rows


def refuse_wrong_time(account: ReferredAccount) -> None:
    """
    Only what is in review, or closed and may be reopened, is corrected.

    :raises NotCorrectable: otherwise, with what helps
    """
    if account.pending_decision_id is not None:
        raise NotCorrectable(f"A decision about {account} waits: undo it to correct something.")
    if account.status in CLOSED:
        if account.rejection_reason is not None and not account.rejection_reason.reopenable:
            raise NotCorrectable(f"{account} stays closed: {account.rejection_reason.internal_text}")
    elif account.status != AccountStatus.IN_REVIEW:
        label = AccountStatus(account.status).label.lower()
        raise NotCorrectable(f"{account} is {label}: what it told is corrected while it is in review.")


def passes_now(account: ReferredAccount, known: Mapping[str, str]) -> bool:
    """
    An account that a check has refused would not be refused by any check now.

    :param known: the latest result of each criterion
    """
    good = {Result.PASS, Result.WAIVED}
    checks = [c for c in account.terms.criteria.all() if c.check_kind and c.required]
    reason = account.rejection_reason.code if account.rejection_reason else ""
    return any(c.reason == reason for c in checks) and all(known.get(c.code) in good for c in checks)


def _locked(account: ReferredAccount) -> ReferredAccount:
    # A decision swaps the row: it sees what is corrected here, or this sees the decision.
    rows = ReferredAccount.objects.select_for_update(of=("self",))
    joined = ["program", "terms__program", "enrollment__referrer", "rejection_reason"]
    return rows.select_related(*joined).get(pk=account.pk)


def _changes(account: ReferredAccount, told: Mapping[str, str]) -> dict[str, str]:
    """What is told differently, as it is kept; the country first, which reads the phone."""
    order = sorted(told, key=lambda field: (field != "country", field))
    values: dict[str, str] = {"country": account.country}
    for field in order:
        if field not in FIELDS:
            raise WrongField(field, "is nothing that can be corrected.")
        text = told[field].strip()
        if text == getattr(account, field):
            values[field] = text
            continue
        longest = ReferredAccount._meta.get_field(field).max_length  # type: ignore[union-attr]
        if longest is not None and len(text) > longest:
            raise WrongField(field, f"is longer than {longest} characters.")
        if any(ord(sign) < ord(" ") or sign == "\x7f" for sign in text):
            raise WrongField(field, "has signs that cannot be printed.")
        values[field] = KEPT_AS[field](text, values["country"]) if field in KEPT_AS and text else text
    return {field: value for field, value in values.items() if value != getattr(account, field)}


def _follow(account: ReferredAccount, changes: Mapping[str, str]) -> None:
    """Set what follows from what was corrected."""
    account.domain = identity.company_domain(account.email)
    account.name_key = identity.name_key(account.company_name)
    account.phone_key = identity.phone_key(account.phone, account.country)
    if "time_zone" not in changes and WHERE_IT_IS & set(changes):
        # A zone that somebody had set stays, unless the phone or country tells another one.
        account.time_zone = zone_of(phone=account.phone, country=account.country) or account.time_zone
    elif not account.time_zone:
        account.time_zone = zone_of(phone=account.phone, country=account.country)


def _email(text: str, country: str) -> str:
    email = identity.normalized_email(text)
    if not identity.is_valid_email(email):
        raise WrongField("email", "Write the whole address, such as anna@acme.example.")
    return email


def _website(text: str, country: str) -> str:
    address = identity.normalized_website(text)
    if not address:
        raise WrongField("website", "Write the address of a website, such as https://acme.example.")
    return address


def _phone(text: str, country: str) -> str:
    number = identity.normalized_phone(text, country)
    if not number:
        raise WrongField("phone", "Write the number with its country code, such as +49 30 123456.")
    return number


def _country(text: str, country: str) -> str:
    code = text.upper()
    if code not in identity.COUNTRIES:
        raise WrongField("country", "Write the two letters of the country, such as DE.")
    return code


def _time_zone(text: str, country: str) -> str:
    if text not in available_timezones():
        raise WrongField("time_zone", "Write the name of a time zone, such as Europe/Berlin.")
    return ZoneInfo(text).key


def _kind(text: str, country: str) -> str:
    if text not in {Kind.COMPANY, Kind.FREELANCER}:
        raise WrongField("kind", "is company or freelancer.")
    return text


KEPT_AS: Mapping[str, Callable[[str, str], Any]] = {
    "email": _email,
    "website": _website,
    "phone": _phone,
    "country": _country,
    "time_zone": _time_zone,
    "kind": _kind,
}
"""How a text is kept, by its field; it is read with the country."""
