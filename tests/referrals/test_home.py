"""The first page: each number links to a list of exactly so many rows, and a role sees only its own."""

from datetime import date, timedelta

import pytest
from django.contrib.auth.models import Group, User
from django.core.management import call_command
from django.test import Client
from django.urls import reverse

from payouts import batches, holds, sweeps
from payouts.models import Bonus, PaymentOrder, Payout, PayoutMethod
from referrals import desk, messages, proposals
from referrals.models import (
    AccountEvent,
    FailingPart,
    JobRun,
    Message,
    ProgramStaff,
    SecondLook,
    Signal,
)
from tests.admin_pages import main_part
from tests.factories import ApiClientFactory, EnrollmentFactory, ProgramFactory, booked_bonus
from tests.refer_page import words
from tests.story import Story, person

pytestmark = pytest.mark.django_db

HOME = reverse("admin:index")
PEOPLE = {
    "cara": "Callers",
    "sam": "Seniors",
    "fay": "Finance preparers",
    "finn": "Finance approvers",
    "olga": "Operators",
    "ann": "Auditors",
    "mia": "Program managers",
}


@pytest.fixture
def people() -> dict[str, User]:
    call_command("make_groups", verbosity=0)
    cast = {name: person(name) for name in PEOPLE}
    for name, group in PEOPLE.items():
        cast[name].groups.set([Group.objects.get(name=group)])
    return cast


