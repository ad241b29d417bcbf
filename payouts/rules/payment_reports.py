"""
Reports about payments, as banks and payment services give them out: a CSV with a reference and a result.

The first line names the columns: ``reference``, ``result`` and, if there is one, ``detail``; others are
passed over. Commas, semicolons and tabs are understood.
"""

import csv
import io
from dataclasses import dataclass

from payouts.rules.lifecycle import Result
from referrals.rules.refusal import WrongField

MOST_BYTES = 1_500_000
LONGEST_REFERENCE = 100
LONGEST_RESULT = 40
LONGEST_DETAIL = 200

WORDS = {
    "CONFIRMED": Result.CONFIRMED,
    "COMPLETED": Result.CONFIRMED,
    "PAID": Result.CONFIRMED,
    "SUCCESS": Result.CONFIRMED,
    "FAILED": Result.FAILED,
    "REJECTED": Result.FAILED,
    "DENIED": Result.FAILED,
    "RETURNED": Result.RETURNED,
    "REFUNDED": Result.RETURNED,
}
"""What is written for a result, in capitals."""


@dataclass(frozen=True, slots=True)
class Told:
    """One line of a report."""

    number: int
    """Of the line in the file; the line of names is the first."""
    reference: str
    word: str
    """The result as it stands there."""
    detail: str = ""

    @property
    def result(self) -> Result | None:
        return WORDS.get(self.word.upper())


def read(content: bytes) -> list[Told]:
    """
    The lines of a report, none left out.

    :raises WrongField: if it is no such file: too large, no text, a column is missing, or it has no line
    """
    if len(content) > MOST_BYTES:
        raise WrongField("file", f"it is larger than {MOST_BYTES // 1_000} kB: divide it.")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as problem:
        raise WrongField("file", f"it is no text in UTF-8: byte {problem.start}.") from None
    if "\0" in text:
        raise WrongField("file", "it is no text: it holds zero bytes.")
    header = text.splitlines()[0] if text else ""
    separator = max(",;\t", key=header.count)
    try:
        rows = list(csv.reader(io.StringIO(text), delimiter=separator))
    except csv.Error as problem:
        raise WrongField("file", f"it is no CSV: {problem}.") from None
    names = [name.strip().lower() for name in rows[0]] if rows else []
    if missing := [name for name in ("reference", "result") if name not in names]:
        raise WrongField("file", f"its first line names no column '{missing[0]}'.")
    lines = [_told(number, names, row) for number, row in enumerate(rows[1:], start=2) if any(row)]
    if not lines:
        raise WrongField("file", "it has no line below the names of its columns.")
    return lines


def _told(number: int, names: list[str], row: list[str]) -> Told:
    cells = dict(zip(names, (cell.strip() for cell in row), strict=False))
    return Told(
        number=number,
        reference=cells.get("reference", "")[:LONGEST_REFERENCE],
        word=cells.get("result", "")[:LONGEST_RESULT],
        detail=cells.get("detail", "")[:LONGEST_DETAIL],
    )
