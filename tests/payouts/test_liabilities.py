"""What is owed by month: each unpaid bonus once, and the sum is that of the books, to the cent."""

from datetime import UTC, date, datetime

import pytest

from payouts import attention, batches, holds, liabilities, withdrawals
from payouts.liabilities import Standing
from payouts.models import Bonus
from tests.factories import LATER, UserFactory, booked_bonus, cancelled_bonus, paid_bonus, reversed_bonus
from tests.story import Story

pytestmark = pytest.mark.django_db

APRIL, MAY = date(2026, 4, 1), date(2026, 5, 1)


def owed(as_of: datetime) -> dict[tuple[str, str], dict[str, tuple[int, int]]]:
    """By month and currency: standing to number and minor units, where there is any."""
    return {
        (f"{month.month:%Y-%m}", month.currency): {
            part.standing: (part.bonuses, part.amount_minor) for part in month.parts if part.bonuses
        }
        for month in liabilities.by_month(Bonus.objects.all(), as_of=as_of)
    }


def agrees_with_the_books(as_of: datetime) -> bool:
    months = liabilities.by_month(Bonus.objects.all(), as_of=as_of)
    programs = list({month.program_id for month in months})
    return dict(liabilities.totals(months)) == liabilities.of_the_books(programs)


def test_every_unpaid_bonus_counts_once_by_the_month_its_window_closes():
    story = Story(changes={"payout_schedule.release": "AFTER_APPROVAL"})
    expected, held, *_ = (story.earn(name) for name in ("expected", "held", "approved", "approved2"))
    story.pass_to("2026-03-16T00:05Z")
    for bonus in (expected, held):
        holds.place(bonus, reason="a question", by=story.fay, at=story.now)
    story.approve_all()
    holds.lift(expected, by=story.fay, at=story.now)
    story.now = story.now.replace(day=20)
    story.earn("later")

    assert owed(story.now) == {
        ("2026-03", "USD"): {
            Standing.EXPECTED: (1, 10_000),
            Standing.APPROVED: (2, 20_000),
            Standing.HELD: (1, 10_000),
        },
        ("2026-04", "USD"): {Standing.EXPECTED: (1, 10_000)},
    }
    assert agrees_with_the_books(story.now)
    assert owed(story.now.replace(month=4, day=2))["2026-03", "USD"] == {
        Standing.HELD: (1, 10_000),
        Standing.OVERDUE: (3, 30_000),
    }


def test_it_is_what_the_payable_accounts_hold_whatever_else_happened():
    enrollment = booked_bonus(amount_minor=12_345).enrollment
    for make in (booked_bonus, paid_bonus, cancelled_bonus, reversed_bonus):
        make(account__enrollment=enrollment)
    withdrawals.withdraw(paid_bonus(amount_minor=9_999).enrollment, amount_minor=5_000, at=LATER)
    holds.place(booked_bonus(), reason="a question", by=UserFactory(), at=LATER)
    booked_bonus(amount_minor=1)

    assert agrees_with_the_books(LATER)


@pytest.mark.plants_breaches
def test_a_bonus_that_the_books_do_not_know_is_noticed():
    booked_bonus(booked=False)

    assert not agrees_with_the_books(LATER)


def test_standings_share_no_bonus_and_leave_out_none():
    story = Story(changes={"payout_schedule.minimum": "150.00", "payout_schedule.release": "AFTER_APPROVAL"})
    for name in ("one", "two"):
        story.earn(name)
    story.earn("of-ben", link="ben")
    story.pass_to("2026-03-16T00:05Z")
    batches.approve_all(story.program, put_up_by=story.fay, approved_by=story.finn, at=story.now)
    for as_of in (story.now, datetime(2026, 4, 2, tzinfo=UTC)):
        parts = {
            standing: set(Bonus.objects.filter(which).values_list("pk", flat=True))
            for standing, which in liabilities.standings(attention.at(as_of)).items()
        }
        assert sum(map(len, parts.values())) == len(set().union(*parts.values())) == 3
    # Below the minimum nothing is overdue.
    assert {standing: len(found) for standing, found in parts.items()} == {
        Standing.EXPECTED: 1,
        Standing.APPROVED: 0,
        Standing.HELD: 0,
        Standing.OVERDUE: 2,
    }


def test_currencies_and_programs_stand_apart():
    booked_bonus()
    booked_bonus(account__enrollment__program__currency="EUR")

    months = liabilities.by_month(Bonus.objects.all(), as_of=LATER)

    assert len({(month.program_id, month.currency) for month in months}) == 2
    assert agrees_with_the_books(LATER)