def client_of(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def lines(user: User) -> list[tuple[str, int, str]]:
    """All numbers of the page: words, number, address."""
    shown = client_of(user).get(HOME).context
    told = [(line.label, line.count, line.link) for line in [*shown["money"], *shown["problems"]]]
    return [*shown["needs"], *told]


def rows_behind(client: Client, address: str) -> int:
    """How many rows the list has that a number leads to."""
    shown = client.get(address)
    assert shown.status_code == 200, address
    if "cl" in shown.context:
        return shown.context["cl"].result_count
    return shown.context["page"].paginator.count


@pytest.fixture
def busy(people, time_machine) -> Story:
    """A day on which something waits under every line, and not the same number under each."""
    story = Story("smartcat", {"payout_schedule.release": "AFTER_APPROVAL"})
    for name in ("late1", "late2", "late3"):
        story.sign_up(name)
    bonuses = [story.earn(f"bonus{number}") for number in range(7)]
    for bonus in bonuses[:2]:
        holds.place(bonus, reason="fraud check", by=story.fay, at=story.now)
    story.decide(story.sign_up("looked-at"))
    story.wait(minutes=11)
    sweeps.evaluate(story.program, as_of=story.now)
    story.now += timedelta(days=50)
    story.pass_to(story.now.replace(hour=9))
    Bonus.objects.filter(pk__in=[bonus.pk for bonus in bonuses[2:5]]).update(
        window_closes_on=story.now.date() + timedelta(days=3)
    )
    flagged = story.sign_up("flagged", email="office@rosa-words.example")
    outcome = story.program.call_outcomes.get(code="CALL_BACK")
    agreed = {"by": story.cara, "at": story.now, "call_back_at": story.now + timedelta(hours=2)}
    desk.log_call(story.sign_up("new", phone="+49 40 777 888"), outcome=outcome, **agreed)
    Signal.objects.create(account=flagged, kind="EMPLOYEE", raised_by=story.cara, raised_at=story.now)
    for decision in flagged.program.accounts.get(host_account="looked-at").decisions.all():
        SecondLook.objects.create(decision=decision, drawn_at=story.now)
    for number in range(2):
        about = {"host_account": f"a{number}", "referrer": str(story.rosa.pk), "note": "a mail"}
        proposals.propose(
            "attribute", target=str(story.program.pk), arguments=about, by=story.cara, at=story.now
        )
    FailingPart.objects.create(job="release", part="enrollment 1", since=story.now, last_at=story.now)
    for number in range(4):
        story.tell(f"unknown{number}", "subscription.started")
    Message.objects.create(
        kind="over_sla",
        key="1",
        address="lead@example.com",
        subject="Late",
        written_at=story.now,
        tries=messages.MOST_TRIES,
    )
    _payout_of_which_nothing_is_known(story)
    time_machine.move_to(story.now, tick=False)
    return story


def _payout_of_which_nothing_is_known(story: Story) -> None:
    mine = EnrollmentFactory(program=story.program)
    bonus = booked_bonus(account__enrollment=mine)
    batch = story.program.batches.create(
        run_on=story.now.date(), kind=bonus.kind, currency="USD", sequence=99, status="VOIDED", automatic=True
    )
    story.program.batches.create(
        run_on=story.now.date(),
        kind=bonus.kind,
        currency="USD",
        sequence=98,
        status="AWAITING_APPROVAL",
        automatic=False,
        prepared_by=story.fay,
    )
    payout = Payout.objects.create(
        batch=batch,
        enrollment=mine,
        amount_minor=100,
        currency="USD",
        status="UNKNOWN",
        created_at=story.now,
    )
    method = PayoutMethod.objects.create(
        program=story.program, code="HOST", opened_by=story.fay, opened_at=story.now
    )
    # Nobody calls about it by themselves any more.
    PaymentOrder.objects.create(
        payout=payout,
        method=method,
        key="k",
        amount_minor=100,
        currency="USD",
        written_at=story.now,
        status="WAITING",
    )


@pytest.mark.parametrize("who", PEOPLE)
def test_each_number_leads_to_a_list_of_exactly_so_many_rows(who, busy, people):
    client = client_of(people[who])

    told = lines(people[who])

    assert told != []
    assert [(label, number) for label, number, _ in told] == [
        (label, rows_behind(client, address)) for label, _, address in told
    ]


def test_something_waits_under_every_line(busy, people):
    root = User.objects.create(username="root", is_staff=True, is_superuser=True)

    told = {label: number for label, number, _ in lines(root)}

    assert [label for label, number in told.items() if not number and "of mine" not in label] == []
    assert told["bonuses whose window closes within 5 business days"] == 3
    assert told["bonuses on hold"] == 2
    assert told["parked events"] == 4
    assert told["proposals to confirm"] == 2
    assert told["second look"] == told["mail that could not be sent"] == 1
    # One was told by a person, one by the checks.
    assert told["signals for a senior"] == 2


def test_a_number_of_others_is_not_counted(busy, people):
    """The lists are those of a person's programs, and so are the numbers."""
    other = ProgramFactory()
    for user in people.values():
        ProgramStaff.objects.create(user=user, program=other)

    for who, user in people.items():
        found = {label: number for label, number, _ in lines(user) if number}
        # Jobs and mails belong to no program.
        assert set(found) <= {"part of a job that keeps failing", "mail that could not be sent"}, who


@pytest.mark.parametrize(
    ("who", "seen"),
    [
        (
            "cara",
            {
                *("companies to call now", "call-backs today", "companies of mine"),
                *("companies over SLA", "flagged companies"),
            },
        ),
        ("olga", {"parts of jobs that keep failing", "parked events"}),
    ],
)
def test_a_role_sees_only_its_lines(who, seen, people):
    told = {label for label, _, _ in lines(people[who])}

    assert seen <= told
    assert [label for label in told if "bonus" in label or "batch" in label or "payout" in label] == []


def test_money_is_summed_by_currency(busy, people):
    told = {line.label: line.sums for line in client_of(people["fay"]).get(HOME).context["money"]}

    assert told["bonuses on hold"] == "USD 200.00"
    assert told["bonuses whose window closes within 5 business days"] == "USD 300.00"


@pytest.mark.parametrize(
    ("closes", "found"), [(-1, "overdue"), (0, "closing"), (4, "closing"), (5, ""), (7, "")]
)
def test_a_window_closes_soon_up_to_five_business_days_and_then_it_is_overdue(
    closes, found, people, time_machine
):
    """Monday counts as the first: the fifth is Friday."""
    story = Story("smartcat")
    bonus = story.earn("acme")
    monday = date(2026, 2, 2)
    closing = {
        "window_opens_on": monday - timedelta(days=9),
        "window_closes_on": monday + timedelta(days=closes),
    }
    Bonus.objects.filter(pk=bonus.pk).update(**closing)
    time_machine.move_to(story.now, tick=False)

    told = {line.label: line.count for line in client_of(people["fay"]).get(HOME).context["money"]}

    words_for = {
        "closing": ["bonus whose window closes within 5 business days"],
        "overdue": ["bonus overdue"],
        "": [],
    }
    assert [label for label, number in told.items() if number] == words_for[found]


def test_what_waits_for_its_minimum_is_not_overdue(people, time_machine):
    story = Story("smartcat", {"payout_schedule.minimum": "150.00"})
    story.earn("acme")
    time_machine.move_to("2026-04-10T10:00Z", tick=False)

    carried = dict(_money_numbers(people["fay"]))
    Bonus.objects.update(on_hold=False)
    story.earn("globex")

    assert carried["bonuses overdue"] == 0
    assert dict(_money_numbers(people["fay"]))["bonuses overdue"] == 2


def _money_numbers(user: User) -> list[tuple[str, int]]:
    return [(line.label, line.count) for line in client_of(user).get(HOME).context["money"]]


def test_nothing_to_do_is_said_with_what_comes_next(people, time_machine):
    story = Story("smartcat")
    story.earn("acme")
    time_machine.move_to(story.now, tick=False)

    of_fay, of_cara = (words(main_part(client_of(people[who]).get(HOME))) for who in ("fay", "cara"))

    assert "Nothing is waiting for you" in of_fay
    assert "The next window opens on Mar 16, 2026 ." in of_fay
    assert "Nothing is waiting for you No other company waits for a call." in of_cara
    assert "0 companies to call now" in of_cara


def test_how_the_books_were_verified_is_told(people, time_machine):
    story = Story("smartcat")
    time_machine.move_to(story.now, tick=False)
    run = {"job": "verify_books", "as_of": story.now, "started_at": story.now, "ended_at": story.now}
    JobRun.objects.create(**run, examined=11, done=11)
    balanced = words(main_part(client_of(people["ann"]).get(HOME)))
    JobRun.objects.create(**{**run, "started_at": story.now + timedelta(seconds=-1)}, examined=11, failed=2)
    JobRun.objects.filter(failed=0).delete()

    assert "Books verified Feb 2, 10:00 UTC: balanced." in balanced
    assert "✗ 2 breaches" in words(main_part(client_of(people["ann"]).get(HOME)))


@pytest.mark.parametrize("who", [*PEOPLE, "root"])
def test_the_page_costs_at_most_twelve_queries(who, busy, people, django_assert_max_num_queries):
    sweeps.count_months(as_of=busy.now)
    everybody = Group.objects.all()
    user = people.get(who) or User.objects.create(username="root", is_staff=True)
    if who == "root":
        # Somebody who may everything without being a superuser asks most.
        user.groups.set(everybody)
        ProgramStaff.objects.create(user=user, program=busy.program)
    client = client_of(user)

    with django_assert_max_num_queries(12):
        assert client.get(HOME).status_code == 200


def test_parked_events_of_long_ago_are_not_counted(people, time_machine):
    story = Story("smartcat")
    story.client = ApiClientFactory(host=story.host)
    story.tell("nobody", "subscription.started")
    time_machine.move_to(story.now + timedelta(days=30), tick=False)
    old = {label: number for label, number, _ in lines(people["ann"])}
    time_machine.move_to(story.now + timedelta(days=29), tick=False)
    young = {label: number for label, number, _ in lines(people["ann"])}

    assert AccountEvent.objects.parked().count() == 1
    assert (old["parked events"], young["parked event"]) == (0, 1)


def test_a_batch_waits_for_whoever_may_do_the_next_step(people, time_machine):
    story = Story("smartcat", {"payout_schedule.release": "AFTER_APPROVAL"})
    story.earn("acme")
    story.pass_to("2026-03-16T00:05Z")
    time_machine.move_to(story.now, tick=False)
    drafted = {label: number for label, number, _ in lines(people["fay"])}
    batch = story.program.batches.get()
    batches.put_up(batch, by=story.fay, at=story.now)
    put_up = {label: number for label, number, _ in lines(people["finn"])}

    assert drafted["batch to put up"] == 1
    assert put_up["batch awaiting approval"] == 1


def test_who_calls_begins_with_the_next_company_and_finds_one(busy, people):
    page = client_of(people["cara"]).get(HOME).content.decode()
    of_fay = client_of(people["fay"]).get(HOME).content.decode()

    assert page.count("staff-button staff-next") == 1
    assert reverse("admin:referrals_referredaccount_next") in page
    assert 'name="q"' in page
    assert "Next company" not in of_fay


@pytest.mark.parametrize(("who", "seen"), [("sam", True), ("mia", True), ("cara", False)])
def test_a_lead_sees_the_funnel(who, seen, busy, people):
    sweeps.count_months(as_of=busy.now)

    charts = client_of(people[who]).get(HOME).context["charts"]

    assert (charts is not None) == seen


def test_a_lead_sees_the_funnel_of_the_own_programs_only(busy, people):
    other = ProgramFactory()
    ProgramStaff.objects.create(user=people["sam"], program=other)
    sweeps.count_months(as_of=busy.now)

    charts = client_of(people["sam"]).get(HOME).context["charts"]

    assert [each.pk for each in charts.programs] == [other.pk]
    assert (charts.money, charts.stages) == ([], [])
