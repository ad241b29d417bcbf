"""Warnings before a window closes with something unapproved in it: at 5, 2 and 1 business days, once."""

from datetime import date, datetime, timedelta

import pytest
from django.contrib.auth.models import Group, User
from django.core.management import call_command

from payouts import attention, batches, holds, sweeps, window_warnings
from payouts.models import Bonus, PayoutBatch
from referrals.models import Message, Program, ProgramStaff
from referrals.roles import ROLES
from tests.factories import UserFactory
from tests.story import Story

pytestmark = pytest.mark.django_db

# The window: Mar 16 to 31, 2026, a Tuesday; Good Friday is on Apr 3.
AFTER_APPROVAL = {"payout_schedule.release": "AFTER_APPROVAL"}


def of_role(name: str, role: str) -> User:
    person = UserFactory(username=name, email=f"{name}@company.example", is_staff=True)
    person.groups.set([Group.objects.get(name=role)])
    return person


@pytest.fixture
def people() -> dict[str, User]:
    call_command("make_groups", verbosity=0)
    return {role: of_role(role.lower().replace(" ", "-"), role) for role in ROLES}


@pytest.fixture
def story() -> Story:
    """Two bonuses in a draft, one of them held since."""
    story = Story(changes=AFTER_APPROVAL)
    story.earn("acme")
    held = story.earn("globex")
    story.pass_to("2026-03-16T00:05Z")
    holds.place(held, reason="a question", by=story.fay, at=story.now)
    return story


def warn(day: str, hour: str = "12:00Z") -> int:
    return window_warnings.warn(as_of=datetime.fromisoformat(f"2026-03-{day}T{hour}")).done


def told() -> list[tuple[str, str]]:
    rows = Message.objects.filter(kind=window_warnings.KIND).order_by("pk")
    return [(str(row.recipient), row.subject) for row in rows.select_related("recipient")]


@pytest.mark.parametrize(
    ("left", "step"), [(9, None), (6, None), (5, 5), (4, 5), (3, 5), (2, 2), (1, 1), (0, 1)]
)
def test_each_step_has_its_days(left, step):
    assert window_warnings.step_of(left) == step


def test_preparers_and_approvers_are_told_at_five_two_and_one_business_days(story, people):
    counts = {day: warn(str(day)) for day in range(16, 32)}

    # Mar 24 is a Tuesday: five business days until the 31st.
    assert {day: count for day, count in counts.items() if count} == {24: 2, 27: 2, 30: 2}
    said = "Smartcat: window closes in 5 business days, 2 bonuses not approved"
    assert sorted(told()[:2]) == [("finance-approvers", said), ("finance-preparers", said)]


def test_a_warning_says_what_is_missing_and_where(story, people):
    warn("27")

    text = Message.objects.filter(kind=window_warnings.KIND).earliest("pk").text

    assert "The window of Smartcat closes on Mar 31, 2026, in 2 business days." in text
    assert "Not approved yet: 2 bonuses, USD 200.00." in text
    assert "- 1 on hold: lift the hold, or they go on waiting" in text
    assert "- 1 in a draft: a preparer puts it up" in text
    assert f"/admin/payouts/bonus/?window=unapproved&terms__program__id__exact={story.program.pk}" in text


def test_nobody_is_told_twice_and_a_day_without_a_run_is_made_up_for(story, people):
    assert [warn("25"), warn("25", "12:01Z"), warn("26")] == [2, 0, 0]
    assert [warn("31"), warn("31", "23:59Z")] == [2, 0]
    assert len({row.key for row in Message.objects.all()}) == len(told()) == 4


def test_who_comes_later_is_told_what_is_true_then(story, people):
    warn("27")
    newcomer = of_role("nina", "Finance approvers")

    assert warn("27", "13:00Z") == 1
    assert Message.objects.filter(recipient=newcomer).count() == 1


