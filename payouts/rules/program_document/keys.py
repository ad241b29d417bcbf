"""
What a program file is made of: mappings with known keys, and lists of rows.

What is read has all keys, in the order of the table; a value that has been refused is ``BROKEN``.
"""

from collections.abc import Callable
from typing import Any, Final, NamedTuple

from payouts.rules.program_document.problems import BROKEN, Place, shown
from payouts.rules.program_document.values import Reader

REQUIRED: Final = object()


class Key(NamedTuple):
    """A key: how its value is read, and what it is if the file does not give it."""

    name: str
    read: Reader
    default: Any = REQUIRED


Keys = tuple[Key, ...]
RowCheck = Callable[[dict[str, Any], Place], None]


def mapping(keys: Keys, *, and_check: RowCheck | None = None) -> Reader:
    """A mapping of these keys; all of them are in what is read, in this order."""

    def read(value: Any, at: Place) -> dict[str, Any]:
        if not isinstance(value, dict):
            at.refuse(f"must be a mapping of keys, not {shown(value)}")
            return {key.name: BROKEN for key in keys}
        known = [key.name for key in keys]
        for name in value:
            if name not in known:
                at.key(name).refuse(f"is not known here; known are {', '.join(known)}")
        result = {key.name: _value_of(key, value, at.key(key.name)) for key in keys}
        if and_check:
            and_check(result, at)
        return result

    return read


def rows(
    keys: Keys, *, and_check: RowCheck | None = None, empty: bool = False, named_by_code: bool = True
) -> Reader:
    """A list of mappings; where they have codes, each code is used once."""
    read_row = mapping(keys, and_check=and_check)

    def read(value: Any, at: Place) -> Any:
        if not isinstance(value, list):
            return at.refuse(f"must be a list, not {shown(value)}")
        if not value and not empty:
            return at.refuse("must not be empty")
        result = [read_row(row, at.row(row, position)) for position, row in enumerate(value)]
        if named_by_code:
            refuse_repeated(result, at, "code")
        return result

    return read


def _value_of(key: Key, given: dict[str, Any], at: Place) -> Any:
    value = given.get(key.name)
    if value is not None:
        return key.read(value, at)
    if key.default is REQUIRED:
        return at.refuse("is required")
    # Each document has lists of its own.
    return list(key.default) if isinstance(key.default, list) else key.default


def refuse_repeated(written: list[dict[str, Any]], at: Place, name: str) -> None:
    """Refuse each value of a key that another row has already."""
    seen = set()
    for position, row in enumerate(written):
        value = row[name]
        if value is None or value is BROKEN:
            continue
        if value in seen:
            at.row(row, position).key(name).refuse(f"{shown(value)} is used twice")
        seen.add(value)


def is_empty(value: Any) -> bool:
    """Is it as if the key had been left out?"""
    return value is None or value in ("", [])


def wants(row: dict[str, Any], at: Place, names: list[str], because: str) -> None:
    """Refuse the row for each of these keys that it lacks."""
    for name in names:
        if is_empty(row[name]):
            at.key(name).refuse(f"is required {because}")


def takes_no(row: dict[str, Any], at: Place, names: list[str], because: str) -> None:
    """Refuse each of these keys that the row has."""
    for name in names:
        if not is_empty(row[name]):
            at.key(name).refuse(f"is not taken {because}")
