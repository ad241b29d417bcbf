"""What is wrong with a program file, and where: everything at once, one line each."""

import re
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Any, Final, NamedTuple
from zoneinfo import ZoneInfo

LONGEST_SHOWN = 60

_NAME = re.compile(r"[A-Za-z0-9_-]+")


class Problem(NamedTuple):
    """One thing that is wrong; an empty path means the file as a whole."""

    path: str
    message: str

    def __str__(self) -> str:
        return f"{self.path}: {self.message}" if self.path else self.message


class Broken(Enum):
    """What stands for a value that has been refused, so that reading can go on."""

    BROKEN = "BROKEN"


BROKEN: Final = Broken.BROKEN


@dataclass(frozen=True)
class Place:
    """
    Where in a program file the reader is, and what it knows of the program there.

    ``currency`` and ``zone`` are ``None`` while the file names none that exists: then amounts
    and instants are looked at as far as that goes.
    """

    path: str = ""
    problems: list[Problem] = field(default_factory=list)
    currency: str | None = None
    zone: ZoneInfo | None = None

    def key(self, name: object) -> "Place":
        """A key of the mapping at this place."""
        return replace(self, path=f"{self.path}.{printable(name)}" if self.path else printable(name))

    def row(self, row: Any, position: int) -> "Place":
        """A row of the list at this place, named by its code, or by its position where it has none."""
        return replace(self, path=f"{self.path}[{row_name(row, position)}]")

    def refuse(self, message: str) -> Broken:
        """Note what is wrong here; what is returned stands for the value."""
        self.problems.append(Problem(self.path, message))
        return BROKEN


def row_name(row: Any, position: int) -> str:
    """The code by which a row is told from the others, else its position, counted from 0."""
    code = row.get("code") if isinstance(row, dict) else None
    return printable(code) if isinstance(code, str) and _NAME.fullmatch(code) else str(position)


def shown(value: object) -> str:
    """A value as a message names it: text in quotes, and never a page of it."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list):
        return "a list"
    return _cut(ascii(value) if not str(value).isprintable() else repr(value))


def printable(name: object) -> str:
    """A name from a file as it may stand in a line of output."""
    text = str(name)
    return _cut(text if text.isprintable() else ascii(text))


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST_SHOWN else f"{text[: LONGEST_SHOWN - 1]}…"
