"""
What a worked case is made of: each key, the kind of its value, and what it is if left out.

The tables below are those of cases/README.md. Reading finds everything that is wrong with a
case at once; what is read is in canonical form: instants in UTC, amounts in minor units.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from payouts.cases import kinds
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


# --- who is there ----------------------------------------------------------------------------------------

REFERRER: Keys = (
    Key("kind", kinds.maybe_empty(32), "CLIENT"),
    Key("email", kinds.maybe_empty(254), ""),
    Key("country", kinds.maybe_empty(2), ""),
    Key("tier", kinds.maybe_empty(64), ""),
    Key("is_partner", values.yes_or_no, default=False),
    Key("marketing_opt_out", values.yes_or_no, default=False),
    Key("invited", values.yes_or_no, default=False),
    Key("withdrawal_minimum", kinds.minor(), 0),
)

EXISTING_CUSTOMER: Keys = (
    Key("id", kinds.NAME),
    Key("email", kinds.maybe_empty(254), ""),
    Key("kind", kinds.maybe_empty(32), ""),
)

# --- what happens ----------------------------------------------------------------------------------------


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
        at.key("occurred_at").refuse(f"{kinds.utc_text(step['occurred_at'])} is later than at")


_BY = Key("by", kinds.NAME)
_APPROVED_BY = Key("approved_by", kinds.NAME)
_ACCOUNT = Key("account", kinds.NAME)
_REFERRER = Key("referrer", kinds.SLUG)
_BONUS = (_ACCOUNT, Key("reward", kinds.SLUG), Key("period", kinds.maybe_empty(7), ""))
_AMOUNT = Key("amount", kinds.minor(positive=True))

STEPS: Mapping[str, Keys] = {
    "open_link": (Key("link", kinds.SLUG), Key("visitor", kinds.maybe_empty(100), "")),
    "sign_up": (
        _ACCOUNT,
        Key("link", kinds.maybe_empty(100), ""),
        Key("code", kinds.maybe_empty(100), ""),
        Key("visitor", kinds.maybe_empty(100), ""),
        Key("kind", kinds.maybe_empty(10), ""),
        Key("company_name", kinds.maybe_empty(200), ""),
        Key("email", kinds.maybe_empty(254), ""),
        Key("website", kinds.maybe_empty(500), ""),
        Key("phone", kinds.maybe_empty(50), ""),
        Key("country", kinds.maybe_empty(2), ""),
        Key("contact", kinds.maybe_empty(200), ""),
        Key("occurred_at", kinds.instant, None),
    ),
    "event": (
        _ACCOUNT,
        Key("type", values.one_of(EventType)),
        Key("event_id", values.text(at_most=200), None),
        Key("occurred_at", kinds.instant, None),
        Key("amount", values.text(at_most=40), None),
        Key("currency", values.currency, None),
        Key("product", kinds.maybe_empty(64), ""),
        Key("category", kinds.maybe_empty(64), ""),
    ),
    "call": (_ACCOUNT, _BY, Key("outcome", kinds.SLUG)),
    "decide": (
        _ACCOUNT,
        _BY,
        Key("result", values.one_of((AccountStatus.QUALIFIED, AccountStatus.NOT_QUALIFIED))),
        Key("reason", kinds.SLUG, ""),
        Key("answers", kinds.by_name(kinds.SLUG, values.one_of(("YES", "NO"))), None),
    ),
    "undo": (_ACCOUNT, _BY),
    "reopen": (_ACCOUNT, _BY, Key("note", kinds.WORDS)),
    "revoke": (_ACCOUNT, _BY, Key("reason", kinds.WORDS), Key("approved_by", kinds.NAME, None)),
    "waive": (_ACCOUNT, Key("criterion", kinds.SLUG), _BY, _APPROVED_BY, Key("note", kinds.WORDS)),
    "attribute": (_ACCOUNT, _REFERRER, _BY, _APPROVED_BY, Key("note", kinds.WORDS)),
    "hold": (*_BONUS, _BY, Key("reason", values.text(at_most=200))),
    "unhold": (*_BONUS, _BY),
    "change_referrer": (
        _REFERRER,
        Key(
            "set",
            kinds.only_written(
                {key.name: key.read for key in REFERRER},
                nothing={key.name: key.default for key in REFERRER},
            ),
        ),
    ),
    "change_link": (_REFERRER, Key("link", kinds.SLUG)),
    "change_code": (_REFERRER, Key("code", kinds.SLUG)),
    "suspend": (_REFERRER, _BY, Key("reason", kinds.WORDS)),
    "resume": (_REFERRER, _BY),
    "run_jobs": (Key("times", values.number(least=1), 1),),
    "approve_batch": (Key("put_up_by", kinds.NAME), _APPROVED_BY),
    "reverse": (*_BONUS, _BY, _APPROVED_BY, Key("note", kinds.WORDS)),
    "withdraw": (_REFERRER, _AMOUNT),
    "spend": (_REFERRER, _AMOUNT, Key("service", values.text(at_most=200))),
    "transfer": (_REFERRER, _AMOUNT, Key("to", kinds.SLUG)),
}

_OF_EACH_STEP: Keys = (
    Key("at", kinds.instant),
    Key("do", values.one_of(STEPS)),
    Key("refused", kinds.SLUG, None),
)
_CHECKS_OF_STEPS: Mapping[str, Callable[[dict[str, Any], Place], None]] = {
    "sign_up": _refuse_the_future,
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


_DOWN: Keys = (Key("from", kinds.instant), Key("to", kinds.instant))


def _jobs(value: Any, at: Place) -> Any:
    if value == "none":
        return Jobs(daily=False)
    if not isinstance(value, dict) or len(value) != 1:
        return at.refuse('must be "none", {"at": […]} or {"down": […]}')
    read = mapping(
        (Key("at", kinds.each(kinds.instant), None), Key("down", kinds.each(mapping(_DOWN)), None))
    )(value, at)
    if read["at"] is not None:
        return read["at"] if read["at"] is BROKEN else Jobs(daily=False, at=tuple(read["at"]))
    if read["down"] is None or read["down"] is BROKEN:
        return BROKEN
    return Jobs(down=tuple((row["from"], row["to"]) for row in read["down"]))


# --- what must be seen -----------------------------------------------------------------------------------

ACCOUNT_SEEN: Mapping[str, Reader] = {
    "status": values.one_of(AccountStatus),
    "reason": kinds.SLUG,
    "referrer": kinds.SLUG,
    "flags": values.set_of(Flag, empty=True),
    "activity": values.one_of(Activity),
}
BONUS_SEEN: Mapping[str, Reader] = {
    "account": kinds.NAME,
    "reward": kinds.SLUG,
    "period": kinds.maybe_empty(7),
    "referrer": kinds.SLUG,
    "amount": values.amount(),
    "currency": values.currency,
    "kind": values.one_of(RewardKind),
    "activated_at": kinds.instant_as_text,
    "window_opens": kinds.date_as_text,
    "window_closes": kinds.date_as_text,
    "status": values.one_of(BonusStatus),
    "reason": kinds.SLUG,
    "held": values.text(at_most=200),
    "released_on": kinds.date_as_text,
    "days_late": values.number(least=0),
    "overdue_days": values.number(least=0),
}
BENEFIT_SEEN: Mapping[str, Reader] = {
    "account": kinds.NAME,
    "reward": kinds.SLUG,
    "kind": values.one_of(RewardKind),
    "amount": values.amount(),
    "quantity": values.number(least=0),
    "product": kinds.maybe_empty(64),
}
BALANCES_SEEN: Mapping[str, Reader] = {
    "balance": kinds.balance,
    "credit": kinds.balance,
    "cash": kinds.balance,
}
EXCEPTIONS = ("REVOKED_AFTER_PAYOUT", "REFUND_AFTER_PAYOUT")
EXCEPTION_SEEN: Mapping[str, Reader] = {
    "type": values.one_of(EXCEPTIONS),
    "account": kinds.NAME,
    "reward": kinds.SLUG,
}

EXPECT: Mapping[str, Reader] = {
    "accounts": kinds.by_name(kinds.NAME, kinds.only_written(ACCOUNT_SEEN), nothing=True),
    "enrollments": kinds.by_name(kinds.SLUG, values.one_of(EnrollmentStatus), nothing=True),
    "counters": kinds.by_name(kinds.SLUG, kinds.by_name(kinds.SLUG, values.number(least=0))),
    "bonuses": kinds.each(kinds.only_written(BONUS_SEEN)),
    "benefits": kinds.each(kinds.only_written(BENEFIT_SEEN)),
    "balances": kinds.by_name(kinds.SLUG, kinds.only_written(BALANCES_SEEN)),
    "exceptions": kinds.each(kinds.only_written(EXCEPTION_SEEN)),
    "explain": kinds.by_name(kinds.NAME, values.text(at_most=200), nothing=True),
}

CASE: Keys = (
    Key("id", kinds.ID),
    Key("title", kinds.WORDS, ""),
    Key("rules", kinds.anything, None),
    Key("choice", kinds.anything, None),
    Key("program", kinds.PROGRAM),
    Key("set", kinds.CHANGES, {}),
    Key("referrers", kinds.by_name(kinds.SLUG, mapping(REFERRER)), {}),
    Key("existing_customers", kinds.each(mapping(EXISTING_CUSTOMER)), []),
    Key("jobs", _jobs, Jobs()),
    Key("approvals", values.one_of(("automatic", "none")), "automatic"),
    Key("steps", kinds.each(_step)),
    Key("as_of", kinds.instant),
    Key("expect", kinds.only_written(EXPECT)),
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
            at.key("at").refuse(f"{kinds.utc_text(step['at'])} is earlier than the step before")
        if step["at"] > case["as_of"]:
            at.key("at").refuse(f"{kinds.utc_text(step['at'])} is later than as_of")
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
