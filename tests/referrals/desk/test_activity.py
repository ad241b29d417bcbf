"""The report of caller activity: what is counted, who sees whose, and what goes into its file."""

import csv
from datetime import UTC, datetime, timedelta
from io import StringIO

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Group, Permission, User
from django.core.management import call_command
from django.test import Client
from django.urls import reverse

from referrals import activity, qualification
from referrals.models import ProgramStaff, SecondLook
from referrals.rules.spreadsheets import harmless
from tests.factories import ProgramFactory
from tests.story import Story

pytestmark = pytest.mark.django_db

REPORT = reverse("admin:referrals_referredaccount_activity")
FEBRUARY = {"since": "2026-02-01", "until": "2026-02-28"}


@pytest.fixture
def story(time_machine) -> Story:
    """Two weeks of Cara, one of Sam."""
    told = Story("smartcat")
    call_command("make_groups", verbosity=0)
    for who, group in [(told.cara, "Callers"), (told.sam, "Seniors"), (told.fay, "Finance preparers")]:
        who.groups.set([Group.objects.get(name=group)])
    told.sam.user_permissions.add(Permission.objects.get(codename="lead_referredaccount"))
    acme, globex = told.sign_up("acme"), told.sign_up("globex")
    told.call(acme)
    told.now += timedelta(hours=4)
    told.call(acme, "REACHED")
    first = told.decide(acme)
    told.decide(globex)
    qualification.undo(globex, by=told.cara, at=told.now)
    told.call(globex, by=told.sam)
    told.now += timedelta(hours=2)
    told.decide(globex, by=told.sam)
    told.now += timedelta(days=7)
    initech = told.sign_up("initech")
    told.now += timedelta(hours=10)
    told.call(initech)
    told.decide(initech)
    SecondLook.objects.create(decision=first, drawn_at=told.now)
    SecondLook.objects.update(looked_at=told.now, looked_by=told.sam, result="QUALIFIED")
    time_machine.move_to(told.now, tick=False)
    return told


def client_of(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def february(story: Story, viewer: User, **more: object) -> dict[tuple[str, int], list[object]]:
    begins, ends = datetime(2026, 2, 1, tzinfo=UTC), datetime(2026, 3, 1, tzinfo=UTC)
    return {
        (done.person, done.week.day): [done.calls, done.connected, done.decided, done.undone, done.mean_hours]
        for done in activity.per_week(viewer, begins=begins, ends=ends, **more)
    }


def test_each_week_of_each_person(story):
    assert february(story, story.sam) == {
        ("cara", 2): [2, 1, 1, 1, 4.0],
        ("cara", 9): [1, 0, 1, 0, 10.0],
        ("sam", 2): [1, 0, 1, 0, 6.0],
    }


def test_all_weeks_together_have_the_mean_of_all_decisions(story):
    weeks = activity.per_week(
        story.sam, begins=datetime(2026, 2, 1, tzinfo=UTC), ends=datetime(2026, 3, 1, tzinfo=UTC)
    )
    cara = activity.per_person(weeks)[0]
    assert (cara.person, cara.calls, cara.decided, cara.mean_hours) == ("cara", 3, 2, 7.0)
    assert (cara.looked_at, cara.agreed) == (1, 1)


def test_the_end_is_exclusive_and_other_programs_are_left_out(story):
    begins = datetime(2026, 2, 9, tzinfo=UTC)
    assert (
        activity.per_week(story.sam, begins=begins - timedelta(days=30), ends=story.now - timedelta(days=9))
        == []
    )
    assert february(story, story.sam, program=ProgramFactory()) == {}
    assert list(february(story, story.sam, person=story.sam)) == [("sam", 2)]


def test_the_page_names_program_and_period(story):
    page = client_of(story.sam).get(REPORT, {**FEBRUARY, "program": story.program.pk})

    text = page.content.decode()
    assert "Refer a client, Feb 1, 2026 - Feb 28, 2026 (UTC)" in text
    assert [done.person for done in page.context["people"]] == ["cara", "sam"]
    assert page.context["total"].calls == 4
    assert "the mean over decisions" in text


def test_a_caller_sees_the_own_line_only(story):
    page = client_of(story.cara).get(REPORT, FEBRUARY)

    assert [done.person for done in page.context["people"]] == ["cara"]
    assert ">sam<" not in page.content.decode()
    asked_for_sam = client_of(story.cara).get(REPORT, {**FEBRUARY, "person": story.sam.pk, "format": "csv"})
    assert "sam" not in asked_for_sam.getvalue().decode()


def test_who_neither_leads_nor_decides_sees_nothing(story):
    assert client_of(story.fay).get(REPORT).status_code == 403


def test_a_lead_of_other_programs_sees_nothing_of_these(story):
    ProgramStaff.objects.create(user=story.sam, program=ProgramFactory())
    page = client_of(story.sam).get(REPORT, FEBRUARY)
    assert page.context["people"] == []
    assert "Nobody called or decided." in page.content.decode()


def test_the_file_holds_no_formula_and_leaves_a_trace(story):
    User.objects.filter(pk=story.cara.pk).update(username="=cmd|'/C calc'!A0")

    answer = client_of(story.sam).get(REPORT, {**FEBRUARY, "format": "csv"})

    assert answer["Content-Type"] == "text/csv; charset=utf-8"
    assert 'filename="caller-activity-2026-02-01-2026-02-28.csv"' in answer["Content-Disposition"]
    lines = list(csv.reader(StringIO(answer.getvalue().decode())))
    assert lines[0][:5] == ["Program", "From", "To", "Person", "Week from"]
    assert [line[3] for line in lines[1:]] == ["'=cmd|'/C calc'!A0"] * 2 + ["sam"]
    assert lines[1][4:] == ["2026-02-02", "2", "1", "1", "1", "4.0", "0", "0"]
    entry = LogEntry.objects.get()
    assert (entry.user, entry.change_message) == (
        story.sam,
        "Exported: all programs, 2026-02-01 to 2026-02-28, 3 lines",
    )


@pytest.mark.parametrize(
    ("cell", "text"),
    [
        ("=1", "'=1"),
        ("+1", "'+1"),
        ("-1", "'-1"),
        ("@a", "'@a"),
        ("\t=", "'\t="),
        ("a=1", "a=1"),
        (-1, "-1"),
        ("", ""),
    ],
)
def test_a_cell_that_would_be_run_is_text(cell, text):
    assert harmless(cell) == text


def test_the_report_stays_within_its_queries(story, django_assert_max_num_queries):
    client = client_of(story.sam)
    ProgramStaff.objects.create(user=story.sam, program=story.program)
    with django_assert_max_num_queries(12):
        client.get(REPORT, {**FEBRUARY, "program": story.program.pk})
