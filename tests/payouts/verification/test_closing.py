"""Closed months and spends that were told: each breach is named."""

import pytest
from django.contrib.auth.models import User

from payouts import closing, host_spends
from payouts.host_spends import SpendTold
from payouts.models import HostSpend, MonthClose, Transfer
from tests.factories import ApiClientFactory
from tests.payouts.verification.plant import alter, found, guards_down
from tests.story import Story

pytestmark = pytest.mark.django_db


@pytest.fixture
def story() -> Story:
    """February and March are closed."""
    story = Story("smartcat")
    story.earn()
    story.pass_to("2026-03-16T00:05Z")
    story.pass_to("2026-04-02T09:00Z")
    for _ in range(2):
        month = closing.next_month(story.program)
        closing.close(story.program, month=month, by=story.fay, confirmed_by=story.finn, at=story.now)
    assert found() == []
    return story


def opened(closed: MonthClose, story: Story, **changed: object) -> None:
    people = {"reopened_by": story.fay, "reopening_confirmed_by": story.finn, "reopened_because": "a reason"}
    alter(closed, reopened_at=story.now, **{**people, **changed})


def test_a_transfer_planted_in_a_closed_month(story):
    march = MonthClose.objects.latest("month")
    paid = Transfer.objects.get(kind="RELEASED")
    with guards_down(Transfer):
        planted = Transfer.objects.create(
            debit=paid.credit,
            credit=paid.debit,
            amount_minor=100,
            currency="USD",
            kind="REVERSED",
            posted_at=paid.posted_at,
            bonus=paid.bonus,
        )

    breach = ("I8", "closed months whose balances are no longer those of their transfers", [march.pk])
    assert breach in found()
    assert planted.pk


def test_a_closed_balance_that_was_altered(story):
    february = MonthClose.objects.earliest("month")
    march = MonthClose.objects.latest("month")
    alter(february.balances.get(kind="EXPENSE"), debits_minor=1)
    # The sums of the last closed month hold those of every month before.
    assert found() == []
    alter(march.balances.get(kind="EXPENSE"), debits_minor=1)

    assert found() == [
        ("I8", "closed months whose balances are no longer those of their transfers", [march.pk])
    ]


def test_a_month_opened_below_a_closed_one(story):
    february = MonthClose.objects.earliest("month")
    opened(february, story)

    assert found() == [("I8", "months that were opened again while a later one is closed", [february.pk])]


def test_a_month_closed_by_one_person(story):
    february = MonthClose.objects.earliest("month")
    alter(february, closed_by=story.finn, without=["month_close_by_two_people"])

    assert found() == [("I12", "months closed or opened again by fewer than two people", [february.pk])]


@pytest.mark.parametrize("changed", [{"reopening_confirmed_by": "fay"}, {"reopened_by": None}])
def test_a_month_opened_again_by_one_person(story, changed):
    march = MonthClose.objects.latest("month")
    people = {name: who and User.objects.get(username=who) for name, who in changed.items()}
    opened(march, story, without=["month_close_reopened_by_two_people_with_a_reason"], **people)

    assert found() == [("I12", "months closed or opened again by fewer than two people", [march.pk])]


def test_a_spend_told_by_another_host(story):
    told = SpendTold("s1", "smartcat", "rosa", 100, "USD", "translation")
    host_spends.spend(story.client, told=told, at=story.now)
    row = HostSpend.objects.get()
    alter(row, client=ApiClientFactory())

    assert found() == [("I13", "spends told by the software of another host", [row.pk])]
