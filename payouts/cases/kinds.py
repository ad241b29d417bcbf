"""
The kinds of value that worked cases hold, beside those of program files.

A reader takes a value as it was written and gives it in canonical form, or refuses it at its place.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from payouts.rules.program_document import values
from payouts.rules.program_document.problems import BROKEN, Place, shown
from payouts.rules.program_document.values import Reader
from referrals.rules import money


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


def minor(*, positive: bool = False) -> Reader:
    """An amount of the program's currency; read as minor units."""
    read_amount = values.amount(positive=positive)

    def read(value: Any, at: Place) -> Any:
        text = read_amount(value, at)
        return text if text is BROKEN or at.currency is None else money.to_minor(text, at.currency)

    return read


def balance(value: Any, at: Place) -> Any:
    """An amount that may be owed the other way."""
    owed = isinstance(value, str) and value.startswith("-")
    read = values.amount()(value[1:] if owed else value, at)
    return read if read is BROKEN else value


def each(read_one: Reader) -> Reader:
    """A list, whose entries are told by their position."""

    def read(value: Any, at: Place) -> Any:
        if not isinstance(value, list):
            return at.refuse(f"must be a list, not {shown(value)}")
        return [read_one(row, at.row(None, position)) for position, row in enumerate(value)]

    return read


def by_name(read_name: Reader, read_one: Reader, *, nothing: bool = False) -> Reader:
    """A mapping from names; with ``nothing``, a name may have null."""

    def read(value: Any, at: Place) -> Any:
        if not isinstance(value, dict):
            return at.refuse(f"must be an object, not {shown(value)}")
        return {
            read_name(name, at.key(name)): None if nothing and one is None else read_one(one, at.key(name))
            for name, one in value.items()
        }

    return read


def only_written(readers: Mapping[str, Reader], *, nothing: Mapping[str, Any] | None = None) -> Reader:
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


def maybe_empty(at_most: int) -> Reader:
    """Text of at most so many characters, or none."""
    return values.text(at_most=at_most, empty=True)


NAME = values.text(at_most=100)
SLUG = values.text(at_most=64)
WORDS = values.text(empty=True)
ID = values.text(at_most=200)
PROGRAM = values.text(at_most=500)
CHANGES = by_name(values.text(), anything, nothing=True)
