"""The trial balance of a program: what its accounts were debited and credited up to the end of a day."""

from collections.abc import Iterator
from datetime import date
from typing import Any, cast

from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponseBase
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.http import urlencode

from payouts import ledger, trial_balance
from payouts.admin.books.forms import DayForm
from payouts.models import LedgerAccount, Transfer
from payouts.trial_balance import TrialBalance
from referrals import exports
from referrals.admin.base import Admin
from referrals.exports import decimal
from referrals.models import Program
from referrals.names import of_program

HEADINGS = ["Program", "At the end of", "Account", "Debits", "Credits", "Balance", "Currency"]
SEE = "payouts.view_transfer"


class TrialBalancePages(Admin):
    """Accounts of the books with the page that adds them up."""

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.trial_balance_view)
        name = f"{self.opts.app_label}_{self.opts.model_name}_trial_balance"
        return [path("trial-balance/", view, name=name), *super().get_urls()]

    def trial_balance_view(self, request: HttpRequest) -> HttpResponseBase:
        """All accounts by their kind; with ``format=csv`` or ``xlsx``, as a file."""
        if not self.has_view_permission(request) or not request.user.has_perm(SEE):
            raise PermissionDenied
        user = cast(User, request.user)
        form = DayForm(request.GET.dict(), person=user, now=timezone.now())
        program, day = form.chosen, form.day("as_of")
        found = (
            trial_balance.of_program(program, as_of=trial_balance.end_of(day, form.zone)) if program else []
        )
        wanted = request.GET.get("format", "")
        if program and wanted in exports.TABLES:
            told = f"{of_program(program)}, at the end of {day}, {wanted}"
            exports.log(user, of="Trial balance", told=told)
            rows = _rows(program, day, found)
            return exports.as_table(wanted, f"trial-balance-{program.slug}-{day}", HEADINGS, rows)
        context = {
            **self.admin_site.each_context(request),
            "title": "Trial balance",
            "form": form,
            "program": program,
            "day": day,
            "asked": urlencode(form.asked),
            "formats": exports.TABLES,
            "tables": [(each, _linked(program, each)) for each in found] if program else [],
            "transfers": _transfers_of(program),
        }
        return TemplateResponse(request, "admin/payouts/books/trial_balance.html", context)


def _rows(program: Program, day: date, found: list[TrialBalance]) -> Iterator[list[object]]:
    for table in found:
        for line in [*table.lines, None]:
            sides = table.total if line is None else line.sides
            minor = (sides.debits_minor, sides.credits_minor, sides.balance_minor)
            label = "Total" if line is None else line.label
            amounts = [decimal(each, table.currency) for each in minor]
            yield [of_program(program), day, label, *amounts, table.currency]


def _linked(program: Program, table: TrialBalance) -> list[tuple[Any, str]]:
    """Each line with the page of what it adds up: the account itself, or the accounts of referrers."""
    own = LedgerAccount.objects.filter(program=program, enrollment=None, currency=table.currency)
    numbers = dict(own.values_list("kind", "pk"))
    linked = []
    for line in table.lines:
        if line.kind in ledger.OF_REFERRER:
            only = {"kind__exact": line.kind, "program__id__exact": program.pk}
            address = reverse("admin:payouts_ledgeraccount_changelist", query=only)
        else:
            address = reverse("admin:payouts_ledgeraccount_statement", args=[numbers[line.kind]])
        linked.append((line, address))
    return linked


def _transfers_of(program: Program | None) -> str:
    """The list of all transfers of the program."""
    only = {"debit__program__id__exact": program.pk} if program else {}
    return reverse(f"admin:payouts_{Transfer._meta.model_name}_changelist", query=only)
