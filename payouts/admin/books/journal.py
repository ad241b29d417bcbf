"""The books to take away: the journal that beancount reads, or a list of transfers for a spreadsheet."""

from collections.abc import Iterator
from datetime import datetime
from typing import cast

from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponseBase
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils import timezone

from payouts import journal
from payouts.admin.books.forms import DaysForm
from payouts.admin.books.trial_balance import SEE
from payouts.trial_balance import INSTANT
from referrals import exports
from referrals.admin.base import Admin
from referrals.exports import decimal
from referrals.models import Program
from referrals.names import of_program

HEADINGS = [
    "Day",
    "Posted at",
    "Transfer",
    "Kind",
    "Cause",
    "Debit",
    "Credit",
    "Amount",
    "Currency",
    "Reverses",
]
FORMATS = {"journal": "Journal for beancount", "csv": "CSV for a spreadsheet", "xlsx": "XLSX workbook"}


class JournalPages(Admin):
    """Transfers, and the files that hold them."""

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.export_view)
        name = f"{self.opts.app_label}_{self.opts.model_name}_export"
        return [path("export/", view, name=name), *super().get_urls()]

    def export_view(self, request: HttpRequest) -> HttpResponseBase:
        """What is asked for, and the files; ``whole`` begins with the first transfer of all."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        user = cast(User, request.user)
        form = DaysForm(request.GET.dict(), person=user, now=timezone.now())
        program, wanted = form.chosen, request.GET.get("format", "")
        if program is not None and wanted in FORMATS and form.is_valid() and user.has_perm(SEE):
            begins, ends = form.period
            since = None if request.GET.get("whole") else begins
            return _file(user, program, wanted, since=since, ends=ends, named=_days(form, since))
        context = {
            **self.admin_site.each_context(request),
            "title": "Take the books away",
            "form": form,
            "program": program,
            "formats": FORMATS,
        }
        return TemplateResponse(request, "admin/payouts/books/export.html", context)


def _days(form: DaysForm, since: datetime | None) -> str:
    last = form.day("until")
    return f"{form.day('since')}-{last}" if since else f"up-to-{last}"


def _file(
    user: User, program: Program, wanted: str, *, since: datetime | None, ends: datetime, named: str
) -> HttpResponseBase:
    exports.log(user, of="Books", told=f"{of_program(program)}, {named}, {wanted}")
    name = f"books-{program.slug}-{named}"
    if wanted in exports.TABLES:
        return exports.as_table(wanted, name, HEADINGS, _rows(program, since=since, ends=ends))
    lines = journal.write(as_of=ends - INSTANT, programs=Program.objects.filter(pk=program.pk), since=since)
    return exports.as_file(f"{name}.beancount", lines, content_type="text/plain; charset=utf-8")


def _rows(program: Program, *, since: datetime | None, ends: datetime) -> Iterator[list[object]]:
    for row, day, debit, credit in journal.rows(program, as_of=ends - INSTANT, since=since):
        yield [
            day,
            row.posted_at,
            row.pk,
            row.get_kind_display(),
            journal.cause_of(row),
            debit,
            credit,
            decimal(row.amount_minor, row.currency),
            row.currency,
            row.reverses_id,
        ]
