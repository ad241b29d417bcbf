"""A payout schedule in words, made from the row: a wrong value reads wrong at once."""

from datetime import date

from referrals.rules.words import Anchor, PointKind

ANCHORS = {
    Anchor.BONUS_ACTIVATED: "in which all conditions are met",
    Anchor.FIRST_PAYMENT: "of their first payment",
    Anchor.MILESTONE_REACHED: "in which the last condition is met",
    Anchor.MONTH_END: "in which you earn it",
}


def in_words(
    *, anchor: str, month_offset: int, opens_kind: str, opens_n: int, closes_kind: str, closes_n: int
) -> str:
    """The promise of a schedule: 'from the 16th to the last day of the month after the one in which …'."""
    opens, closes = _point(opens_kind, opens_n), _point(closes_kind, closes_n)
    if opens == closes:
        days = f"on the {' '.join(opens)}"
    elif opens[1] == closes[1]:
        days = f"from the {opens[0]} to the {' '.join(closes)}"
    else:
        days = f"from the {' '.join(opens)} to the {' '.join(closes)}"
    return f"{days} of {_month(month_offset)} {ANCHORS[Anchor(anchor)]}"


def in_days(opens: date, closes: date) -> str:
    """The days of a window, as short as they can be told: Mar 16 - 31, 2026."""
    if opens == closes:
        return f"{opens:%b} {opens.day}, {opens.year}"
    if opens.year != closes.year:
        return f"{in_days(opens, opens)} - {in_days(closes, closes)}"
    last = closes.day if opens.month == closes.month else f"{closes:%b} {closes.day}"
    return f"{opens:%b} {opens.day} - {last}, {closes.year}"


def on_day(day: date) -> str:
    """A day as it is told: Mar 16, 2026."""
    return in_days(day, day)


def _point(kind: str, n: int) -> tuple[str, str]:
    """'the last' and 'day'."""
    unit = "business day" if kind == PointKind.BUSINESS_DAY else "day"
    if n > 0:
        return _nth(n), unit
    return ("last", unit) if n == -1 else (f"{_nth(-n)} last", unit)


def _month(offset: int) -> str:
    if offset == 0:
        return "the month"
    return "the month after the one" if offset == 1 else f"the {_nth(offset)} month after the one"


def _nth(n: int) -> str:
    ending = "th" if 10 <= n % 100 <= 20 else {1: "st", 2: "nd", 3: "rd"}.get(n % 10, "th")
    return f"{n}{ending}"
