"""Calendars of holidays: seeded as rows with their source, which staff may correct."""

from datetime import date

from django.apps.registry import Apps
from django.db import models, transaction

from referrals.models import Calendar, Holiday
from referrals.rules.business_days import BusinessDays
from referrals.rules.holidays import BUILTIN, holidays_of

FIRST_YEAR, LAST_YEAR = 2000, 2060
SOURCE = "python-holidays"


@transaction.atomic
def seed(
    code: str,
    *,
    years: range = range(FIRST_YEAR, LAST_YEAR + 1),
    calendars: type[models.Model] = Calendar,
    holidays: type[models.Model] = Holiday,
) -> None:
    """
    Make a calendar with the holidays of these years; one that exists stays as staff left it.

    :raises UnknownCalendar: if nobody knows the holidays of that code
    """
    days = holidays_of(code, years)
    calendar, is_new = calendars._default_manager.get_or_create(
        code=code, defaults={"name": code, "first_year": years[0], "last_year": years[-1]}
    )
    if is_new:
        holidays._default_manager.bulk_create(
            holidays(calendar=calendar, day=day, name=name, source=SOURCE) for day, name in days.items()
        )


def ensure_builtin(apps: Apps | None = None, editor: object = None) -> None:
    """Make the calendars that every program may name; also a step of a migration."""
    for code in BUILTIN:
        if apps is None:
            seed(code)
        else:
            seed(
                code,
                calendars=apps.get_model("referrals", "Calendar"),
                holidays=apps.get_model("referrals", "Holiday"),
            )


def business_days(calendar: Calendar | None) -> BusinessDays:
    """The business days of a calendar; without one every weekday is one."""
    return BusinessDays(frozenset(_days(calendar.pk)) if calendar else frozenset())


def all_business_days() -> dict[str, BusinessDays]:
    """The business days of every calendar of the installation, by its code."""
    days: dict[str, set[date]] = {code: set() for code in Calendar.objects.values_list("code", flat=True)}
    for code, day in Holiday.objects.values_list("calendar__code", "day"):
        days[code].add(day)
    return {code: BusinessDays(frozenset(holidays)) for code, holidays in days.items()}


def _days(calendar_id: int) -> list[date]:
    return list(Holiday.objects.filter(calendar_id=calendar_id).values_list("day", flat=True))
