"""
Facts from the host: stored once per event id for ever.

A fact may come before its account is known; it waits and is picked up when the account
appears. Storing one is all that happens here: what follows is worked out later.
"""

import hashlib
import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from operator import attrgetter

import psycopg
from django.contrib.auth.models import User
from django.db import InterfaceError, OperationalError, connection, transaction

from referrals import arrivals
from referrals.models import AccountEvent, ApiClient, EventVoid, Program, ReferredAccount
from referrals.rules.facts import EventType
from referrals.rules.money import LARGEST_MINOR, MoneyError, decimals
from referrals.rules.refusal import Refused, WrongField, require_two_people


class EventIdConflict(Refused):
    """The event id is known, with other content."""

    code = "event_id_conflict"
    field = "event_id"


class CurrencyMismatch(Refused):
    """None of the account's programs has the currency of the fact."""

    code = "currency_mismatch"
    field = "currency"


class AlreadyVoided(Refused):
    """The fact does not count any more."""

    code = "already_voided"


@dataclass(frozen=True, slots=True)
class EventTold:
    """A fact as the host tells it; its amount is in minor units of the currency, never negative."""

    event_id: str
    host_account: str
    type: str
    occurred_at: datetime
    amount_minor: int = 0
    currency: str = ""
    product: str = ""
    category: str = ""


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
    told = EventTold(event_id, host_account, type, occurred_at, amount_minor, currency, product, category)
    [outcome] = record_all(client, told=[told], received_at=received_at)
    if isinstance(outcome, Refused):
        raise outcome
    return AccountEvent.objects.get(client=client, event_id=event_id), outcome


def record_all(
    client: ApiClient, *, told: Sequence[EventTold], received_at: datetime
) -> list[bool | Refused]:
    """
    Store facts together, each for itself, as if they were told one after the other.

    Returns for each whether it is new, or the refusal that ``record`` would raise. What is returned is
    committed, unless the caller holds a transaction open.
    """
    outcomes: dict[int, bool | Refused] = {}
    contents: dict[int, str] = {}
    for place, fact in enumerate(told):
        try:
            _refuse_nonsense(fact, received_at)
        except WrongField as refusal:
            outcomes[place] = refusal
        else:
            contents[place] = _sha256(fact)

    # One round, unless an id comes twice and the first of that id is refused: then the id is still free.
    while waiting := [place for place in contents if place not in outcomes]:
        first = {told[place].event_id: place for place in reversed(waiting)}
        new = _store(client, {told[place]: contents[place] for place in first.values()}, received_at)
        known = {event_id: contents[first[event_id]] for event_id in new}
        if len(new) < len(first):
            known |= _contents_of(client, first.keys() - new)
        for place in waiting:
            fact, is_first = told[place], first[told[place].event_id] == place
            if is_first and fact.event_id in new:
                outcomes[place] = True
            elif fact.event_id in known:
                outcomes[place] = False if known[fact.event_id] == contents[place] else _conflict(fact)
            elif is_first:
                outcomes[place] = _currency_mismatch(client, fact)

    return [outcomes[place] for place in range(len(told))]


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
    arrivals.mark_changed(event.host_id, [event.host_account])


_ACCOUNTS = """
    SELECT 1 FROM referrals_referredaccount account
    JOIN referrals_program program ON program.id = account.program_id
    WHERE program.host_id = %s AND account.host_account = told.host_account"""

_PROGRAMS = "SELECT 1 FROM referrals_program program WHERE program.host_id = %s"

# Facts of one client whose ids are free and whose currency fits: one of the account's programs has it, or,
# while the account is in none, any program of the host.
_INSERT = f"""
    WITH told (event_id, host_account, type, occurred_at, amount_minor, currency, product, category,
        body_sha256) AS (VALUES {{rows}})
    INSERT INTO referrals_accountevent (client_id, host_id, received_at, event_id, host_account, type,
        occurred_at, amount_minor, currency, product, category, body_sha256)
    SELECT %s, %s, %s, told.* FROM told
    WHERE told.currency = ''
        OR EXISTS ({_ACCOUNTS} AND program.currency = told.currency)
        OR NOT EXISTS ({_ACCOUNTS}) AND (
            EXISTS ({_PROGRAMS} AND program.currency = told.currency) OR NOT EXISTS ({_PROGRAMS})
        )
    ON CONFLICT (client_id, event_id) DO NOTHING
    RETURNING event_id, host_account"""  # noqa: S608  names of our own

# PostgreSQL marks the accounts in the same statement, a transaction of its own: one way there and back. What
# it answers is of types that no migration changes, since a prepared statement could not follow.
_INSERT_AND_MARK = f"""
    WITH stored AS ({_INSERT})
    SELECT event_id::text, (SELECT {arrivals.MARK_CHANGED}(%s, array_agg(DISTINCT host_account)) FROM stored)
    FROM stored"""  # noqa: S608  names of our own
# Of a single fact there is nothing to gather.
_INSERT_AND_MARK_ONE = f"""
    WITH stored AS ({_INSERT})
    SELECT event_id::text, {arrivals.MARK_CHANGED}(%s, ARRAY[host_account]::text[]) FROM stored"""  # noqa: S608


