"""The funnel and the money by months: how they are counted, and how the first page shows them."""

from datetime import date, timedelta

import pytest
from django.contrib.auth.models import Group, User
from django.core.management import call_command
from django.test import Client
from django.urls import reverse

from payouts import reversals, sweeps
from payouts.models import Bonus, MoneyMonth
from referrals import funnel
from referrals.models import FunnelMonth
from tests.admin_pages import main_part
from tests.factories import ProgramFactory
from tests.refer_page import words
from tests.story import Story, person

pytestmark = pytest.mark.django_db

HOME = reverse("admin:index")


@pytest.fixture
def people() -> dict[str, User]:
    """Ann audits, Olga operates."""
    call_command("make_groups", verbosity=0)
    groups = {"ann": "Auditors", "olga": "Operators"}
    for name, group in groups.items():
        person(name).groups.set([Group.objects.get(name=group)])
    return {name: person(name) for name in groups}


def client_of(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def year(people, time_machine) -> Story:
    """Two companies in February, three in March, one of them ten minutes before April."""
    story = Story("smartcat", {"terms.clawback": "BY_STAFF"})
    story.earn("one")
    story.sign_up("two", link="ben")
    story.pass_to("2026-03-16T00:05Z")
    story.earn("three")
    story.decide(story.sign_up("four"))
    story.pass_to("2026-03-31T23:50Z")
    story.sign_up("five")
    story.evaluate()
    time_machine.move_to(story.now, tick=False)
    return story


def test_the_funnel_is_counted_by_the_month_of_the_sign_up(year):
    sweeps.count_months(as_of=year.now)

    counted = {
        (row.month, row.milestone): row.accounts for row in FunnelMonth.objects.filter(program=year.program)
    }
    february, march = date(2026, 2, 1), date(2026, 3, 1)
    assert counted == {
        (february, "signed_up"): 2,
        (february, "qualified"): 1,
        (february, "qualifying_purchase"): 1,
        (march, "signed_up"): 3,
        (march, "qualified"): 2,
        (march, "qualifying_purchase"): 1,
    }


def test_the_count_follows_what_changes_and_forgets_what_is_over(year):
    sweeps.count_months(as_of=year.now)
    year.revoke(year.program.accounts.get(host_account="three"))
    year.wait(hours=1)
    sweeps.count_months(as_of=year.now)
    march = FunnelMonth.objects.get(month=date(2026, 3, 1), milestone="qualified")
    purchases = FunnelMonth.objects.filter(month=date(2026, 3, 1), milestone="qualifying_purchase")

    funnel.count(year.program, as_of=year.now + timedelta(days=330))

    assert march.accounts == 1
    assert list(purchases) == []
    assert {row.month for row in FunnelMonth.objects.all()} == {date(2026, 3, 1)}


def test_the_count_may_run_twice_and_says_the_same(year):
    sweeps.count_months(as_of=year.now)
    before = list(FunnelMonth.objects.values_list()), list(MoneyMonth.objects.values_list())

    sweeps.count_months(as_of=year.now)

    assert (list(FunnelMonth.objects.values_list()), list(MoneyMonth.objects.values_list())) == before


def test_money_is_summed_by_the_month_of_its_step_and_of_its_window(year):
    sweeps.count_months(as_of=year.now)

    summed = {
        row.month: (row.activated_minor, row.paid_minor, row.to_pay_minor) for row in MoneyMonth.objects.all()
    }
    assert summed == {
        date(2026, 2, 1): (10_000, 0, 0),
        date(2026, 3, 1): (10_000, 10_000, 0),
        date(2026, 4, 1): (0, 0, 10_000),
    }


def test_what_was_paid_and_reversed_is_not_among_what_was_paid(year):
    paid = Bonus.objects.get(status="PAID")
    reversals.reverse(paid, by=year.fay, approved_by=year.finn, at=year.now, note="Bought by mistake.")

    sweeps.count_months(as_of=year.now)

    assert [row.paid_minor for row in MoneyMonth.objects.all()] == [0, 0, 0]


def test_the_charts_say_their_numbers_in_words_and_in_a_table(year, people):
    sweeps.count_months(as_of=year.now)

    answer = client_of(people["ann"]).get(HOME)
    shown = words(main_part(answer))

    charts = answer.context["charts"]
    assert [(bar.label, bar.number, bar.share, bar.percent) for bar in charts.stages] == [
        ("Signed up with your link", 5, "", 100.0),
        ("Qualified referrals", 3, "60 %", 60.0),
        ("Made a qualifying purchase", 2, "67 %", 40.0),
    ]
    assert "Mar 2026 3 2 67 % 1 50 %" in shown
    assert "Apr 2026 0.00 0.00 100.00" in shown
    assert 'aria-label="Signed up with your link: 5. Qualified referrals: 3, 60 % of the stage before.' in (
        answer.content.decode()
    )
    heights = {column.month.month: column.height for column in charts.signed_up.columns}
    assert (heights[2], heights[3], heights[1]) == (64, 96, 0)


def test_a_program_is_picked_in_the_address(year, people):
    other = ProgramFactory(host=year.host, name="Another", slug="another")
    client = client_of(people["ann"])

    first, chosen, wrong = (
        client.get(HOME, asked).context["charts"].program
        for asked in ({}, {"program": str(year.program.pk)}, {"program": "4711"})
    )

    assert (first, chosen, wrong) == (other, year.program, other)


def test_who_sees_no_money_sees_no_chart_of_it(year, people):
    sweeps.count_months(as_of=year.now)
    people["olga"].user_permissions.set(
        Group.objects.get(name="Auditors").permissions.filter(codename="view_program")
    )

    charts = client_of(people["olga"]).get(HOME).context["charts"]

    assert charts.stages != []
    assert (charts.money, charts.money_rows) == ([], [])
