"""
The kinds of value that a program file holds.

A reader takes a value as it was written and gives it in canonical form, or refuses it at its place.
"""

import re
import zoneinfo
from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime
from functools import cache
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from payouts.rules.program_document.problems import BROKEN, Place, shown
from referrals.rules import money
from referrals.rules.words import PointKind
from referrals.rules.zones import first_instant

Reader = Callable[[Any, Place], Any]

CODE_LENGTH = 64
NAME_LENGTH = 200
ADDRESS_LENGTH = 500
TEXT_LENGTH = 10_000

# What a small whole number of the database holds.
COUNT_AT_MOST = 32_767
# Some 270 years: longer than any program, and an instant so many days from now can still be written.
DAYS_AT_MOST = 100_000
# What a whole number of the database holds.
NUMBER_AT_MOST = 2_147_483_647

POINTS = {"day": PointKind.DAY_OF_MONTH, "business_day": PointKind.BUSINESS_DAY}
LAST_POINT = {"day": 31, "business_day": 23}

_CODE = re.compile(r"[a-z0-9_-]+")
_CAPITAL_CODE = re.compile(r"[A-Z0-9_-]+")
_LANGUAGE = re.compile(r"[A-Za-z]{2,3}([-_][A-Za-z0-9]{2,8})*")
_TIME_OF_DAY = re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9]")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_TIME = r"[T ][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,6})?)?"
_LOCAL_TIME = re.compile(_DATE.pattern + _TIME)
_INSTANT = re.compile(_LOCAL_TIME.pattern + r"(Z|[+-][0-9]{2}:[0-9]{2}(:[0-9]{2})?)")
_HOST = re.compile(r"[^\s\\/@?#]+")
_NEVER_IN_TEXT = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff]")


def text(*, at_most: int = TEXT_LENGTH, empty: bool = False) -> Reader:
    """Text of at most so many characters."""

    def read(value: Any, at: Place) -> Any:
        if not isinstance(value, str):
            return at.refuse(f"must be text, not {shown(value)}{_in_quotes(value)}")
        if not empty and not value.strip():
            return at.refuse("must not be empty")
        if len(value) > at_most:
            return at.refuse(f"must be at most {at_most} characters long, and has {len(value)}")
        if odd := _NEVER_IN_TEXT.search(value):
            return at.refuse(f"must not hold the character {odd.group()!a}")
        return value

    return read


def code(value: Any, at: Place) -> Any:
    """The name of a row: lower-case letters, digits, ``-`` and ``_``."""
    return _matching(value, at, _CODE, "a code of lower-case letters, digits, - and _")


def capital_code(value: Any, at: Place) -> Any:
    """The name of a call outcome, in upper case."""
    return _matching(value, at, _CAPITAL_CODE, "a code of upper-case letters, digits, - and _")


def language(value: Any, at: Place) -> Any:
    """The language of a text, such as ``en`` or ``pt-BR``."""
    return _matching(value, at, _LANGUAGE, "a language such as en or pt-BR", at_most=16)


def time_of_day(value: Any, at: Place) -> Any:
    """A time such as ``"09:00"``."""
    return _matching(value, at, _TIME_OF_DAY, 'a time such as "09:00"')


def currency(value: Any, at: Place) -> Any:
    """An ISO 4217 code."""
    if isinstance(value, str) and value in money.MINOR_UNITS:
        return value
    return at.refuse(f"must be an ISO 4217 currency code such as USD, not {shown(value)}")


def time_zone(value: Any, at: Place) -> Any:
    """The IANA name of a time zone."""
    if isinstance(value, str) and value in known_time_zones():
        return value
    return at.refuse(f"must be an IANA time zone such as America/Los_Angeles, not {shown(value)}")


@cache
def known_time_zones() -> frozenset[str]:
    return frozenset(zoneinfo.available_timezones())


