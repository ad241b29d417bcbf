"""
What a worked case is made of: each key, the kind of its value, and what it is if left out.

The tables below are those of cases/README.md. Reading finds everything that is wrong with a
case at once; what is read is in canonical form: instants in UTC, amounts in minor units.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from payouts.rules.lifecycle import BonusStatus
from payouts.rules.program_document import Document, Problem, values
from payouts.rules.program_document.keys import Key, Keys, mapping
from payouts.rules.program_document.problems import BROKEN, Place, shown
from payouts.rules.program_document.values import Reader
from referrals.rules import money
from referrals.rules.facts import Activity, EventType
from referrals.rules.lifecycle import AccountStatus, EnrollmentStatus
from referrals.rules.words import Flag, RewardKind


@dataclass(frozen=True)
class Step:
    """One thing that happens; ``keys`` are what its function takes."""

    position: int
    at: datetime
    do: str
    keys: Mapping[str, Any]
    refused: str | None


@dataclass(frozen=True)
class Jobs:
    """When the daily jobs of a case run."""

    daily: bool = True
    at: tuple[datetime, ...] = ()
    down: tuple[tuple[datetime, datetime], ...] = ()
    """From, inclusive, and to, exclusive: no daily run in between, and one at the end."""


@dataclass(frozen=True)
class Case:
    """A story: who is there, what happens, and what must be seen at its end."""

    id: str
    document: Document
    referrers: Mapping[str, Mapping[str, Any]]
    existing_customers: tuple[Mapping[str, Any], ...]
    jobs: Jobs
    approves_at_once: bool
    steps: tuple[Step, ...]
    as_of: datetime
    expect: Mapping[str, Any]


# --- kinds of value --------------------------------------------------------------------------------------


def instant(value: Any, at: Place) -> Any:
    """A point in time with its offset; read as UTC."""
    try:
        if not isinstance(value, str):
            raise ValueError(value)
        read = datetime.fromisoformat(value)
        return (
            at.refuse(f"{shown(value)} has no offset") if read.utcoffset() is None else read.astimezone(UTC)
        )
    except (ValueError, OverflowError):
        return at.refuse(f"{shown(value)} is no instant such as 2026-03-01T09:00:00Z")


def utc_text(at: datetime) -> str:
    """An instant as the cases write it: in UTC, ending with Z."""
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")


def instant_as_text(value: Any, at: Place) -> Any:
    """An instant; compared as text in UTC."""
    read = instant(value, at)
    return read if read is BROKEN else utc_text(read)


def date_as_text(value: Any, at: Place) -> Any:
    """A date such as 2026-03-01."""
    try:
        return datetime.strptime(value, "%Y-%m-%d").date().isoformat()  # noqa: DTZ007  (a date, no instant)
    except (ValueError, TypeError):
        return at.refuse(f"{shown(value)} is no date such as 2026-03-01")


def _minor(*, positive: bool = False) -> Reader:
    read_amount = values.amount(positive=positive)

    def read(value: Any, at: Place) -> Any:
        text = read_amount(value, at)
        return text if text is BROKEN or at.currency is None else money.to_minor(text, at.currency)

    return read


def _balance(value: Any, at: Place) -> Any:
    """An amount that may be owed the other way."""
    owed = isinstance(value, str) and value.startswith("-")
    read = values.amount()(value[1:] if owed else value, at)
    return read if read is BROKEN else value


def _each(read_one: Reader) -> Reader:
    def read(value: Any, at: Place) -> Any:
        if not isinstance(value, list):
            return at.refuse(f"must be a list, not {shown(value)}")
        return [read_one(row, at.row(None, position)) for position, row in enumerate(value)]

    return read


def _by_name(read_name: Reader, read_one: Reader, *, nothing: bool = False) -> Reader:
    """A mapping from names; with ``nothing``, a name may have null."""

    def read(value: Any, at: Place) -> Any:
        if not isinstance(value, dict):
            return at.refuse(f"must be an object, not {shown(value)}")
        return {
            read_name(name, at.key(name)): None if nothing and one is None else read_one(one, at.key(name))
            for name, one in value.items()
        }

    return read


def _only_written(readers: Mapping[str, Reader], *, nothing: Mapping[str, Any] | None = None) -> Reader:
    """An object of which only the keys that are there matter; a null is ``None``, or what it stands for."""

    def read(value: Any, at: Place) -> Any:
        if not isinstance(value, dict):
            return at.refuse(f"must be an object, not {shown(value)}")
        result = {}
        for name, written in value.items():
            if name not in readers:
                at.key(name).refuse(f"is not known here; known are {', '.join(readers)}")
            elif written is None:
                result[name] = nothing[name] if nothing else None
            else:
                result[name] = readers[name](written, at.key(name))
        return result

    return read


def anything(value: Any, _: Place) -> Any:
    """What is for people, or is looked at elsewhere."""
    return value


def _text(at_most: int) -> Reader:
    return values.text(at_most=at_most, empty=True)


NAME = values.text(at_most=100)
SLUG = values.text(at_most=64)
WORDS = values.text(at_most=1_000)
ID = values.text(at_most=200)
TITLE = values.text(empty=True)
PROGRAM = values.text(at_most=500)
CHANGES = _by_name(values.text(), anything, nothing=True)

# --- who is there ----------------------------------------------------------------------------------------

REFERRER: Keys = (
    Key("kind", _text(32), "CLIENT"),
    Key("email", _text(254), ""),
    Key("country", _text(2), ""),
    Key("tier", _text(64), ""),
    Key("is_partner", values.yes_or_no, default=False),
    Key("marketing_opt_out", values.yes_or_no, default=False),
    Key("invited", values.yes_or_no, default=False),
    Key("withdrawal_minimum", _minor(), 0),
)

EXISTING_CUSTOMER: Keys = (
    Key("id", NAME),
    Key("email", _text(254), ""),
    Key("kind", _text(32), ""),
)

# --- what happens ----------------------------------------------------------------------------------------


def _check_sign_up(step: dict[str, Any], at: Place) -> None:
    _refuse_the_future(step, at)


def _check_event(step: dict[str, Any], at: Place) -> None:
    _refuse_the_future(step, at)
    currency, amount = step["currency"] or at.currency, step["amount"]
    step["amount_minor"] = 0
    if amount is not None and amount is not BROKEN and isinstance(currency, str):
        try:
            step["amount_minor"] = money.to_minor(amount, currency)
        except money.MoneyError as error:
            at.key("amount").refuse(str(error))
    step["currency"] = currency
    del step["amount"]


def _refuse_the_future(step: dict[str, Any], at: Place) -> None:
    if step["occurred_at"] is None:
        step["occurred_at"] = step["at"]
    elif BROKEN not in (step["occurred_at"], step["at"]) and step["occurred_at"] > step["at"]:
        at.key("occurred_at").refuse(f"{utc_text(step['occurred_at'])} is later than at")


_BY = Key("by", NAME)
_APPROVED_BY = Key("approved_by", NAME)
_ACCOUNT = Key("account", NAME)
_REFERRER = Key("referrer", SLUG)
_BONUS = (_ACCOUNT, Key("reward", SLUG), Key("period", _text(7), ""))
_AMOUNT = Key("amount", _minor(positive=True))

STEPS: Mapping[str, Keys] = {
    "open_link": (Key("link", SLUG), Key("visitor", _text(100), "")),
    "sign_up": (
        _ACCOUNT,
        Key("link", _text(100), ""),
        Key("code", _text(100), ""),
        Key("visitor", _text(100), ""),
        Key("kind", _text(10), ""),
        Key("company_name", _text(200), ""),
        Key("email", _text(254), ""),
        Key("website", _text(500), ""),
        Key("phone", _text(50), ""),
        Key("country", _text(2), ""),
        Key("contact", _text(200), ""),
        Key("occurred_at", instant, None),
    ),
    "event": (
        _ACCOUNT,
        Key("type", values.one_of(EventType)),
        Key("event_id", values.text(at_most=200), None),
        Key("occurred_at", instant, None),
        Key("amount", values.text(at_most=40), None),
        Key("currency", values.currency, None),
        Key("product", _text(64), ""),
        Key("category", _text(64), ""),
    ),
    "call": (_ACCOUNT, _BY, Key("outcome", SLUG)),
    "decide": (
        _ACCOUNT,
        _BY,
        Key("result", values.one_of((AccountStatus.QUALIFIED, AccountStatus.NOT_QUALIFIED))),
        Key("reason", SLUG, ""),
        Key("answers", _by_name(SLUG, values.one_of(("YES", "NO"))), None),
    ),
    "undo": (_ACCOUNT, _BY),
    "reopen": (_ACCOUNT, _BY, Key("note", WORDS)),
    "revoke": (_ACCOUNT, _BY, Key("reason", WORDS), Key("approved_by", NAME, None)),
    "waive": (_ACCOUNT, Key("criterion", SLUG), _BY, _APPROVED_BY, Key("note", WORDS)),
    "attribute": (_ACCOUNT, _REFERRER, _BY, _APPROVED_BY, Key("note", WORDS)),
    "hold": (*_BONUS, _BY, Key("reason", values.text(at_most=200))),
    "unhold": (*_BONUS, _BY),
    "change_referrer": (
        _REFERRER,
        Key(
            "set",
            _only_written(
                {key.name: key.read for key in REFERRER},
                nothing={key.name: key.default for key in REFERRER},
            ),
        ),
    ),
    "change_link": (_REFERRER, Key("link", SLUG)),
    "change_code": (_REFERRER, Key("code", SLUG)),
    "suspend": (_REFERRER, _BY, Key("reason", WORDS)),
    "resume": (_REFERRER, _BY),
    "run_jobs": (Key("times", values.number(least=1), 1),),
    "approve_batch": (Key("put_up_by", NAME), _APPROVED_BY),
    "reverse": (*_BONUS, _BY, _APPROVED_BY, Key("note", WORDS)),
    "withdraw": (_REFERRER, _AMOUNT),
    "spend": (_REFERRER, _AMOUNT, Key("service", values.text(at_most=200))),
    "transfer": (_REFERRER, _AMOUNT, Key("to", SLUG)),
}

_OF_EACH_STEP: Keys = (Key("at", instant), Key("do", values.one_of(STEPS)), Key("refused", SLUG, None))
_CHECKS_OF_STEPS: Mapping[str, Callable[[dict[str, Any], Place], None]] = {
    "sign_up": _check_sign_up,
    "event": _check_event,
}
_READ_STEPS = {
    name: mapping((*_OF_EACH_STEP, *keys), and_check=_CHECKS_OF_STEPS.get(name))
    for name, keys in STEPS.items()
}


def _step(value: Any, at: Place) -> Any:
    if not isinstance(value, dict):
        return at.refuse(f"must be an object, not {shown(value)}")
    name = value.get("do")
    if not isinstance(name, str) or name not in STEPS:
        # Of an unknown step nobody knows the keys, but the instant can be looked at.
        return mapping(_OF_EACH_STEP)({key: value.get(key) for key in ("at", "do", "refused")}, at)
    return _READ_STEPS[name](value, at)


def _jobs(value: Any, at: Place) -> Any:
    if value == "none":
        return Jobs(daily=False)
    if not isinstance(value, dict) or len(value) != 1:
        return at.refuse('must be "none", {"at": […]} or {"down": […]}')
    read = mapping((Key("at", _each(instant), None), Key("down", _each(mapping(_DOWN)), None)))(value, at)
    if read["at"] is not None:
        return read["at"] if read["at"] is BROKEN else Jobs(daily=False, at=tuple(read["at"]))
    if read["down"] is None or read["down"] is BROKEN:
        return BROKEN
    return Jobs(down=tuple((row["from"], row["to"]) for row in read["down"]))


_DOWN: Keys = (Key("from", instant), Key("to", instant))

# --- what must be seen -----------------------------------------------------------------------------------

ACCOUNT_SEEN: Mapping[str, Reader] = {
    "status": values.one_of(AccountStatus),
    "reason": SLUG,
    "referrer": SLUG,
    "flags": values.set_of(Flag, empty=True),
    "activity": values.one_of(Activity),
}
BONUS_SEEN: Mapping[str, Reader] = {
    "account": NAME,
    "reward": SLUG,
    "period": _text(7),
    "referrer": SLUG,
    "amount": values.amount(),
    "currency": values.currency,
    "kind": values.one_of(RewardKind),
    "activated_at": instant_as_text,
    "window_opens": date_as_text,
    "window_closes": date_as_text,
    "status": values.one_of(BonusStatus),
    "reason": SLUG,
    "held": values.text(at_most=200),
    "released_on": date_as_text,
    "days_late": values.number(least=0),
    "overdue_days": values.number(least=0),
}
BENEFIT_SEEN: Mapping[str, Reader] = {
    "account": NAME,
    "reward": SLUG,
    "kind": values.one_of(RewardKind),
    "amount": values.amount(),
    "quantity": values.number(least=0),
    "product": _text(64),
}
BALANCES_SEEN: Mapping[str, Reader] = {"balance": _balance, "credit": _balance, "cash": _balance}
EXCEPTIONS = ("REVOKED_AFTER_PAYOUT", "REFUND_AFTER_PAYOUT")
EXCEPTION_SEEN: Mapping[str, Reader] = {"type": values.one_of(EXCEPTIONS), "account": NAME, "reward": SLUG}

EXPECT: Mapping[str, Reader] = {
    "accounts": _by_name(NAME, _only_written(ACCOUNT_SEEN), nothing=True),
    "enrollments": _by_name(SLUG, values.one_of(EnrollmentStatus), nothing=True),
    "counters": _by_name(SLUG, _by_name(SLUG, values.number(least=0))),
    "bonuses": _each(_only_written(BONUS_SEEN)),
    "benefits": _each(_only_written(BENEFIT_SEEN)),
    "balances": _by_name(SLUG, _only_written(BALANCES_SEEN)),
    "exceptions": _each(_only_written(EXCEPTION_SEEN)),
    "explain": _by_name(NAME, SLUG, nothing=True),
}

CASE: Keys = (
    Key("id", ID),
    Key("title", TITLE, ""),
    Key("rules", anything, None),
    Key("choice", anything, None),
    Key("program", PROGRAM),
    Key("set", CHANGES, {}),
    Key("referrers", _by_name(SLUG, mapping(REFERRER)), {}),
    Key("existing_customers", _each(mapping(EXISTING_CUSTOMER)), []),
    Key("jobs", _jobs, Jobs()),
    Key("approvals", values.one_of(("automatic", "none")), "automatic"),
    Key("steps", _each(_step)),
    Key("as_of", instant),
    Key("expect", _only_written(EXPECT)),
)


def read(written: object, document: Document | None) -> tuple[Case | None, list[Problem]]:
    """
    The case, or everything that is wrong with it.

    :param document: its program; without one, amounts and names of the program are not looked at
    """
    top = Place(currency=document["program"]["currency"] if document else None)
    case = mapping(CASE)(written, top)
    if not top.problems:
        _check_order(case, top)
        _check_referrers(case, top)
        if document:
            _check_names_of_program(case, document, top)
    if top.problems or document is None:
        return None, top.problems
    return (
        Case(
            id=case["id"],
            document=document,
            referrers=case["referrers"],
            existing_customers=tuple(case["existing_customers"]),
            jobs=case["jobs"],
            approves_at_once=case["approvals"] == "automatic",
            steps=tuple(_to_step(position, step) for position, step in enumerate(case["steps"])),
            as_of=case["as_of"],
            expect=case["expect"],
        ),
        [],
    )


def _to_step(position: int, written: dict[str, Any]) -> Step:
    keys = {name: value for name, value in written.items() if name not in ("at", "do", "refused")}
    if written["do"] == "event" and keys["event_id"] is None:
        keys["event_id"] = f"steps[{position}] of the case"
    return Step(position, written["at"], written["do"], keys, written["refused"])


def _check_order(case: dict[str, Any], top: Place) -> None:
    before: datetime | None = None
    for step, at in _steps(case, top):
        if before is not None and step["at"] < before:
            at.key("at").refuse(f"{utc_text(step['at'])} is earlier than the step before")
        if step["at"] > case["as_of"]:
            at.key("at").refuse(f"{utc_text(step['at'])} is later than as_of")
        before = step["at"]


def _check_referrers(case: dict[str, Any], top: Place) -> None:
    named = [
        (step[key], at.key(key))
        for step, at in _steps(case, top)
        for key in ("referrer", "to")
        if key in step
    ]
    named += [
        (name, top.key("expect").key(section).key(name))
        for section in ("enrollments", "counters", "balances")
        for name in case["expect"].get(section, {})
    ]
    for name, at in named:
        if name not in case["referrers"]:
            at.refuse(f"there is no referrer {shown(name)}")


def _check_names_of_program(case: dict[str, Any], document: Document, top: Place) -> None:
    criteria = {row["code"] for row in document["criteria"]}
    outcomes = {row["code"] for row in document["call_outcomes"]}
    counted = {row["code"] for row in document["milestones"] if row["funnel"] is not None}
    for step, at in _steps(case, top):
        if step["do"] == "call" and step["outcome"] not in outcomes:
            at.key("outcome").refuse(f"there is no call outcome {shown(step['outcome'])}")
        if step["do"] == "waive" and step["criterion"] not in criteria:
            at.key("criterion").refuse(f"there is no criterion {shown(step['criterion'])}")
        if step["do"] == "decide":
            for code in step["answers"] or {}:
                if code not in criteria:
                    at.key("answers").key(code).refuse(f"there is no criterion {shown(code)}")
    for referrer, counters in case["expect"].get("counters", {}).items():
        for code in counters:
            if code not in counted:
                at = top.key("expect").key("counters").key(referrer).key(code)
                at.refuse("is no milestone with a funnel place")


def _steps(case: dict[str, Any], top: Place) -> list[tuple[dict[str, Any], Place]]:
    at = top.key("steps")
    return [(step, at.row(None, position)) for position, step in enumerate(case["steps"])]
