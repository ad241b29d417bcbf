"""
When a company may politely be called, and until when it should have been.

Hours are those of the program, on the clock of the company: a caller in Lisbon does not wake Sydney, and
Berlin is not called while it has lunch in New York.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

import phonenumbers
from babel.core import get_global
from phonenumbers import timezone as phone_zones

from referrals.rules.words import Weekday

# Where a country has several zones: the one in which most of its companies are. Staff may correct it.
_MAIN_ZONE = {
    "AR": "America/Argentina/Buenos_Aires", "AU": "Australia/Sydney", "BR": "America/Sao_Paulo",
    "CA": "America/Toronto", "CD": "Africa/Kinshasa", "CL": "America/Santiago", "CN": "Asia/Shanghai",
    "CY": "Asia/Nicosia", "DE": "Europe/Berlin", "EC": "America/Guayaquil", "ES": "Europe/Madrid",
    "ID": "Asia/Jakarta", "KZ": "Asia/Almaty", "MN": "Asia/Ulaanbaatar", "MX": "America/Mexico_City",
    "MY": "Asia/Kuala_Lumpur", "NZ": "Pacific/Auckland", "PG": "Pacific/Port_Moresby",
    "PT": "Europe/Lisbon", "RU": "Europe/Moscow", "UA": "Europe/Kyiv", "US": "America/New_York",
    "UZ": "Asia/Tashkent",
}  # fmt: skip
_WEEKDAYS = [day.value for day in Weekday]
_DAYS_LOOKED_AHEAD = 400


@dataclass(frozen=True, slots=True)
class CallingHours:
    """The hours of a program, on the called company's own clock."""

    weekdays: frozenset[str]
    opens: time
    closes: time


@dataclass(frozen=True, slots=True)
class Window:
    """One stretch of calling hours, as instants; the end is exclusive."""

    opens_at: datetime
    closes_at: datetime


def zone_of(*, phone: str, country: str) -> str:
    """
    The time zone of a company, by its phone number, else by its country; '' if neither tells.

    :param phone: as it was typed; without country code it is dialled in ``country``
    :param country: ISO code
    """
    by_phone = _zones_of_phone(phone, country.upper())
    if len(by_phone) == 1:
        return by_phone[0]
    country = _country_of_phone(phone, country.upper()) or country.upper()
    # Of what is no country, CLDR knows zones as well: Etc/GMT.
    zones = get_global("territory_zones").get(country, [])
    of_country = [zone for zone in zones if not zone.startswith("Etc/")]
    main = _MAIN_ZONE.get(country) or (of_country[0] if len(of_country) == 1 else "")
    if by_phone and main not in by_phone:
        return by_phone[0]
    return main or (of_country[0] if of_country else "")


def next_window(hours: CallingHours, zone: ZoneInfo, *, not_before: datetime) -> Window | None:
    """
    The calling hours that are open at that instant or come next; ``None``: there are none.

    Where clocks skip an hour that hour is not called in; where they repeat one it counts twice.
    """
    return next(_windows(hours, zone, not_before=not_before), None)


def is_within(hours: CallingHours, zone: ZoneInfo, at: datetime) -> bool:
    """It is calling hours at that instant."""
    window = next_window(hours, zone, not_before=at)
    return window is not None and window.opens_at <= at


def add_calling_time(
    hours: CallingHours, zone: ZoneInfo, *, since: datetime, amount: timedelta
) -> datetime | None:
    """The instant at which so much calling time has passed; ``None``: there is none to pass."""
    left = amount
    for window in _windows(hours, zone, not_before=since):
        begins = max(window.opens_at, since)
        if begins + left <= window.closes_at:
            return begins + left
        left -= window.closes_at - begins
    return None


def due_at(hours: CallingHours | None, zone: ZoneInfo, *, since: datetime, allowed: timedelta) -> datetime:
    """
    By when something should be done that waits since then.

    :param allowed: of calling time; of any time where there are no calling hours
    """
    passed = hours and add_calling_time(hours, zone, since=since, amount=allowed)
    return passed or since + allowed


def _windows(hours: CallingHours, zone: ZoneInfo, *, not_before: datetime) -> Iterator[Window]:
    first = not_before.astimezone(zone).date()
    for number in range(_DAYS_LOOKED_AHEAD):
        day = first + timedelta(days=number)
        if _WEEKDAYS[day.weekday()] not in hours.weekdays:
            continue
        opens_at, closes_at = _instant(day, hours.opens, zone), _instant(day, hours.closes, zone)
        if opens_at < closes_at and closes_at > not_before:
            yield Window(opens_at, closes_at)


def _instant(day: date, at: time, zone: ZoneInfo) -> datetime:
    """The instant of a local time; one that clocks skip is the instant at which they jump, or later."""
    return datetime.combine(day, at, tzinfo=zone).astimezone(UTC)


@lru_cache(maxsize=10_000)
def _zones_of_phone(phone: str, country: str) -> tuple[str, ...]:
    number = _parsed(phone, country)
    if number is None:
        return ()
    zones = phone_zones.time_zones_for_number(number)
    return () if zones == (phone_zones.UNKNOWN_TIMEZONE,) else tuple(zones)


def _country_of_phone(phone: str, country: str) -> str:
    number = _parsed(phone, country)
    return (phonenumbers.region_code_for_number(number) or "") if number else ""


def _parsed(phone: str, country: str) -> phonenumbers.PhoneNumber | None:
    try:
        return phonenumbers.parse(phone, country or None)
    except phonenumbers.NumberParseException:
        return None