def landing_url(value: Any, at: Place) -> Any:
    """Where links lead: an https address with a host."""
    written = text(at_most=ADDRESS_LENGTH)(value, at)
    if written is BROKEN:
        return BROKEN
    try:
        parts = urlsplit(written)
        usable = parts.scheme == "https" and bool(parts.hostname) and _HOST.fullmatch(parts.netloc)
        _ = parts.port  # raises where it is no number
    except ValueError:
        usable = False
    if not usable or re.search(r"\s", written):
        return at.refuse(f"must be an address with a host that begins with https://, not {shown(value)}")
    return written


def number(*, least: int, most: int = COUNT_AT_MOST) -> Reader:
    """A whole number within bounds, both included."""

    def read(value: Any, at: Place) -> Any:
        if not _is_whole(value):
            return at.refuse(f"must be a whole number, not {shown(value)}")
        if not least <= value <= most:
            return at.refuse(f"must be from {least} to {most}, not {shown(value)}")
        return value

    return read


def first_or_last(value: Any, at: Place) -> Any:
    """1 is the first day of a month, -1 its last."""
    if _is_whole(value) and value in (1, -1):
        return value
    return at.refuse(f"must be 1 (the first day) or -1 (the last day), not {shown(value)}")


def format_version(value: Any, at: Place) -> Any:
    """The number of this file format."""
    return value if _is_whole(value) and value == 1 else at.refuse(f"must be 1, not {shown(value)}")


def yes_or_no(value: Any, at: Place) -> Any:
    return value if isinstance(value, bool) else at.refuse(f"must be true or false, not {shown(value)}")


def one_of(words: Iterable[str]) -> Reader:
    """One word of a closed list."""
    allowed = [str(word) for word in words]

    def read(value: Any, at: Place) -> Any:
        if isinstance(value, str) and value in allowed:
            return value
        return at.refuse(f"must be {_any_of(allowed)}, not {shown(value)}{_in_quotes(value)}")

    return read


def set_of(words: Iterable[str], *, empty: bool = False) -> Reader:
    """Some words of a closed list, in the order of that list."""
    allowed = [str(word) for word in words]
    read_all = list_of(one_of(allowed), empty=empty)

    def read(value: Any, at: Place) -> Any:
        chosen = read_all(value, at)
        return chosen if chosen is BROKEN else [word for word in allowed if word in chosen]

    return read


def list_of(read_one: Reader, *, empty: bool = False) -> Reader:
    """Values of one kind in the order of the file, each once."""

    def read(value: Any, at: Place) -> Any:
        if not isinstance(value, list):
            return at.refuse(f"must be a list, not {shown(value)}")
        if not value and not empty:
            return at.refuse("must not be empty")
        values = [read_one(each, at) for each in value]
        repeated = _repeated(values)
        for each in repeated:
            at.refuse(f"{shown(each)} stands there twice")
        return BROKEN if repeated or BROKEN in values else values

    return read


def amount(*, positive: bool = False) -> Reader:
    """An amount as text with exactly the decimals of the program's currency."""

    def read(value: Any, at: Place) -> Any:
        if not isinstance(value, str):
            return at.refuse(f'must be an amount as text in quotes such as "100.00", not {shown(value)}')
        if at.currency is None:
            return value
        try:
            minor = money.to_minor(value, at.currency)
        except money.MoneyError as error:
            return at.refuse(str(error))
        if positive and not minor:
            return at.refuse(f"must be more than zero, not {shown(value)}")
        return money.to_text(minor, at.currency)

    return read


def moment(value: Any, at: Place) -> Any:
    """A date, meant is its beginning in the program's zone, or an instant with its offset."""
    if isinstance(value, str) and _LOCAL_TIME.fullmatch(value):
        return at.refuse(f"needs its offset, such as {value}+00:00 or {value}-07:00")
    try:
        if not isinstance(value, str):
            raise ValueError(value)
        # Whether the text is a date or an instant, any zone shows.
        zone = at.zone or ZoneInfo("UTC")
        return to_moment(to_instant(value, zone), zone)
    except (ValueError, OverflowError):
        return at.refuse(
            "must be a date such as 2019-04-16, or an instant such as 2019-04-16T00:00:00-07:00, "
            f"not {shown(value)}"
        )


