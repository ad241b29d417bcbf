"""
The charts of the first page: the funnel of a program and its money, by months, as the sweep has counted them.

Everything is worked out here: the template draws bars of so many percent, and a table with the same numbers.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.db.models import Exists, F, OuterRef, Subquery
from django.db.models.functions import Coalesce
from django.http import HttpRequest

from payouts.models import MoneyMonth
from referrals import scopes
from referrals.admin.columns import grouped
from referrals.funnel import MONTHS
from referrals.models import FunnelMonth, Milestone, Program
from referrals.rules.money import decimals
from referrals.rules.words import ProgramStatus
from referrals.rules.zones import local_date, months_back

SEE_MONEY = "payouts.view_bonus"
HIGHEST = 96
"""Pixels of the highest column."""
GROUND = 116
"""Pixels from above to the line that the columns stand on; above them is room for their number."""
BAR = 44
"""Pixels from one bar of the funnel to the next, its words among them."""


@dataclass(frozen=True, slots=True)
class Bar:
    """A stage of the funnel."""

    label: str
    number: int
    share: str
    """Of the stage before; '' for the first."""
    percent: float
    """Of the longest bar."""
    top: int
    """Pixels from above to its words."""


@dataclass(frozen=True, slots=True)
class Column:
    """A month."""

    month: date
    words: str
    """What stands above it, short; '' where there is nothing."""
    height: int
    top: int
    """Pixels, from above: the column stands on the line at ``GROUND``."""
    left: float
    """Percent from the left to the column, and ``middle`` to its middle."""
    middle: float
    width: float


@dataclass(frozen=True, slots=True)
class Series:
    """Columns side by side, from zero."""

    label: str
    total: str
    columns: list[Column]


@dataclass(frozen=True, slots=True)
class Charts:
    """The charts of one program."""

    program: Program
    programs: Sequence[Program]
    counted_at: datetime | None
    stages: list[Bar]
    height: int
    signed_up: Series | None
    funnel_rows: list[tuple[date, list[tuple[int, str]]]]
    """By month: each stage with its number and share."""
    money: list[Series]
    currency: str
    money_rows: list[tuple[date, list[str]]]


def charts_of(request: HttpRequest, *, as_of: datetime) -> Charts | None:
    """The charts of the program that the address names, else the first; ``None``: there is none to show."""
    shown = scopes.within(Program.objects.exclude(status=ProgramStatus.DRAFT), request.user, "pk")
    lately = FunnelMonth.objects.filter(program=OuterRef("pk"))
    # Where somebody has signed up of late comes first.
    programs = list(shown.annotate(is_alive=Exists(lately)).order_by("-is_alive", "name", "pk"))
    if not programs:
        return None
    wanted = request.GET.get("program", "")
    program = next((each for each in programs if str(each.pk) == wanted), programs[0])
    today = local_date(as_of, ZoneInfo(program.time_zone))
    months = [months_back(today, back) for back in range(MONTHS - 1, -1, -1)]
    counted = _funnel(program, months)
    labels = _in_order(counted)
    by_stage: dict[str, dict[date, int]] = {code: {} for code in labels}
    for row in counted:
        by_stage[row.milestone][row.month] = row.accounts
    stages = _stages(labels, by_stage)
    first = next(iter(labels), None)
    sums = _sums(program, months[0]) if request.user.has_perm(SEE_MONEY) else []
    return Charts(
        program=program,
        programs=programs,
        counted_at=max((row.counted_at for row in counted), default=None),
        stages=stages,
        height=BAR * len(stages),
        signed_up=_series(labels[first], months, by_stage[first], str, str) if first else None,
        funnel_rows=[(month, _row([of.get(month, 0) for of in by_stage.values()])) for month in months],
        **_money(program, months, sums),
    )


def _funnel(program: Program, months: Sequence[date]) -> list[Any]:
    """The numbers of these months, with the label and place that the latest terms give to each stage."""
    named = Milestone.objects.filter(terms__program=program, code=OuterRef("milestone"))
    named = named.exclude(terms__published_at=None).order_by("-terms__version")
    rows = FunnelMonth.objects.filter(program=program, month__gte=months[0], month__lte=months[-1])
    return list(
        rows.annotate(
            label=Coalesce(Subquery(named.values("label")[:1]), F("milestone")),
            place=Coalesce(Subquery(named.values("funnel")[:1]), 0),
        ).order_by("place", "milestone", "month")
    )


def _in_order(counted: Iterable[Any]) -> dict[str, str]:
    """The stages in the order of the funnel: code to label."""
    return {row.milestone: row.label for row in counted}


def _stages(labels: dict[str, str], by_stage: dict[str, dict[date, int]]) -> list[Bar]:
    totals = [sum(by_stage[code].values()) for code in labels]
    longest = max(totals, default=0) or 1
    row = _row(totals)
    return [
        Bar(label, number, share, 100 * number / longest, place * BAR)
        for place, (label, (number, share)) in enumerate(zip(labels.values(), row, strict=True))
    ]


def _row(numbers: Sequence[int]) -> list[tuple[int, str]]:
    """Each number with its share of the one before."""
    before: list[int | None] = [None, *numbers]
    return [
        (number, f"{100 * number / earlier:.0f} %" if earlier else "")
        for number, earlier in zip(numbers, before, strict=False)
    ]


def _sums(program: Program, since: date) -> list[MoneyMonth]:
    """What is still to pay may be older than the months that are shown."""
    rows = MoneyMonth.objects.filter(program=program, currency=program.currency)
    return [row for row in rows.order_by("month") if row.month >= since or row.to_pay_minor]


def _money(program: Program, months: list[date], sums: list[MoneyMonth]) -> dict[str, Any]:
    if not sums:
        return {"money": [], "currency": program.currency, "money_rows": []}
    currency = program.currency
    fields = {
        "Activated": "activated_minor",
        "Paid": "paid_minor",
        "Still to pay, by due month": "to_pay_minor",
    }
    of_field: dict[str, dict[date, int]] = defaultdict(dict)
    for row in sums:
        for field in fields.values():
            of_field[field][row.month] = getattr(row, field)
    every = sorted({*months, *(row.month for row in sums)})
    highest = max((value for values in of_field.values() for value in values.values()), default=0)

    def in_full(minor: int) -> str:
        return f"{currency} {grouped(minor, currency)}"

    def in_short(minor: int) -> str:
        return short(minor / 10 ** decimals(currency))

    series = []
    for label, field in fields.items():
        known = of_field[field]
        shown = sorted(month for month in every if known.get(month)) if field == "to_pay_minor" else months
        series.append(_series(label, shown or months, known, in_short, in_full, highest=highest))
    rows = [
        (month, [grouped(of_field[field].get(month, 0), currency) for field in fields.values()])
        for month in every
    ]
    return {"money": series, "currency": currency, "money_rows": rows}


def _series(
    label: str,
    months: Sequence[date],
    values: dict[date, int],
    in_short: Any,
    in_full: Any,
    *,
    highest: int = 0,
) -> Series:
    """
    Columns of these months.

    :param highest: what the highest column of several series stands for; 0: of this one alone
    """
    top = highest or max(values.values(), default=0) or 1
    # So few columns are not made wider than those of a year.
    room = 100 / max(len(months), MONTHS)
    columns = [
        Column(
            month=month,
            words=in_short(value) if (value := values.get(month, 0)) else "",
            height=(height := round(HIGHEST * value / top)),
            top=GROUND - height,
            left=round(place * room + room * 0.1, 2),
            middle=round(place * room + room * 0.5, 2),
            width=round(room * 0.8, 2),
        )
        for place, month in enumerate(months)
    ]
    return Series(label, in_full(sum(values.get(month, 0) for month in months)), columns)


def short(amount: float) -> str:
    """An amount in at most four signs or so: 950, 1.2k, 12k, 1.2M."""
    for unit, size in (("M", 1_000_000), ("k", 1_000)):
        if amount >= size:
            scaled = amount / size
            return f"{scaled:.1f}{unit}" if scaled < 10 else f"{scaled:.0f}{unit}"
    return f"{amount:.0f}"
