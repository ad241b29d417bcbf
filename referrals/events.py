"""
Facts from the host: stored once per event id for ever.

A fact may come before its account is known; it waits and is picked up when the account
appears. Storing one is all that happens here: what follows is worked out later.
"""

import hashlib
import json
from datetime import UTC, datetime

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import F

from referrals.models import AccountEvent, ApiClient, EventVoid, Program, ReferredAccount
from referrals.rules.facts import EventType
from referrals.rules.money import LARGEST_MINOR, MoneyError, decimals
from referrals.rules.refusal import Refused, WrongField, require_two_people


class EventIdConflict(Refused):
    """The event id is known, with other content."""

    code = "event_id_conflict"


class CurrencyMismatch(Refused):
    """None of the account's programs has the currency of the fact."""

    code = "currency_mismatch"


class AlreadyVoided(Refused):
    """The fact does not count any more."""

    code = "already_voided"


def record(
    client: ApiClient,
    *,
    event_id: str,
    host_account: str,
    type: str,
    occurred_at: datetime,
    received_at: datetime,
    amount_minor: int = 0,
    currency: str = "",
    product: str = "",
    category: str = "",
) -> tuple[AccountEvent, bool]:
    """
    Store a fact, and whether it is new.

    :param amount_minor: in minor units of the currency, never negative
    :raises WrongField: if a value makes no sense; ``field`` names it
    :raises EventIdConflict: if the id is known with other content
    :raises CurrencyMismatch: if it can never count: no program of the account has the currency
    """
    _refuse_nonsense(
        event_id, host_account, type, occurred_at, received_at, amount_minor, currency, product, category
    )
    content = {
        "host_account": host_account,
        "type": type,
        "occurred_at": occurred_at.astimezone(UTC).isoformat(),
        "amount_minor": amount_minor,
        "currency": currency,
        "product": product,
        "category": category,
    }
    body = hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
    known = AccountEvent.objects.filter(client=client, event_id=event_id).first()
    if known is None:
        _refuse_foreign_currency(client, host_account, currency)
        known, is_new = _store(client, event_id=event_id, received_at=received_at, body=body, content=content)
        if is_new:
            return known, True
    if known.body_sha256 != body:
        raise EventIdConflict(f"event_id: '{event_id}' is known with other content; nothing was stored.")
    return known, False


@transaction.atomic
def void(event: AccountEvent, *, by: User, approved_by: User, at: datetime) -> None:
    """
    Take a wrong fact out of account; the row stays, and says who did it.

    :raises SamePerson: if one person wants to do it alone
    :raises AlreadyVoided: if it does not count any more
    """
    require_two_people(by, approved_by)
    _, is_new = EventVoid.objects.get_or_create(
        event=event, defaults={"voided_by": by, "approved_by": approved_by, "voided_at": at}
    )
    if not is_new:
        raise AlreadyVoided(f"{event} does not count any more.")
    _mark_changed(event)


@transaction.atomic
def _store(
    client: ApiClient, *, event_id: str, received_at: datetime, body: str, content: dict[str, object]
) -> tuple[AccountEvent, bool]:
    # The unique key decides between two that arrive at once: the second finds the first.
    event, is_new = AccountEvent.objects.get_or_create(
        client=client,
        event_id=event_id,
        defaults={
            **content,
            "occurred_at": datetime.fromisoformat(str(content["occurred_at"])),
            "host_id": client.host_id,
            "received_at": received_at,
            "body_sha256": body,
        },
    )
    if is_new:
        _mark_changed(event)
    return event, is_new


def _mark_changed(event: AccountEvent) -> None:
    ReferredAccount.objects.filter(host_account=event.host_account, program__host=event.host_id).update(
        facts_changed=F("facts_changed") + 1
    )


def _refuse_foreign_currency(client: ApiClient, host_account: str, currency: str) -> None:
    """What no program of the account has can never count; while it is in none, what no program has at all."""
    if not currency:
        return
    accounts = ReferredAccount.objects.filter(host_account=host_account, program__host=client.host_id)
    currencies = set(accounts.values_list("program__currency", flat=True)) or set(
        Program.objects.filter(host=client.host_id).values_list("currency", flat=True)
    )
    if currencies and currency not in currencies:
        known = ", ".join(sorted(currencies))
        raise CurrencyMismatch(
            f"currency: '{currency}' is not a currency of {host_account}'s programs ({known})."
        )


def _refuse_nonsense(
    event_id: str,
    host_account: str,
    type: str,
    occurred_at: datetime,
    received_at: datetime,
    amount_minor: int,
    currency: str,
    product: str,
    category: str,
) -> None:
    if not event_id:
        raise WrongField("event_id", "is missing.")
    if not host_account:
        raise WrongField("account", "is missing.")
    for field, value, most in (
        ("event_id", event_id, 200),
        ("account", host_account, 100),
        ("product", product, 64),
        ("category", category, 64),
    ):
        if len(value) > most:
            raise WrongField(field, f"is longer than {most} characters.")
    if type not in EventType.values():
        raise WrongField("type", f"'{type}' is none of {', '.join(EventType.values())}.")
    if occurred_at.utcoffset() is None:
        raise WrongField("occurred_at", f"'{occurred_at.isoformat()}' has no offset.")
    if occurred_at > received_at:
        raise WrongField("occurred_at", f"'{occurred_at.isoformat()}' lies in the future.")
    if isinstance(amount_minor, bool) or not isinstance(amount_minor, int):
        raise WrongField("amount", f"{amount_minor!r} is not a whole number of minor units.")
    if not 0 <= amount_minor <= LARGEST_MINOR:
        raise WrongField("amount", f"{amount_minor} is negative or too large.")
    if amount_minor and not currency:
        raise WrongField("currency", "is missing: an amount needs its currency.")
    if currency:
        try:
            decimals(currency)
        except MoneyError as unknown:
            raise WrongField("currency", str(unknown)) from unknown
