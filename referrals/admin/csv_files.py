"""Files of comma-separated values: made harmless for the programs that open them, and logged."""

import csv
from collections.abc import Iterable, Sequence

from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.auth.models import User
from django.http import HttpResponse

from referrals.rules.spreadsheets import harmless


def as_csv(name: str, headings: Sequence[str], rows: Iterable[Sequence[object]]) -> HttpResponse:
    """
    A file to download; what begins like a formula is made plain text.

    :param name: of the file, without its ending
    """
    answer = HttpResponse(
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}.csv"'},
    )
    lines = csv.writer(answer)
    lines.writerow(headings)
    for row in rows:
        lines.writerow([harmless(cell) for cell in row])
    return answer


def log_export(user: User, of: str, told: str) -> None:
    """Who took a copy of what, and when, stands in the log of the admin."""
    LogEntry.objects.create(user=user, action_flag=CHANGE, object_repr=of, change_message=f"Exported: {told}")
