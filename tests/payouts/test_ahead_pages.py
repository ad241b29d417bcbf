"""What lies ahead of finance, as pages: what will be paid, what is overdue, what is owed."""

import csv
import re
from datetime import datetime

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Group, User
from django.core.management import call_command
from django.test import Client
from django.urls import reverse

from payouts import batches, forecast, holds
from payouts.models import Bonus
from referrals.models import JobRun, Message, ProgramStaff
from tests.admin_pages import main_part
from tests.factories import ProgramFactory, UserFactory, booked_bonus
from tests.story import Story, nothing_changes

pytestmark = pytest.mark.django_db

AFTER_APPROVAL = {"payout_schedule.release": "AFTER_APPROVAL"}
PARTS = ["ahead", "overdue", "liabilities"]


def at(part: str, **query: str) -> str:
    return reverse(f"admin:payouts_bonus_{part}", query=query)


def client_of(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def of_role(role: str) -> User:
    call_command("make_groups", verbosity=0)
    person = UserFactory()
    person.groups.set([Group.objects.get(name=role)])
    return person


@pytest.fixture
def story(time_machine) -> Story:
    """Acme's bonus waits for an approval, Globex's is held; the window is open."""
    told = Story(changes=AFTER_APPROVAL)
    told.earn("acme")
    held = told.earn("globex")
    told.pass_to("2026-03-16T00:05Z")
    holds.place(held, reason="a question", by=told.fay, at=told.now)
    time_machine.move_to(told.now, tick=False)
    return told


def words(answer) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", main_part(answer)))


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize(
    ("role", "status"),
    [
        ("Finance preparers", 200),
        ("Finance approvers", 200),
        ("Support", 200),
        ("Auditors", 200),
        ("Callers", 403),
        ("Operators", 403),
    ],
)
def test_finance_support_and_auditors_read_them(part, role, status):
    assert client_of(of_role(role)).get(at(part)).status_code == status


@pytest.mark.parametrize("part", PARTS)
def test_who_is_not_logged_in_is_sent_to_the_log_in(part, client):
    assert client.get(at(part)).url.startswith("/admin/login/")


@pytest.mark.parametrize(
    ("part", "told"),
    [
        ("ahead", "Nothing is activated and unpaid."),
        ("overdue", "Nothing is overdue: every bonus whose window has closed is paid"),
        ("liabilities", "Nothing is owed: every bonus is paid, reversed or cancelled."),
    ],
)
def test_an_empty_page_says_why(part, told, admin_client):
    assert told in words(admin_client.get(at(part)))


@pytest.mark.parametrize("part", PARTS)
def test_who_works_for_other_programs_sees_nothing_of_this_one(part, story, time_machine):
    time_machine.move_to(datetime.fromisoformat("2026-04-02T12:00Z"), tick=False)
    person = of_role("Finance preparers")
    assert "acme" in words(client_of(person).get(at("overdue"))).lower()
    ProgramStaff.objects.create(user=person, program=ProgramFactory())

    shown = words(client_of(User.objects.get(pk=person.pk)).get(at(part)))

    assert "smartcat" not in shown.lower()
    assert "acme" not in shown.lower()


# --- what will be paid ------------------------------------------------------------------------------------


def test_the_windows_of_the_next_months_stand_by_program(story, admin_client):
    story.now = story.now.replace(day=20)
    story.earn("later")

    shown = words(admin_client.get(at("ahead")))

    assert "Open now 2 USD 200.00 Mar 16 - 31, 2026 account balance 2 1 0 1 USD 200.00" in shown
    assert "April 2026 1 USD 100.00 Apr 16 - 30, 2026 account balance 1 1 0 0 USD 100.00" in shown


def test_a_dry_run_of_a_date_says_what_it_would_do_and_writes_nothing(story, admin_client):
    with nothing_changes():
        answer = admin_client.post(at("ahead"), {"day": "2026-03-20", "program": story.program.pk})

    shown = words(answer)
    assert answer.status_code == 200
    assert "A run of Mar 20, 2026 would do this" in shown
    assert "◔ Waits for an approval 1 1 USD 100.00" in shown
    assert "❚❚ Held 1 1 USD 100.00" in shown
    assert (JobRun.objects.count(), Message.objects.count()) == (0, 0)


def test_a_dry_run_equals_the_run(story, admin_client):
    holds.lift(Bonus.objects.get(on_hold=True), by=story.fay, at=story.now)
    batches.prepare(as_of=story.now)
    batches.approve_all(story.program, put_up_by=story.fay, approved_by=story.finn, at=story.now)

    shown = words(admin_client.post(at("ahead"), {"day": "2026-03-20"}))
    story.pass_to("2026-03-20T12:00Z")

    assert "✓ Will be paid 2 1 USD 200.00" in shown
    assert Bonus.objects.filter(status="PAID").count() == 2


def test_a_dry_run_far_ahead_counts_what_would_be_overdue(story, admin_client):
    shown = words(admin_client.post(at("ahead"), {"day": "2027-01-01"}))

    assert "! Overdue 2 of what stays unpaid are beyond the window by then." in shown


@pytest.mark.parametrize("day", ["", "soon", "9999-12-31", "1999-01-01"])
def test_a_day_that_is_none_is_told_beside_the_field(day, story, admin_client):
    answer = admin_client.post(at("ahead"), {"day": day})

    assert answer.status_code == 200
    assert answer.context["ran"] is None
    assert "staff-error" in main_part(answer)


def test_too_many_are_refused_with_the_command_line(story, admin_client, monkeypatch):
    monkeypatch.setattr(forecast.dry_run, "__kwdefaults__", {"most": 1})

    answer = admin_client.post(at("ahead"), {"day": "2026-03-20"})

    assert answer.status_code == 409
    assert "manage.py release --dry-run --as-of 2026-03-20" in words(answer)


def test_a_program_of_somebody_else_is_not_offered(story):
    person = of_role("Finance preparers")
    ProgramStaff.objects.create(user=person, program=ProgramFactory())

    answer = client_of(person).post(at("ahead"), {"day": "2026-03-20", "program": story.program.pk})

    assert answer.context["ran"] is None


def test_monthly_rewards_are_told_apart(admin_client, time_machine):
    story = Story("smithai-legacy")
    acme = story.sign_up()
    story.tell(acme, "account.activated")
    story.pass_to("2025-03-01T12:00Z")
    time_machine.move_to(story.now, tick=False)

    before = words(admin_client.get(at("ahead")))
    shown = words(admin_client.get(at("ahead"), {"monthly": ""}))

    assert "earns today" not in before
    assert "Show monthly rewards to come" in before
    assert "Monthly rewards to come Not earned yet." in shown
    assert "1 account earns today: USD 25.00 a month." in shown


def test_a_window_that_has_closed_is_not_called_open(story, admin_user, time_machine):
    time_machine.move_to(datetime.fromisoformat("2026-04-03T12:00Z"), tick=False)

    shown = words(client_of(admin_user).get(at("ahead")))

    assert "Window closed, still unpaid 2 USD 200.00" in shown
    assert "Open now" not in shown


# --- what is overdue --------------------------------------------------------------------------------------


def test_each_overdue_bonus_says_how_late_it_is_and_whose_move_it_is(story, admin_user, time_machine):
    time_machine.move_to(datetime.fromisoformat("2026-04-03T12:00Z"), tick=False)
    client = client_of(admin_user)

    answer = client.get(at("overdue"))

    shown = words(answer)
    assert "2 bonuses overdue" in shown
    assert [line["days"] for line in answer.context["lines"]] == [3, 3]
    assert [line["headline"].who for line in answer.context["lines"]] == ["PREPARER", "FINANCE"]
    assert "Finance acts next: a preparer puts the batch up." in shown
    assert "It is on hold: a question. Overdue by 3 days." in shown
    home = client.get(reverse("admin:index")).context["money"]
    assert next(line.count for line in home if "overdue" in line.label) == 2


# --- what is owed -----------------------------------------------------------------------------------------


def test_each_number_leads_to_exactly_these_bonuses(story, admin_user, time_machine):
    story.now = story.now.replace(day=20)
    story.earn("later")
    time_machine.move_to(datetime.fromisoformat("2026-04-03T12:00Z"), tick=False)
    client = client_of(admin_user)

    months = client.get(at("liabilities")).context["months"]

    counted = {
        (f"{month['month']:%Y-%m}", part["label"]): (
            part["bonuses"],
            client.get(part["link"]).context["cl"].result_count,
        )
        for month in months
        for part in month["parts"]
    }
    assert {key: numbers for key, numbers in counted.items() if numbers[0]} == {
        ("2026-03", "Held"): (1, 1),
        ("2026-03", "Overdue"): (1, 1),
        ("2026-04", "Expected"): (1, 1),
    }
    assert all(there == listed for there, listed in counted.values())


def test_it_is_compared_with_the_books_to_the_cent(story, admin_client):
    shown = words(admin_client.get(at("liabilities", books="")))

    assert "Owed: USD 200.00" in shown
    assert "Smartcat USD 200.00 USD 200.00 ✓ to the cent" in shown


@pytest.mark.plants_breaches
def test_a_difference_to_the_books_is_told(story, admin_client):
    booked_bonus(booked=False)

    assert "✗ they differ: tell an operator, who runs verify_books" in words(
        admin_client.get(at("liabilities", books=""))
    )


def test_it_is_exported_harmless_and_logged(story, admin_client):
    type(story.program).objects.update(slug="=cmd")

    answer = admin_client.get(at("liabilities", format="csv"))

    lines = list(csv.reader(b"".join(answer.streaming_content).decode().splitlines()))
    assert lines[0][:5] == [
        "As of",
        "Program",
        "Month in which the window closes",
        "Currency",
        "Expected bonuses",
    ]
    assert lines[1][1:] == [
        "'=cmd",
        "2026-03",
        "USD",
        "1",
        "100.00",
        "0",
        "0.00",
        "1",
        "100.00",
        "0",
        "0.00",
        "200.00",
    ]
    assert answer["Content-Disposition"] == 'attachment; filename="liabilities-2026-03-16.csv"'
    assert LogEntry.objects.get().object_repr == "Liabilities"


@pytest.mark.parametrize(
    "asked", ["closes=2026-13", "closes=x", "standing=x", "closes=", "standing=", "window=x"]
)
def test_a_filter_that_means_nothing_filters_nothing(asked, story, admin_client):
    shown = admin_client.get(f"{reverse('admin:payouts_bonus_changelist')}?{asked}")

    assert shown.context["cl"].result_count == 2


# --- what they cost ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("bonuses", [1, 4])
@pytest.mark.parametrize(("part", "queries"), [("ahead", 6), ("overdue", 5), ("liabilities", 4)])
def test_a_page_costs_the_same_with_one_bonus_and_with_four(
    part, queries, bonuses, admin_user, time_machine, django_assert_num_queries
):
    story = Story(changes=AFTER_APPROVAL)
    for number in range(bonuses):
        story.earn(f"company{number}")
    story.pass_to("2026-04-03T12:00Z")
    time_machine.move_to(story.now, tick=False)
    client = client_of(admin_user)

    with django_assert_num_queries(queries):
        assert client.get(at(part)).status_code == 200