def test_what_is_approved_or_automatic_or_not_open_warns_nobody(story, people):
    holds.lift(Bonus.objects.get(account__host_account="globex"), by=story.fay, at=story.now)
    batches.approve_all(story.program, put_up_by=story.fay, approved_by=story.finn, at=story.now)
    assert [warn(str(day)) for day in (24, 27, 30)] == [0, 0, 0]

    automatic = Story("smartcat", host="other")
    automatic.earn("initech")
    assert [warn(str(day)) for day in (24, 27, 30)] == [0, 0, 0]


def test_what_was_approved_and_is_held_since_warns_again(story, people):
    holds.lift(Bonus.objects.get(account__host_account="globex"), by=story.fay, at=story.now)
    batches.approve_all(story.program, put_up_by=story.fay, approved_by=story.finn, at=story.now)
    holds.place(Bonus.objects.earliest("pk"), reason="a doubt", by=story.fay, at=story.now)

    assert warn("30") == 2
    assert told()[0][1] == "Smartcat: window closes in 1 business day, 1 bonus not approved"


def test_what_waits_for_its_minimum_warns_nobody(people):
    story = Story(changes={**AFTER_APPROVAL, "payout_schedule.minimum": "150.00"})
    story.earn()

    assert warn("30") == 0


def test_a_batch_that_was_put_up_waits_for_its_approver(story, people):
    batches.put_up(PayoutBatch.objects.get(), by=story.fay, at=story.now)
    warn("30")

    text = Message.objects.earliest("pk").text
    assert "- 1 put up, waiting for an approver" in text


def test_who_works_for_other_programs_or_has_no_address_is_not_told(story, people):
    other = Program.objects.create(
        host=story.host,
        slug="other",
        name="Other",
        currency="USD",
        time_zone="UTC",
        landing_url="https://o.example",
    )
    ProgramStaff.objects.create(user=people["Finance preparers"], program=other)
    User.objects.filter(pk=people["Finance approvers"].pk).update(email="")

    assert warn("30") == 0


def test_holidays_of_the_programs_calendar_are_no_business_days(people):
    days = {"payout_schedule.opens": {"day": 1}, "payout_schedule.closes": {"day": 27}}
    calendar = {"payout_schedule.calendar": "US-FRB"}
    story = Story(changes={**AFTER_APPROVAL, **days, **calendar})
    # Activated in April, paid in May: Memorial Day is on May 25, 2026.
    story.now = datetime.fromisoformat("2026-04-06T10:00Z")
    story.earn()
    story.pass_to("2026-05-04T00:05Z")
    bonus = Bonus.objects.get()
    assert bonus.window_closes_on == date(2026, 5, 27)

    warned = {
        day: window_warnings.warn(as_of=datetime(2026, 5, day, 12, tzinfo=story.now.tzinfo)).done
        for day in range(15, 28)
    }

    # Without the holiday it would be the 20th.
    assert {day: count for day, count in warned.items() if count} == {19: 2, 22: 2, 26: 2}


def test_the_list_of_home_has_what_the_warning_counts(story, people):
    for day in (23, 24, 31):
        as_of = datetime(2026, 3, day, 12, tzinfo=story.now.tzinfo)
        listed = Bonus.objects.filter(attention.at(as_of).unapproved).count()
        warned = sum(each.bonuses for each in window_warnings.closing_windows(as_of=as_of))
        assert listed == warned == (0 if day == 23 else 2)


def test_the_sweep_writes_and_counts_it(story, people):
    at = datetime.fromisoformat("2026-03-30T12:00Z")

    first = sweeps.run("warn_before_closing", as_of=at, clock=lambda: at)
    second = sweeps.run("warn_before_closing", as_of=at + timedelta(minutes=1), clock=lambda: at)

    assert (first.examined, first.done, first.failed) == (2, 2, 0)
    assert (second.examined, second.done, second.failed) == (0, 0, 0)
