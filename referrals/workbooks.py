"""
Tables as XLSX workbooks, written to the disk line by line: a million lines need no more memory than one.

The same lines come out as the same bytes: nothing in a workbook tells when it was made.
"""

from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from tempfile import TemporaryFile
from typing import IO, Any

import xlsxwriter

CONTENT_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
LINES_OF_A_SHEET = 1_048_575
"""Besides its headings; what does not fit goes on on another sheet."""
NO_DAY = datetime(2000, 1, 1)  # noqa: DTZ001  the format knows no zones
WIDTH = 16


def written(
    headings: Sequence[str], rows: Iterable[Sequence[object]], *, most: int = LINES_OF_A_SHEET
) -> IO[bytes]:
    """
    A workbook of these rows, to be read from its beginning.

    Decimals become numbers that show their decimals, days become days, instants are told in UTC, all else is
    text.

    :param most: lines of a sheet
    """
    file = TemporaryFile()  # noqa: SIM115  whoever reads it closes it
    with xlsxwriter.Workbook(file, {"constant_memory": True}) as book:
        book.set_properties({"created": NO_DAY})
        sheets = _Sheets(book, headings, most)
        for row in rows:
            sheets.write(row)
    file.seek(0)
    return file


class _Sheets:
    """The sheets of a workbook; each begins with the headings."""

    def __init__(self, book: Any, headings: Sequence[str], most: int) -> None:
        self._book, self._headings, self._most = book, headings, most
        self._formats: dict[str, Any] = {}
        self._bold = book.add_format({"bold": True})
        self._begin()

    def write(self, row: Sequence[object]) -> None:
        if self._line > self._most:
            self._begin()
        for column, cell in enumerate(row):
            self._write(column, cell)
        self._line += 1

    def _begin(self) -> None:
        self._sheet, self._line = self._book.add_worksheet(), 1
        self._sheet.set_column(0, max(0, len(self._headings) - 1), WIDTH)
        self._sheet.freeze_panes(1, 0)
        for column, heading in enumerate(self._headings):
            self._sheet.write_string(0, column, heading, self._bold)

    def _write(self, column: int, cell: object) -> None:
        place = self._line, column
        match cell:
            case None | "":
                pass
            case Decimal() if _is_exact(cell):
                decimals = max(0, -int(cell.as_tuple().exponent))
                shown = "#,##0" + ("." + "0" * decimals if decimals else "")
                self._sheet.write_number(*place, float(cell), self._format(shown))
            case int() if not isinstance(cell, bool) and _is_exact(Decimal(cell)):
                self._sheet.write_number(*place, cell, self._format("0"))
            case datetime():
                instant = cell.astimezone(UTC).replace(tzinfo=None)
                self._sheet.write_datetime(*place, instant, self._format('yyyy-mm-dd hh:mm:ss "UTC"'))
            case date():
                self._sheet.write_datetime(*place, cell, self._format("yyyy-mm-dd"))
            case _:
                # Never ``write``: it takes what begins with an equals sign for a formula.
                self._sheet.write_string(*place, str(cell))

    def _format(self, shown: str) -> Any:
        if shown not in self._formats:
            self._formats[shown] = self._book.add_format({"num_format": shown})
        return self._formats[shown]


def _is_exact(number: Decimal) -> bool:
    """A spreadsheet calculates with fifteen digits: what has more is told as text, with all of them."""
    return len(number.as_tuple().digits) <= 15
