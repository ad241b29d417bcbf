"""
Which days a calendar is seeded with; afterwards the rows rule, and staff may edit them.

US-FED     federal holidays with observance: Saturday moves to Friday, Sunday to Monday; Juneteenth from
           2021; neither Inauguration Day nor closures by executive order.
US-FRB     the same, but a Saturday holiday is not moved: Reserve Banks are open on the Friday.
EU-TARGET  January 1, Good Friday, Easter Monday, May 1, December 25 and 26, never moved.

Any other code is a country, or a country and its region ("DE", "DE-BY"), as the holidays library has it.
"""

from collections.abc import Callable, Iterable
from datetime import date, timedelta

import holidays

SUNDAY = 6

# Otherwise the names would follow the language of the machine. A country without them has its own.
NAMED_IN = "en_US"


class UnknownCalendar(ValueError):
    """Neither a calendar that always exists nor a country or region of the holidays library."""


def holidays_of(code: str, years: Iterable[int]) -> dict[date, str]:
    """
    The days that the calendar closes in these years, each with its name.

    A New Year's Day observed on December 31 stands in the old year, where that day is.

    :raises UnknownCalendar: if nobody knows the code
    """
    wanted = sorted(set(years))
    if code in _BUILTIN_RULES:
        return _BUILTIN_RULES[code](wanted)

    country, _, region = code.partition("-")
    regions = holidays.list_supported_countries().get(country)
    if regions is None or (region and region not in regions) or code.endswith("-"):
        known = ", ".join(BUILTIN)
        raise UnknownCalendar(f"{code!r} is neither one of {known} nor the code of a country or region.")
    closed = holidays.country_holidays(country, subdiv=region or None, years=wanted, language=NAMED_IN)
    return _in_order(closed)


def _us_federal(years: list[int]) -> dict[date, str]:
    return _in_order(holidays.country_holidays("US", years=years, language=NAMED_IN))


def _us_federal_reserve(years: list[int]) -> dict[date, str]:
    # The library's observed days include the Fridays on which Reserve Banks are open.
    on_the_day = holidays.country_holidays("US", years=years, observed=False, language=NAMED_IN)
    mondays = {
        day + timedelta(days=1): f"{name} (observed)"
        for day, name in on_the_day.items()
        if day.weekday() == SUNDAY
    }
    return _in_order({**on_the_day, **mondays})


def _eu_target(years: list[int]) -> dict[date, str]:
    closed: dict[date, str] = {}
    for year in years:
        easter = easter_sunday(year)
        closed |= {
            date(year, 1, 1): "New Year's Day",
            easter - timedelta(days=2): "Good Friday",
            easter + timedelta(days=1): "Easter Monday",
            date(year, 5, 1): "Labour Day",
            date(year, 12, 25): "Christmas Day",
            date(year, 12, 26): "Christmas Holiday",
        }
    return _in_order(closed)


def easter_sunday(year: int) -> date:
    """Easter Sunday of the western churches (Meeus, Jones and Butcher's Gregorian algorithm)."""
    century, of_century = divmod(year, 100)
    leap_centuries, century_rest = divmod(century, 4)
    moon_drift = (century - (century + 8) // 25 + 1) // 3
    full_moon = (19 * (year % 19) + century - leap_centuries - moon_drift + 15) % 30
    leaps, leap_rest = divmod(of_century, 4)
    to_sunday = (32 + 2 * century_rest + 2 * leaps - full_moon - leap_rest) % 7
    late_moon = (year % 19 + 11 * full_moon + 22 * to_sunday) // 451
    month, day = divmod(full_moon + to_sunday - 7 * late_moon + 114, 31)
    return date(year, month, day + 1)


def _in_order(closed: dict[date, str]) -> dict[date, str]:
    return {day: closed[day] for day in sorted(closed)}


_BUILTIN_RULES: dict[str, Callable[[list[int]], dict[date, str]]] = {
    "US-FED": _us_federal,
    "US-FRB": _us_federal_reserve,
    "EU-TARGET": _eu_target,
}
BUILTIN: tuple[str, ...] = tuple(_BUILTIN_RULES)
