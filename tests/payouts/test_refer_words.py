"""*Refer a client*: what a program gives and when, amounts and dates, in words made from the rows."""

from datetime import date

import pytest

from payouts.templatetags import refer
from tests.refer_page import read
from tests.story import Story

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("slug", "says"),
    [
        (
            "smartcat",
            "from the 16th to the last day of the month after the one in which all conditions are met",
        ),
        (
            "smithai",
            "from the 1st to the 15th business day of the 3rd month after the one of their first payment",
        ),
        (
            "upwork-2019",
            (
                "from the 1st to the 5th business day of the month after the one"
                " in which the last condition is met"
            ),
        ),
        ("smithai-legacy", "on the last day of the month in which you earn it"),
    ],
)
def test_the_page_says_in_words_when_each_program_pays(slug, says):
    assert f"Paid {says}." in read(Story(slug))


@pytest.mark.parametrize(
    ("opens", "closes", "says"),
    [
        ({"business_day": -3}, {"day": 22}, "from the 3rd last business day to the 22nd day of the month"),
        ({"day": 11}, {"day": -2}, "from the 11th to the 2nd last day of the month"),
        ({"day": 2}, {"business_day": 23}, "from the 2nd day to the 23rd business day of the month"),
    ],
)
def test_other_schedules_can_be_said_too(opens, closes, says):
    story = Story("smartcat")
    schedule = story.program.terms.get().payout_schedule
    [(kind, n)], [(last_kind, last_n)] = opens.items(), closes.items()
    kinds = {"day": "DAY_OF_MONTH", "business_day": "BUSINESS_DAY"}
    schedule.opens_kind, schedule.opens_n = kinds[kind], n
    schedule.closes_kind, schedule.closes_n = kinds[last_kind], last_n

    assert refer.when_paid(schedule).startswith(says)


@pytest.mark.parametrize(
    ("slug", "says"),
    [
        (
            "smartcat",
            "You earn $100.00 when a sign-up reaches: Qualified referrals · Made a qualifying purchase",
        ),
        ("smithai", "They get $100.00 off virtual receptionist when they reach: First receptionist invoice"),
        (
            "upwork-2019",
            "They get 1 month of freelancer plus free when they reach: Registered with your link",
        ),
        ("smithai-legacy", "You earn $25.00 each month when a sign-up reaches: Clients"),
    ],
)
def test_the_page_says_what_each_program_gives(slug, says):
    assert says in read(Story(slug))


@pytest.mark.parametrize(
    ("amount_minor", "currency", "written"),
    [
        (100_000, "USD", "$1,000.00"),
        (-2_550, "USD", "\N{MINUS SIGN}$25.50"),
        (1_500, "JPY", "¥1,500"),
        (1_500, "KWD", "KWD1.500"),
        (0, "EUR", "€0.00"),
    ],
)
def test_amounts_have_the_decimals_of_their_currency(amount_minor, currency, written):
    assert refer.money(amount_minor, currency) == written


def test_windows_are_written_as_people_write_them():
    spring = date(2026, 3, 16)

    assert refer.until(spring, spring) == "Mar 16, 2026"
    assert refer.until(spring, date(2026, 4, 3)) == "Mar 16 \N{EN DASH} Apr 3, 2026"
    assert refer.until(spring, date(2027, 1, 4)) == "Mar 16, 2026 \N{EN DASH} Jan 4, 2027"
