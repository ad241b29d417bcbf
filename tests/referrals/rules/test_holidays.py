"""The calendars that always exist, day by day as they are published, and by rules written another way."""

from datetime import date, timedelta

import holidays as library
import pytest

from referrals.rules import holidays

YEARS = range(1990, 2061)


def weekdays_of(code: str, years=YEARS) -> list[date]:
    return sorted(day for day in holidays.holidays_of(code, years) if day.weekday() < 5)


def nth_weekday(year: int, month: int, weekday: int, n: int) -> date:
    """The n-th such weekday of a month; -1 is the last."""
    days = [date(year, month, 1) + timedelta(days=days) for days in range(31)]
    found = [day for day in days if day.month == month and day.weekday() == weekday]
    return found[n - 1] if n > 0 else found[n]


def federal_holidays(year: int) -> list[date]:
    """5 U.S.C. 6103 (a), unmoved."""
    return [
        date(year, 1, 1),
        nth_weekday(year, 1, 0, 3),
        nth_weekday(year, 2, 0, 3),
        nth_weekday(year, 5, 0, -1),
        *([date(year, 6, 19)] if year >= 2021 else []),
        date(year, 7, 4),
        nth_weekday(year, 9, 0, 1),
        nth_weekday(year, 10, 0, 2),
        date(year, 11, 11),
        nth_weekday(year, 11, 3, 4),
        date(year, 12, 25),
    ]


def moved(day: date, *, saturday_by: int) -> date:
    return day + timedelta(days={5: saturday_by, 6: 1}.get(day.weekday(), 0))


def test_three_calendars_always_exist():
    assert holidays.BUILTIN == ("US-FED", "US-FRB", "EU-TARGET")


@pytest.mark.parametrize(("code", "saturday_by"), [("US-FED", -1), ("US-FRB", 0)])
def test_federal_and_reserve_bank_holidays_follow_the_statute(code, saturday_by):
    # The year after the last one too: its New Year's Day may fall into December.
    every = [day for year in [*YEARS, YEARS.stop] for day in federal_holidays(year)]
    observed = {moved(day, saturday_by=saturday_by) for day in every}

    assert weekdays_of(code) == sorted(day for day in observed if day.weekday() < 5 and day.year in YEARS)


@pytest.mark.parametrize("year", [1993, 1999, 2004, 2010, 2021, 2027, 2032, 2038])
def test_a_new_years_day_on_a_saturday_is_observed_in_the_old_year_asked_for_alone(year):
    assert date(year + 1, 1, 1).weekday() == 5
    assert date(year, 12, 31) in holidays.holidays_of("US-FED", [year])
    assert date(year, 12, 31) not in holidays.holidays_of("US-FRB", [year])


def test_closures_by_executive_order_and_inauguration_days_are_no_federal_holidays():
    closures = [
        date(2018, 12, 5),
        date(2019, 12, 24),
        date(2024, 12, 24),
        date(2025, 1, 9),
        date(2025, 12, 26),
    ]
    inaugurations = [date(2017, 1, 20), date(2021, 1, 20), date(2029, 1, 20)]

    closed = holidays.holidays_of("US-FED", range(2016, 2031))

    assert [day for day in [*closures, *inaugurations] if day in closed] == []


def test_the_federal_holidays_of_2021_by_name():
    assert holidays.holidays_of("US-FED", [2021]) == {
        date(2021, 1, 1): "New Year's Day",
        date(2021, 1, 18): "Martin Luther King Jr. Day",
        date(2021, 2, 15): "Washington's Birthday",
        date(2021, 5, 31): "Memorial Day",
        date(2021, 6, 18): "Juneteenth National Independence Day (observed)",
        date(2021, 6, 19): "Juneteenth National Independence Day",
        date(2021, 7, 4): "Independence Day",
        date(2021, 7, 5): "Independence Day (observed)",
        date(2021, 9, 6): "Labor Day",
        date(2021, 10, 11): "Columbus Day",
        date(2021, 11, 11): "Veterans Day",
        date(2021, 11, 25): "Thanksgiving Day",
        date(2021, 12, 24): "Christmas Day (observed)",
        date(2021, 12, 25): "Christmas Day",
        date(2021, 12, 31): "New Year's Day (observed)",
    }


def test_target_closes_on_six_days_that_never_move():
    assert holidays.holidays_of("EU-TARGET", [2022]) == {
        date(2022, 1, 1): "New Year's Day",
        date(2022, 4, 15): "Good Friday",
        date(2022, 4, 18): "Easter Monday",
        date(2022, 5, 1): "Labour Day",
        date(2022, 12, 25): "Christmas Day",
        date(2022, 12, 26): "Christmas Holiday",
    }


def test_target_is_what_the_library_says_of_the_european_central_bank():
    # In 2001 and before TARGET had closing days that were not to last.
    years = range(2002, 2100)

    assert sorted(holidays.holidays_of("EU-TARGET", years)) == sorted(
        library.financial_holidays("ECB", years=years)
    )


def test_countries_and_regions_come_from_the_library():
    germany, bavaria = (holidays.holidays_of(code, [2026]) for code in ("DE", "DE-BY"))

    assert next(iter(germany.items())) == (date(2026, 1, 1), "New Year's Day")
    assert list(germany) == sorted(germany)
    assert sorted(set(bavaria) - set(germany)) == [date(2026, 1, 6), date(2026, 6, 4), date(2026, 11, 1)]


@pytest.mark.parametrize(
    "code", ["", "XX", "de", "us-fed", "DE-", "DE-XX", "-BY", "US-FEDERAL", "DE-BY-X", "XNYS"]
)
def test_a_calendar_that_nobody_knows_is_refused_by_name(code):
    with pytest.raises(holidays.UnknownCalendar) as refusal:
        holidays.holidays_of(code, [2026])

    assert str(refusal.value) == (
        f"{code!r} is neither one of US-FED, US-FRB, EU-TARGET nor the code of a country or region."
    )


@pytest.mark.parametrize("code", [*holidays.BUILTIN, "DE"])
def test_without_years_there_are_no_days(code):
    assert holidays.holidays_of(code, []) == {}
