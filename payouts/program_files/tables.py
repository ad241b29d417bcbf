"""
Which key of a program file is which column: one table, read in both directions.

An empty key is an empty text in a column of text. Lists that have rows of their own are not in these
tables: payouts.program_files.publication writes them, payouts.program_files.transcript reads them.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import time
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from django.db.models import Model

from payouts.rules.program_document import to_instant, to_moment
from payouts.rules.program_document.values import POINTS
from referrals.rules import money


class Meant(NamedTuple):
    """What one must know of the program to understand its amounts and dates."""

    currency: str
    zone: ZoneInfo


Translation = Callable[[Any, Meant], Any]


@dataclass(frozen=True)
class Column:
    """A key that is one column."""

    key: str
    name: str
    to_column: Translation
    to_key: Translation

    def columns(self, value: Any, meant: Meant) -> dict[str, Any]:
        """The column, as a row wants it."""
        return {self.name: self.to_column(value, meant)}

    def value(self, row: Model, meant: Meant) -> Any:
        """The value of the key, as a file has it."""
        return self.to_key(getattr(row, self.name), meant)


@dataclass(frozen=True)
class Choice:
    """A key that lists some words of a few; each word is a column of yes or no."""

    key: str
    names: Mapping[str, str]

    def columns(self, value: Any, meant: Meant) -> dict[str, Any]:
        """One column for each word."""
        return {name: word in value for word, name in self.names.items()}

    def value(self, row: Model, meant: Meant) -> Any:
        """The words that are chosen."""
        return [word for word, name in self.names.items() if getattr(row, name)]


@dataclass(frozen=True)
class PointOfMonth:
    """A key that is a day or business day of a month: a column for the kind, one for the number."""

    key: str

    def columns(self, value: Any, meant: Meant) -> dict[str, Any]:
        """The kind and the number."""
        [(kind, n)] = value.items()
        return {f"{self.key}_kind": POINTS[kind].value, f"{self.key}_n": n}

    def value(self, row: Model, meant: Meant) -> Any:
        """The one key that says both."""
        kind = getattr(row, f"{self.key}_kind")
        return {name: getattr(row, f"{self.key}_n") for name, point in POINTS.items() if point == kind}


Table = tuple[Column | Choice | PointOfMonth, ...]


def columns(table: Table, section: Mapping[str, Any], meant: Meant) -> dict[str, Any]:
    """The columns of the row that a section of a document becomes."""
    return {
        name: value for entry in table for name, value in entry.columns(section[entry.key], meant).items()
    }


def section(table: Table, row: Model, meant: Meant) -> dict[str, Any]:
    """The keys of the section that a row was."""
    return {entry.key: entry.value(row, meant) for entry in table}


def _as_it_is(key: str, name: str = "") -> Column:
    return Column(key, name or key, lambda value, _: value, lambda value, _: value)


def _or_empty(key: str, name: str = "") -> Column:
    return Column(key, name or key, lambda value, _: value or "", lambda value, _: value or None)


def _moment(key: str) -> Column:
    return Column(
        key,
        key,
        lambda value, meant: value and to_instant(value, meant.zone),
        lambda value, meant: value and to_moment(value, meant.zone),
    )


def _amount(key: str) -> Column:
    return Column(
        key,
        f"{key}_minor",
        lambda value, meant: None if value is None else money.to_minor(value, meant.currency),
        lambda value, meant: None if value is None else money.to_text(value, meant.currency),
    )


def _time_of_day(key: str) -> Column:
    return Column(
        key, key, lambda value, _: time.fromisoformat(value), lambda value, _: value.isoformat("minutes")
    )


TERMS: Table = (
    _as_it_is("version"),
    _moment("effective_from"),
    _as_it_is("referred_kind"),
    _as_it_is("enrollment", "enrollment_mode"),
    _moment("enrollment_closes_at"),
    _moment("earn_by"),
    _as_it_is("qualified_by"),
    _or_empty("expired_reason"),
    _as_it_is("stacking"),
    _as_it_is("clawback"),
    _as_it_is("quote"),
)

ATTRIBUTION: Table = (
    Choice("methods", {"LINK": "link_counts", "CODE": "code_counts", "MANUAL": "manual_counts"}),
    _as_it_is("touch"),
    _as_it_is("window_days"),
    _as_it_is("code_beats_link"),
    _as_it_is("old_links_work"),
    _as_it_is("old_codes_work"),
    _as_it_is("quote", "attribution_quote"),
)

EVIDENCE: Table = (_as_it_is("quote", "evidence_quote"),)

SELF_REFERRAL: Table = (
    _as_it_is("same_account"),
    _as_it_is("same_email"),
    _as_it_is("same_domain"),
    _or_empty("reason", "self_referral_reason"),
    _as_it_is("quote", "self_referral_quote"),
)

ELIGIBILITY: Table = (
    _as_it_is("code"),
    _as_it_is("attribute"),
    _as_it_is("operator"),
    _as_it_is("checked_at"),
    _or_empty("reason"),
    _as_it_is("quote"),
)

CRITERION: Table = (
    _as_it_is("code"),
    _as_it_is("source"),
    _or_empty("check", "check_kind"),
    Choice("match", {"HOST_ID": "match_host_account", "EMAIL": "match_email", "DOMAIN": "match_domain"}),
    Choice(
        "existing_kinds",
        {"ANY": "existing_any", "COMPANY": "existing_companies", "FREELANCER": "existing_freelancers"},
    ),
    _as_it_is("question"),
    _as_it_is("required"),
    _as_it_is("reason"),
    _as_it_is("quote"),
)

MILESTONE: Table = (
    _as_it_is("code"),
    _as_it_is("label"),
    _as_it_is("definition"),
    _as_it_is("funnel"),
    _as_it_is("quote"),
)

MILESTONE_TEST: Table = (
    _as_it_is("test", "kind"),
    _or_empty("product"),
    _or_empty("category"),
    _amount("at_least"),
    _moment("before"),
    _as_it_is("within_days"),
)

REWARD: Table = (
    _as_it_is("code"),
    _as_it_is("beneficiary"),
    _as_it_is("kind"),
    _amount("amount"),
    _as_it_is("quantity"),
    _or_empty("product"),
    _as_it_is("recurrence"),
    _as_it_is("each_month_on"),
    _as_it_is("cap"),
    _as_it_is("withdrawable"),
    _as_it_is("transferable"),
    _as_it_is("fee_exempt"),
    _as_it_is("quote"),
)

PAYOUT_SCHEDULE: Table = (
    _as_it_is("anchor"),
    _as_it_is("month_offset"),
    PointOfMonth("opens"),
    PointOfMonth("closes"),
    _or_empty("time_zone"),
    _as_it_is("condition"),
    _as_it_is("if_paused"),
    _as_it_is("if_past_due"),
    _amount("minimum"),
    _as_it_is("release"),
    _as_it_is("late_policy"),
    _as_it_is("quote"),
)

TAX_FORM: Table = (
    _amount("above"),
    _as_it_is("quote"),
)

CALLING: Table = (
    _time_of_day("opens"),
    _time_of_day("closes"),
    _as_it_is("max_attempts"),
    _as_it_is("give_up_after_business_days"),
    _as_it_is("unreachable_reason"),
    _as_it_is("quote"),
)

CALL_OUTCOME: Table = (
    _as_it_is("code"),
    _as_it_is("label"),
    _as_it_is("connected"),
    _as_it_is("final"),
    _as_it_is("retry_after_hours"),
    _as_it_is("next_step"),
)

REJECTION_REASON: Table = (
    _as_it_is("code"),
    _as_it_is("internal", "internal_text"),
    _as_it_is("public", "public_text"),
    _as_it_is("shown"),
    _as_it_is("reopenable"),
)

SHARE_TEXT: Table = (
    _as_it_is("language"),
    _as_it_is("channel"),
    _as_it_is("text"),
)