def to_instant(written: str, zone: ZoneInfo) -> datetime:
    """
    The instant (UTC) that a program file means by a date or an instant.

    :param zone: of the program; a date begins there
    :raises ValueError: if it is neither a date nor an instant with its offset
    :raises OverflowError: if it lies at the very end of the calendar
    """
    if _DATE.fullmatch(written):
        instant = first_instant(date.fromisoformat(written), zone)
    elif _INSTANT.fullmatch(written):
        instant = datetime.fromisoformat(written).astimezone(UTC)
    else:
        raise ValueError(f"{written!r} is neither a date nor an instant with its offset.")
    return instant


def to_moment(instant: datetime, zone: ZoneInfo) -> str:
    """An instant as a program file says it: a date if that day begins then, else with the zone's offset."""
    local = instant.astimezone(zone)
    if first_instant(local.date(), zone) == instant:
        return local.date().isoformat()
    return local.isoformat()


def point(value: Any, at: Place) -> Any:
    """A day or business day of a month; negative counts from its end."""
    if not isinstance(value, dict):
        return at.refuse(f"must be {{day: n}} or {{business_day: n}}, not {shown(value)}")
    given = {name: n for name, n in value.items() if n is not None}
    if unknown := [name for name in given if name not in POINTS]:
        for name in unknown:
            at.key(name).refuse("is not known here; a point is {day: n} or {business_day: n}")
        return BROKEN
    if len(given) != 1:
        return at.refuse("must be either {day: n} or {business_day: n}")
    [(name, n)] = given.items()
    last = LAST_POINT[name]
    if not _is_whole(n):
        return at.key(name).refuse(f"must be a whole number, not {shown(n)}")
    if n == 0 or abs(n) > last:
        return at.key(name).refuse(f"must be from 1 to {last}, or from -1 to -{last}, not {n}")
    return {name: n}


def share_text(value: Any, at: Place) -> Any:
    """A text with ``{link}`` where the link goes."""
    written = text()(value, at)
    if written is not BROKEN and "{link}" not in written:
        return at.refuse("must hold {link}, where the link goes")
    return written


def yes_no_or_text(value: Any, at: Place) -> Any:
    """What one attribute of a referrer is compared with."""
    if isinstance(value, bool):
        return value
    if not isinstance(value, str):
        return at.refuse(f"must be text, true or false, not {shown(value)}{_in_quotes(value)}")
    return text(at_most=100)(value, at)


def one_or_several(read_one: Reader) -> Reader:
    """One value, or a list of them."""
    read_list = list_of(read_one)

    def read(value: Any, at: Place) -> Any:
        return read_list(value, at) if isinstance(value, list) else read_one(value, at)

    return read


def _matching(
    value: Any, at: Place, pattern: re.Pattern[str], meant: str, *, at_most: int = CODE_LENGTH
) -> Any:
    if not isinstance(value, str) or not pattern.fullmatch(value):
        return at.refuse(f"must be {meant}, not {shown(value)}{_in_quotes(value)}")
    if len(value) > at_most:
        return at.refuse(f"must be at most {at_most} characters long, and has {len(value)}")
    return value


def _in_quotes(value: Any) -> str:
    """A hint: YAML reads NO as false and 2019 as a number."""
    return " (put it in quotes)" if isinstance(value, (bool, int, float)) else ""


def _any_of(words: list[str]) -> str:
    *others, last = words
    return f"{', '.join(others)} or {last}" if others else last


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _repeated(values: list[Any]) -> list[Any]:
    return [each for position, each in enumerate(values) if each is not BROKEN and each in values[:position]]
