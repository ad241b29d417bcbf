"""Business days, counted forwards, backwards and between two dates."""

from datetime import date, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from referrals.rules.business_days import BusinessDays

WEEKDAYS = BusinessDays()
JULY_2026 = BusinessDays(frozenset({date(2026, 7, 3), date(2026, 7, 4)}))  # July 4 is a Saturday

dates = st.dates(date(2016, 1, 1), date(2040, 12, 31))
calendars = st.builds(
    BusinessDays, st.frozensets(st.dates(date(2026, 1, 1), date(2026, 12, 31)), max_size=60)
)


def test_weekends_and_holidays_are_no_business_days():
    days = [date(2026, 7, day) for day in range(1, 7)]

    assert [JULY_2026.is_business_day(day) for day in days] == [True, True, False, False, False, True]
    assert [WEEKDAYS.is_business_day(day) for day in days] == [True, True, True, False, False, True]


def test_a_month_lists_its_business_days():
    listed = JULY_2026.of_month(2026, 7)

    assert [day.day for day in listed] == [
        *[1, 2],
        *[6, 7, 8, 9, 10],
        *[13, 14, 15, 16, 17],
        *[20, 21, 22, 23, 24],
        *[27, 28, 29, 30, 31],
    ]


def test_a_changed_list_does_not_change_the_calendar():
    WEEKDAYS.of_month(2026, 7).clear()

    assert len(WEEKDAYS.of_month(2026, 7)) == 23


@pytest.mark.parametrize(
    ("n", "day"),
    [(1, 1), (2, 2), (3, 6), (15, 22), (22, 31), (23, 31), (-1, 31), (-5, 27), (-22, 1), (-23, 1)],
)
def test_counting_stops_at_the_end_and_at_the_start_of_the_month(n, day):
    assert JULY_2026.nth_of_month(2026, 7, n) == date(2026, 7, day)


def test_there_is_no_business_day_number_nought():
    with pytest.raises(ValueError, match="no business day number 0"):
        WEEKDAYS.nth_of_month(2026, 7, 0)


def test_a_month_of_holidays_only_has_no_business_day():
    closed = BusinessDays(frozenset(date(2026, 8, day) for day in range(1, 32)))

    assert closed.of_month(2026, 8) == []
    with pytest.raises(ValueError, match="2026-08 has no business day in this calendar"):
        closed.nth_of_month(2026, 8, 1)


@pytest.mark.parametrize(
    ("since", "until", "passed"),
    [
        (date(2026, 7, 1), date(2026, 7, 1), 0),
        (date(2026, 7, 1), date(2026, 7, 2), 1),
        (date(2026, 7, 2), date(2026, 7, 5), 0),
        (date(2026, 7, 2), date(2026, 7, 6), 1),
        (date(2026, 7, 4), date(2026, 7, 6), 1),
        (date(2026, 7, 6), date(2026, 7, 2), 0),
    ],
)
def test_the_first_day_does_not_count_and_the_last_does(since, until, passed):
    assert JULY_2026.passed(since, until) == passed


@given(days=calendars, month=st.integers(1, 12), n=st.integers(1, 23))
@settings(deadline=None, max_examples=100)
def test_the_nth_business_day_is_reached_by_walking(days, month, n):
    last_day = date(2026 + month // 12, month % 12 + 1, 1) - timedelta(days=1)

    assert days.nth_of_month(2026, month, n) == walked(days, date(2026, month, 1), n, towards=1)
    assert days.nth_of_month(2026, month, -n) == walked(days, last_day, n, towards=-1)


@given(days=calendars, since=dates, length=st.integers(0, 100), more=st.integers(0, 100))
@settings(deadline=None, max_examples=100)
def test_passed_business_days_add_up(days, since, length, more):
    between, until = since + timedelta(days=length), since + timedelta(days=length + more)

    assert days.passed(since, until) == days.passed(since, between) + days.passed(between, until)
    assert days.passed(until, since) == 0


def walked(days: BusinessDays, start: date, n: int, *, towards: int) -> date:
    """Count day by day from the start of the month (or its end), and stay on its last business day."""
    found, day = start, start
    while n and day.month == start.month:
        if day.weekday() not in (5, 6) and day not in days.holidays:
            found, n = day, n - 1
        day += timedelta(days=towards)
    return found
