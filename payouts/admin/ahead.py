"""What lies ahead of finance: what will be paid when, what is overdue, what is owed by month."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from itertools import groupby
from typing import Any, cast

from django import forms
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.translation import ngettext
from django.views.decorators.http import require_safe

from payouts import attention, explain_many, forecast, liabilities
from payouts.explain import Headline
from payouts.forecast import Coming, Ran, Recurring
from payouts.liabilities import Month, Standing
from payouts.models import Bonus
from payouts.rules.schedule_words import in_days
from referrals import exports, scopes
from referrals.admin.base import Admin
from referrals.admin.columns import amount, grouped
from referrals.admin.desk.reports import ProgramChoice
from referrals.models import Program
from referrals.names import from_slug, of_program
from referrals.rules.refusal import Refused
from referrals.rules.row_numbers import row_number
from referrals.rules.zones import local_date

EARLIEST, LATEST = date(2015, 1, 1), date(2060, 12, 31)
PER_PAGE = 50
CONFLICT = 409
TABS = [("ahead", "What will be paid"), ("overdue", "Overdue"), ("liabilities", "Liabilities")]
OUTCOMES = {
    forecast.Outcome.PAID: ("✓ Will be paid", "staff-green"),
    forecast.Outcome.AWAITING_APPROVAL: ("◔ Waits for an approval", "staff-amber"),
    forecast.Outcome.HELD: ("❚❚ Held", "staff-amber"),
    forecast.Outcome.CARRIED_OVER: ("… Carried over: below the minimum", "staff-grey"),
    forecast.Outcome.WAITS: ("… Waits for the account, the referrer or the next run", "staff-grey"),
    forecast.Outcome.CANCELLED: ("✗ Condition failed", "staff-red"),
}
"""What a run does with bonuses: words with their sign, and the class of the chip."""


class DryRunForm(forms.Form):
    """Of which date, and of which program, the next run is tried."""

    day = forms.DateField(
        label="Date",
        widget=forms.DateInput(attrs={"type": "date", "class": "staff-input"}, format="%Y-%m-%d"),
    )
    program = ProgramChoice(
        Program.objects.none(),
        required=False,
        empty_label="All programs",
        widget=forms.Select(attrs={"class": "staff-input"}),
    )

    def __init__(self, asked: Mapping[str, Any] | None, *, person: User, today: date) -> None:
        super().__init__(asked, initial={"day": today})
        programs = cast("forms.ModelChoiceField[Program]", self.fields["program"])
        programs.queryset = scopes.within(Program.objects.order_by("slug"), person, "pk")

    def clean_day(self) -> date:
        day: date = self.cleaned_data["day"]
        if not EARLIEST <= day <= LATEST:
            raise forms.ValidationError(f"Choose a day from {EARLIEST} to {LATEST}.")
        return day

    @property
    def programs(self) -> list[Program]:
        """Those whose run is tried: the chosen one, or all that this person works for."""
        chosen: Program | None = self.cleaned_data["program"]
        offered = cast("forms.ModelChoiceField[Program]", self.fields["program"]).queryset
        return [chosen] if chosen else list(offered or ())


@dataclass
class MonthAhead:
    """What windows that open in one month come to."""

    title: str
    windows: list[tuple[Coming, str, str]] = field(default_factory=list)
    """Each with its days and its amount."""
    sums: str = ""
    bonuses: int = 0


class AheadPages(Admin):
    """Bonuses with the pages of what lies ahead."""

    def get_urls(self) -> list[URLPattern]:
        views = {
            "ahead": self.ahead_view,
            "overdue": require_safe(self.overdue_view),
            "liabilities": require_safe(self.liabilities_view),
        }
        name = f"{self.opts.app_label}_{self.opts.model_name}"
        return [
            *(
                path(f"{part}/", self.admin_site.admin_view(view), name=f"{name}_{part}")
                for part, view in views.items()
            ),
            *super().get_urls(),
        ]

    def ahead_view(self, request: HttpRequest) -> HttpResponse:
        """What will be paid when; on POST also what a run of a date would do, nothing written."""
        self._let_in(request)
        user, now = cast(User, request.user), timezone.now()
        asked = request.POST if request.method == "POST" else None
        form = DryRunForm(asked, person=user, today=now.date())
        ran: list[Ran] | None = None
        refusal = ""
        if form.is_valid():
            try:
                ran = forecast.dry_run(form.programs, day=form.cleaned_data["day"])
            except Refused as refused:
                refusal = str(refused)
        mine = scopes.within(Program.objects.order_by("slug"), user, "pk")
        programs = list(mine.values_list("pk", flat=True))
        coming = forecast.calendar(self.get_queryset(request), as_of=now)
        context = {
            "form": form,
            "ran": None if ran is None else [_told(each) for each in ran],
            "day": form.cleaned_data["day"] if ran is not None else None,
            "refusal": refusal,
            "programs": _by_program(coming, today=now.date()),
            "recurring": [_monthly(each) for each in forecast.recurring(programs, as_of=now)]
            if "monthly" in request.GET
            else None,
        }
        return self._page(request, "ahead", now, context, status=CONFLICT if refusal else 200)

    def overdue_view(self, request: HttpRequest) -> HttpResponse:
        """What is unpaid beyond its window: how late, and whose move it is."""
        self._let_in(request)
        now = timezone.now()
        late = self.get_queryset(request).filter(attention.at(now).overdue)
        rows = explain_many.with_reasons(late).select_related(
            "account", "enrollment__referrer", "terms__program", "batch"
        )
        asked = row_number(request.GET.get("page", "")) or 1
        page = Paginator(rows.order_by("window_closes_on", "pk"), PER_PAGE).get_page(asked)
        bonuses = list(page.object_list)
        headlines = explain_many.of_bonuses(bonuses, as_of=now)
        lines = [_late(*pair, as_of=now) for pair in zip(bonuses, headlines, strict=True)]
        return self._page(request, "overdue", now, {"page": page, "lines": lines})

    def liabilities_view(self, request: HttpRequest) -> HttpResponseBase:
        """What is owed by the month in which windows close; with ``format=csv``, as a file."""
        self._let_in(request)
        user, now = cast(User, request.user), timezone.now()
        months = liabilities.by_month(self.get_queryset(request), as_of=now)
        if request.GET.get("format") == "csv":
            lines = ngettext("%(count)s line", "%(count)s lines", len(months)) % {"count": len(months)}
            exports.log(user, of="Liabilities", told=f"as of {now:%Y-%m-%d %H:%M} UTC, {lines}")
            return exports.as_csv(f"liabilities-{now:%Y-%m-%d}.csv", HEADINGS, _rows(months, as_of=now))
        compared = None
        if "books" in request.GET:
            compared = _compared(months, scopes.within(Program.objects.order_by("slug"), user, "pk"))
        context = {
            "months": [_shown(month) for month in months],
            "standings": list(Standing),
            "totals": _totals(months),
            "compared": compared,
        }
        return self._page(request, "liabilities", now, context)

    def _let_in(self, request: HttpRequest) -> None:
        if not self.has_view_permission(request):
            raise PermissionDenied

    def _page(
        self, request: HttpRequest, part: str, now: datetime, context: dict[str, Any], *, status: int = 200
    ) -> HttpResponse:
        name = f"admin:{self.opts.app_label}_{self.opts.model_name}"
        tabs = [(code, label, reverse(f"{name}_{code}")) for code, label in TABS]
        shown = {
            **self.admin_site.each_context(request),
            "title": dict(TABS)[part],
            "opts": self.opts,
            "tabs": tabs,
            "here": part,
            "now": now,
            **context,
        }
        return TemplateResponse(request, f"admin/payouts/ahead/{part}.html", shown, status=status)


# --- what will be paid --------------------------------------------------------------------------------------


def _by_program(coming: Iterable[Coming], *, today: date) -> list[tuple[str, list[MonthAhead]]]:
    """By program and by month of opening; what is closed already comes first, then what is open."""
    found = []
    for (slug, _), windows in groupby(coming, key=lambda each: (each.slug, each.program_id)):
        months: dict[str, MonthAhead] = {}
        sums: dict[str, dict[str, int]] = {}
        for each in sorted(windows, key=lambda window: window.closes_on >= today):
            title = _title(each, today)
            month = months.setdefault(title, MonthAhead(title))
            days = in_days(each.opens_on, each.closes_on)
            month.windows.append((each, days, money(each.amount_minor, each.currency)))
            month.bonuses += each.bonuses
            of_month = sums.setdefault(title, {})
            of_month[each.currency] = of_month.get(each.currency, 0) + each.amount_minor
        for title, of_month in sums.items():
            months[title].sums = in_money(of_month)
        found.append((from_slug(slug), list(months.values())))
    return found


def _title(each: Coming, today: date) -> str:
    if each.closes_on < today:
        return "Window closed, still unpaid"
    return "Open now" if each.opens_on <= today else f"{each.opens_on:%B %Y}"


def _monthly(each: Recurring) -> dict[str, Any]:
    terms = each.reward.terms
    return {
        "program": of_program(terms.program),
        "terms": terms,
        "reward": each.reward,
        "accounts": each.accounts,
        "most": money(each.amount_minor, terms.currency),
        "windows": [in_days(window.opens_on, window.closes_on) for window in each.windows],
    }


def _told(ran: Ran) -> dict[str, Any]:
    """A run that was tried, as its table says it."""
    lines = [
        {
            "words": OUTCOMES[each.outcome][0],
            "color": OUTCOMES[each.outcome][1],
            "reason": each.reason.replace("_", " "),
            "bonuses": each.bonuses,
            "referrers": each.referrers,
            "amount": money(each.amount_minor, each.currency),
        }
        for each in ran.sums
    ]
    return {
        "program": of_program(ran.program),
        "zone": ran.program.time_zone,
        "lines": lines,
        "overdue": ran.overdue,
        "problem": ran.problem,
    }


# --- what is overdue ----------------------------------------------------------------------------------------


def _late(bonus: Bonus, headed: Headline, *, as_of: datetime) -> dict[str, Any]:
    today = local_date(as_of, bonus.terms.payout_schedule.zone)
    return {
        "bonus": bonus,
        "amount": amount(bonus),
        "days": (today - bonus.window_closes_on).days,
        "window": in_days(bonus.window_opens_on, bonus.window_closes_on),
        "headline": headed,
    }


# --- what is owed -------------------------------------------------------------------------------------------

HEADINGS = [
    *("As of", "Program", "Month in which the window closes", "Currency"),
    *(f"{standing.label} {what}" for standing in Standing for what in ("bonuses", "amount")),
    "Amount",
]


def _rows(months: Iterable[Month], *, as_of: datetime) -> Iterator[list[object]]:
    for month in months:
        parts = [
            cell
            for part in month.parts
            for cell in (part.bonuses, exports.decimal(part.amount_minor, month.currency))
        ]
        total = exports.decimal(month.total_minor, month.currency)
        head = [as_of.isoformat(timespec="minutes"), month.slug, f"{month.month:%Y-%m}", month.currency]
        yield [*head, *parts, total]


def _shown(month: Month) -> dict[str, Any]:
    """A month with, for each standing, its sum and the list of exactly these bonuses."""
    only = {
        "terms__program__id__exact": month.program_id,
        "currency": month.currency,
        "closes": f"{month.month:%Y-%m}",
    }
    return {
        "program": from_slug(month.slug),
        "month": month.month,
        "currency": month.currency,
        "total": grouped(month.total_minor, month.currency),
        "parts": [
            {
                "label": part.standing.label,
                "bonuses": part.bonuses,
                "amount": grouped(part.amount_minor, month.currency),
                "link": reverse(
                    "admin:payouts_bonus_changelist", query={**only, "standing": part.standing.lower()}
                ),
            }
            for part in month.parts
        ],
    }


def _totals(months: Iterable[Month]) -> list[str]:
    sums: dict[str, int] = {}
    for month in months:
        sums[month.currency] = sums.get(month.currency, 0) + month.total_minor
    return [money(minor, currency) for currency, minor in sorted(sums.items())]


def _compared(months: list[Month], programs: Iterable[Program]) -> list[dict[str, Any]]:
    """What the bonuses say and what the books say, program by program."""
    names = {program.pk: of_program(program) for program in programs}
    owed, books = liabilities.totals(months), liabilities.of_the_books(list(names))
    return [
        {
            "program": names[program],
            "currency": currency,
            "owed": grouped(owed.get((program, currency), 0), currency),
            "books": grouped(books.get((program, currency), 0), currency),
            "is_equal": owed.get((program, currency), 0) == books.get((program, currency), 0),
        }
        for program, currency in sorted({*owed, *books})
    ]


def money(minor: int, currency: str) -> str:
    """USD 1,200.00."""
    return f"{currency} {grouped(minor, currency)}"


def in_money(sums: Mapping[str, int]) -> str:
    """What comes to several currencies, side by side: they never mix."""
    return " + ".join(money(minor, currency) for currency, minor in sorted(sums.items()))