Parameter = str | int | datetime | None


def _store(client: ApiClient, told: Mapping[EventTold, str], received_at: datetime) -> set[str]:
    """Store what is new and of a currency that fits, and have its accounts evaluated; the ids stored."""
    instant = connection.ops.adapt_datetimefield_value
    parameters: list[Parameter] = []
    # In the order of their ids: of two calls that tell the same facts, none waits for the other in a circle.
    for fact in sorted(told, key=attrgetter("event_id")):
        parameters += [
            fact.event_id,
            fact.host_account,
            fact.type,
            instant(fact.occurred_at),
            fact.amount_minor,
            fact.currency,
            fact.product,
            fact.category,
            told[fact],
        ]
    parameters += [client.pk, client.host_id, instant(received_at), *[client.host_id] * 4]
    rows = ", ".join(["(%s, %s, %s, %s, %s, %s, %s, %s, %s)"] * len(told))
    if connection.vendor == "postgresql":
        is_one = len(told) == 1
        statement = (_INSERT_AND_MARK_ONE if is_one else _INSERT_AND_MARK).format(rows=rows)
        return _stored_by_postgres(statement, [*parameters, client.host_id], prepare=is_one)
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(_INSERT.format(rows=rows), parameters)
        stored = cursor.fetchall()
        arrivals.mark_changed(client.host_id, {host_account for _, host_account in stored})
    return {event_id for event_id, _ in stored}


def _stored_by_postgres(statement: str, parameters: list[Parameter], *, prepare: bool) -> set[str]:
    """
    Execute the statement, and anew on a new connection if this one turns out to be dead.

    What is told twice counts once: so nobody needs to ask first whether the connection lives, as Django does,
    which costs a trip to the database of its own.
    """
    may_try_again = not connection.in_atomic_block
    while True:
        connection.ensure_connection()
        try:
            with connection.wrap_database_errors, psycopg.Cursor(connection.connection) as cursor:
                # Prepared, since to plan this statement costs four times as much as to execute it.
                cursor.execute(statement, parameters, prepare=prepare)
                return {event_id for event_id, _ in cursor.fetchall()}
        except (OperationalError, InterfaceError):
            if not may_try_again or not connection.connection.closed:
                raise
            may_try_again = False
            connection.close()


def _contents_of(client: ApiClient, event_ids: Collection[str]) -> dict[str, str]:
    """What is known under these ids."""
    rows = AccountEvent.objects.filter(client=client, event_id__in=event_ids)
    return dict(rows.values_list("event_id", "body_sha256"))


def _sha256(fact: EventTold) -> str:
    content = {
        "host_account": fact.host_account,
        "type": fact.type,
        "occurred_at": fact.occurred_at.astimezone(UTC).isoformat(),
        "amount_minor": fact.amount_minor,
        "currency": fact.currency,
        "product": fact.product,
        "category": fact.category,
    }
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def _conflict(fact: EventTold) -> EventIdConflict:
    return EventIdConflict(f"event_id: '{fact.event_id}' is known with other content; nothing was stored.")


def _currency_mismatch(client: ApiClient, fact: EventTold) -> CurrencyMismatch:
    accounts = ReferredAccount.objects.filter(host_account=fact.host_account, program__host=client.host_id)
    currencies = set(accounts.values_list("program__currency", flat=True)) or set(
        Program.objects.filter(host=client.host_id).values_list("currency", flat=True)
    )
    known = ", ".join(sorted(currencies))
    return CurrencyMismatch(
        f"currency: '{fact.currency}' is not a currency of {fact.host_account}'s programs ({known})."
    )


def _refuse_nonsense(fact: EventTold, received_at: datetime) -> None:
    if not fact.event_id:
        raise WrongField("event_id", "is missing.")
    if not fact.host_account:
        raise WrongField("account", "is missing.")
    for field, value, most in (
        ("event_id", fact.event_id, 200),
        ("account", fact.host_account, 100),
        ("product", fact.product, 64),
        ("category", fact.category, 64),
    ):
        if len(value) > most:
            raise WrongField(field, f"is longer than {most} characters.")
    if fact.type not in EventType.values():
        raise WrongField("type", f"'{fact.type}' is none of {', '.join(EventType.values())}.")
    if fact.occurred_at.utcoffset() is None:
        raise WrongField("occurred_at", f"'{fact.occurred_at.isoformat()}' has no offset.")
    if fact.occurred_at > received_at:
        raise WrongField("occurred_at", f"'{fact.occurred_at.isoformat()}' lies in the future.")
    if isinstance(fact.amount_minor, bool) or not isinstance(fact.amount_minor, int):
        raise WrongField("amount", f"{fact.amount_minor!r} is not a whole number of minor units.")
    if not 0 <= fact.amount_minor <= LARGEST_MINOR:
        raise WrongField("amount", f"{fact.amount_minor} is negative or too large.")
    if fact.amount_minor and not fact.currency:
        raise WrongField("currency", "is missing: an amount needs its currency.")
    if fact.currency:
        try:
            decimals(fact.currency)
        except MoneyError as unknown:
            raise WrongField("currency", str(unknown)) from unknown
