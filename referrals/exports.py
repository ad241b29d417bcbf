"""
Files that people take away: CSV and XLSX, one guard for spreadsheets, and a line in the log.

CSV is written while it is sent: days and instants are ISO 8601, amounts plain decimals with the currency in a
column of its own. XLSX is put together on the disk first, line by line: there amounts are numbers, days are
days, and text is never a formula.
"""

import csv
from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal

from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.auth.models import User
from django.contrib.contenttypes.models import ContentType
from django.db.models import Model
from django.http import StreamingHttpResponse

from referrals import workbooks
from referrals.rules.money import to_text
from referrals.rules.spreadsheets import as_cell, harmless

TABLES = {"csv": "CSV", "xlsx": "XLSX"}
"""The formats of a table, by what an address asks for."""
AT_ONCE = 1 << 16


class _Passed:
    """What the writer of CSV takes for a file: it hands each line back."""

    def write(self, line: str) -> str:
        return line


def decimal(minor: int, currency: str) -> Decimal:
    """An amount as a number with its currency's decimals, which no spreadsheet takes for a formula."""
    return Decimal(to_text(minor, currency))


def as_table(
    wanted: str, name: str, headings: Sequence[str], rows: Iterable[Sequence[object]]
) -> StreamingHttpResponse:
    """
    A table to download.

    :param wanted: one of ``TABLES``
    :param name: of the file, without what tells its format
    """
    write = {"csv": as_csv, "xlsx": as_xlsx}[wanted]
    return write(f"{name}.{wanted}", headings, rows)


def as_csv(name: str, headings: Sequence[str], rows: Iterable[Sequence[object]]) -> StreamingHttpResponse:
    """
    A CSV file to download.

    :param rows: read one by one while the file is sent
    """
    return as_file(name, _lines(headings, rows), content_type="text/csv; charset=utf-8")


def as_xlsx(name: str, headings: Sequence[str], rows: Iterable[Sequence[object]]) -> StreamingHttpResponse:
    """
    A workbook to download.

    :param rows: read one by one; none of them is kept in memory
    """
    return as_file(name, _workbook(headings, rows), content_type=workbooks.CONTENT_TYPE)


def as_file(name: str, lines: Iterable[str] | Iterable[bytes], *, content_type: str) -> StreamingHttpResponse:
    """A file to download, sent while it is written."""
    return StreamingHttpResponse(
        lines,
        content_type=content_type,
        headers={"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"},
    )


def log(user: User, *, of: str, told: str, row: Model | None = None) -> None:
    """
    Who took a copy of what, and when, stands in the log of the admin.

    :param row: whose history shows it, too
    """
    LogEntry.objects.create(
        user=user,
        action_flag=CHANGE,
        object_repr=of[:200],
        content_type=ContentType.objects.get_for_model(row) if row else None,
        object_id=str(row.pk) if row else None,
        change_message=f"Exported: {told}",
    )


def _workbook(headings: Sequence[str], rows: Iterable[Sequence[object]]) -> Iterator[bytes]:
    with workbooks.written(headings, rows) as file:
        while part := file.read(AT_ONCE):
            yield part


def _lines(headings: Sequence[str], rows: Iterable[Sequence[object]]) -> Iterator[str]:
    writer = csv.writer(_Passed())
    yield writer.writerow(headings)
    for row in rows:
        yield writer.writerow([harmless(as_cell(cell)) for cell in row])
