"""The statement of one account of the books: what it held, every transfer with its cause, what it holds."""

from collections.abc import Iterator
from datetime import date
from typing import cast
from zoneinfo import ZoneInfo

from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.http import urlencode

from payouts import account_statements, journal
from payouts.account_statements import Statement
from payouts.admin.books.forms import DaysForm
from payouts.admin.books.trial_balance import SEE
from payouts.models import LedgerAccount, Transfer
from payouts.rules.lifecycle import AccountKind
from payouts.statements.paging import page_number
from referrals import exports
from referrals.admin.base import Admin
from referrals.exports import decimal
from referrals.rules.zones import local_date

HEADINGS = ["Day", "Posted at", "Transfer", "Kind", "Cause", "Other account"]
HEADINGS += ["Debit", "Credit", "Balance", "Currency"]


class AccountStatementPages(Admin):
    """Accounts of the books, each with its statement."""

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.statement_view)
        name = f"{self.opts.app_label}_{self.opts.model_name}_statement"
        return [path("<int:pk>/statement/", view, name=name), *super().get_urls()]

    def statement_view(self, request: HttpRequest, pk: int) -> HttpResponseBase:
        """An account over a period; with ``format=csv`` or ``xlsx``, as a file."""
        if not self.has_view_permission(request) or not request.user.has_perm(SEE):
            raise PermissionDenied
        user = cast(User, request.user)
        rows = self.get_queryset(request).select_related("program", "enrollment__referrer")
        account = cast(LedgerAccount, get_object_or_404(rows, pk=pk))
        asked = {**request.GET.dict(), "program": str(account.program_id)}
        form = DaysForm(asked, person=user, now=timezone.now())
        begins, ends = form.period
        statement = account_statements.over([account], begins=begins, ends=ends)
        first, last = form.day("since"), form.day("until")
        if (wanted := request.GET.get("format", "")) in exports.TABLES:
            exports.log(
                user, of="Account statement", told=f"account {account.pk}, {first} to {last}, {wanted}"
            )
            name = f"account-{account.pk}-{first}-{last}"
            return exports.as_table(wanted, name, HEADINGS, _rows(statement, form.zone, first, last))
        number = page_number(request.GET.get("page", ""))
        lines, has_next = statement.page(number)
        context = {
            **self.admin_site.each_context(request),
            "title": f"Statement: {called(account)}",
            "form": form,
            "account": account,
            "first_day": first,
            "last_day": last,
            "asked": urlencode(form.asked),
            "formats": exports.TABLES,
            "opening": statement.opening[0],
            "during": statement.during[0],
            "closing": statement.closing[0],
            "lines": [(line, _other(line.transfer, account)) for line in lines],
            "number": number,
            "has_next": has_next,
        }
        return TemplateResponse(request, "admin/payouts/books/account.html", context)


def called(account: LedgerAccount) -> str:
    """An account as people call it: 'Balance of Rosa', 'Expense'."""
    label = AccountKind(account.kind).label
    return f"{label} of {account.enrollment.referrer}" if account.enrollment else label


def _other(transfer: Transfer, account: LedgerAccount) -> LedgerAccount:
    """The account on the other side of a transfer."""
    return transfer.credit if transfer.debit_id == account.pk else transfer.debit


def _rows(statement: Statement, zone: ZoneInfo, first: date, last: date) -> Iterator[list[object]]:
    [account] = statement.accounts
    currency = account.currency
    opening, closing = statement.opening[0].balance_minor, statement.closing[0].balance_minor
    yield [first, "", "", "Opening balance", "", "", "", "", decimal(opening, currency), currency]
    for line in statement.lines():
        row, moved, held = line.transfer, line.moved[0], line.held[0]
        debit = decimal(moved.debits_minor, currency) if moved and moved.debits_minor else ""
        credit = decimal(moved.credits_minor, currency) if moved and moved.credits_minor else ""
        yield [
            local_date(row.posted_at, zone),
            row.posted_at,
            row.pk,
            row.get_kind_display(),
            journal.cause_of(row),
            AccountKind(_other(row, account).kind).label,
            debit,
            credit,
            decimal(held.balance_minor, currency),
            currency,
        ]
    yield [last, "", "", "Closing balance", "", "", "", "", decimal(closing, currency), currency]
