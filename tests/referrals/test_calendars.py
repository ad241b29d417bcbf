"""Calendars are rows: seeded once, corrected by staff, asked for business days."""

from datetime import date

import pytest

from referrals import calendars
from referrals.models import Calendar, Holiday
from referrals.rules.holidays import BUILTIN, UnknownCalendar, holidays_of
from tests.story import nothing_changes

pytestmark = pytest.mark.django_db

INDEPENDENCE_DAY_MOVED = date(2026, 7, 3)
A_WEEKDAY = date(2026, 7, 2)


def test_the_calendars_that_every_program_may_name_are_there_from_the_start():
    assert sorted(Calendar.objects.values_list("code", flat=True)) == sorted(BUILTIN)
    assert set(Calendar.objects.values_list("first_year", "last_year")) == {(2000, 2060)}
    assert set(Holiday.objects.values_list("source", flat=True)) == {"python-holidays"}
    for calendar in Calendar.objects.all():
        assert dict(calendar.holidays.values_list("day", "name")) == holidays_of(
            calendar.code, range(2000, 2061)
        )


def test_the_two_american_calendars_differ_on_saturdays():
    in_july = Holiday.objects.filter(day=INDEPENDENCE_DAY_MOVED).values_list("calendar__code", flat=True)

    assert list(in_july) == ["US-FED"]


def test_a_calendar_that_exists_stays_as_staff_left_it():
    us = Calendar.objects.get(code="US-FED")
    us.holidays.filter(day=INDEPENDENCE_DAY_MOVED).delete()
    us.holidays.create(day=A_WEEKDAY, name="Closed by order", source="a member of staff")

    calendars.ensure_builtin()

    days = set(
        us.holidays.filter(day__range=(A_WEEKDAY, INDEPENDENCE_DAY_MOVED)).values_list("day", flat=True)
    )
    assert days == {A_WEEKDAY}


def test_staff_may_seed_the_calendar_of_another_country():
    calendars.seed("DE-BY", years=range(2026, 2028))

    calendar = Calendar.objects.get(code="DE-BY")
    assert (calendar.first_year, calendar.last_year) == (2026, 2027)
    assert calendar.holidays.filter(day=date(2026, 1, 6)).exists()
    assert {day.year for day in calendar.holidays.values_list("day", flat=True)} == {2026, 2027}


def test_a_calendar_that_nobody_knows_is_not_made():
    before = Holiday.objects.count()

    with nothing_changes(), pytest.raises(UnknownCalendar):
        calendars.seed("XX-NOWHERE")

    assert Holiday.objects.count() == before


def test_the_business_days_of_a_calendar_are_weekdays_without_its_holidays():
    us = calendars.business_days(Calendar.objects.get(code="US-FED"))

    assert us.passed(A_WEEKDAY, date(2026, 7, 6)) == 1


def test_without_a_calendar_every_weekday_is_a_business_day():
    assert calendars.business_days(None).passed(A_WEEKDAY, date(2026, 7, 6)) == 2


def test_all_calendars_are_read_at_once_and_say_the_same(django_assert_num_queries):
    Calendar.objects.create(code="NO-HOLIDAYS", name="None", first_year=2026, last_year=2026)

    with django_assert_num_queries(2):
        days = calendars.all_business_days()

    assert sorted(days) == sorted([*BUILTIN, "NO-HOLIDAYS"])
    for code, found in days.items():
        assert found == calendars.business_days(Calendar.objects.get(code=code))
