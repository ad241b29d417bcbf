"""What the queue and the board say, in words: names, reasons, checks, and where a search finds something."""

from datetime import UTC, datetime, timedelta

import pytest
from django.contrib.auth.models import Group, User
from django.core.management import call_command
from django.test import Client
from django.urls import reverse

from referrals import reviews
from referrals.models import CriterionResult, Program, Review
from referrals.names import from_slug
from referrals.templatetags.staff import short_age
from tests.admin_pages import main_part
from tests.refer_page import words
from tests.story import Story

pytestmark = pytest.mark.django_db

DESK = "admin:referrals_referredaccount_"


@pytest.fixture
def story(time_machine) -> Story:
    told = Story("smartcat")
    call_command("make_groups", verbosity=0)
    for who, group in [(told.cara, "Callers"), (told.sam, "Seniors"), (told.finn, "Auditors")]:
        who.groups.set([Group.objects.get(name=group)])
    User.objects.filter(pk=told.sam.pk).update(first_name="Sam", last_name="Okoro")
    told.sam.refresh_from_db()
    time_machine.move_to(told.now, tick=False)
    return told


def client_of(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def queue(user: User, **asked: str) -> str:
    return main_part(client_of(user).get(reverse(f"{DESK}reviews"), asked))


@pytest.mark.parametrize(
    ("search", "where"), [("solano", "1 in Decided today"), ("acme", "1 in All waiting")]
)
def test_a_search_that_finds_nothing_here_says_where_it_does(search, where, story):
    story.decide(story.sign_up("solano"), "NOT_QUALIFIED", reason="freelancer")
    story.sign_up("acme")

    page = queue(story.cara, tab="call-backs", q=search)

    assert f"Not under “Call-backs today”, but: {where} ." in words(page)
    other = "decided" if search == "solano" else "all"
    shown = client_of(story.cara).get(reverse(f"{DESK}reviews"), {"tab": other, "q": search})
    assert [line.account.host_account for line in shown.context["lines"]] == [search]
    assert f"tab={other}&amp;q={search}" in page


def test_a_search_that_finds_nothing_at_all_says_what_was_looked_through(story):
    story.sign_up("acme")

    page = words(queue(story.cara, q="nobody"))

    assert "Looked through all that waits, and what is decided today." in page
    assert "Not under" not in page


def test_an_empty_search_costs_at_most_twelve_queries(story, django_assert_max_num_queries):
    story.decide(story.sign_up("solano"), "NOT_QUALIFIED", reason="freelancer")
    client = client_of(story.cara)

    with django_assert_max_num_queries(12):
        client.get(reverse(f"{DESK}reviews"), {"q": "solano"})


def test_what_is_decided_shows_the_reason_and_who_in_words(story):
    story.decide(story.sign_up("acme"), "NOT_QUALIFIED", reason="language_service_provider", by=story.sam)

    page = words(queue(story.cara, tab="decided"))

    assert "A language service provider. · Sam Okoro, 10:00 UTC" in page


def test_a_failed_check_is_named_in_words(story):
    acme = story.sign_up("acme")
    row = CriterionResult.objects.get(account=acme, criterion__code="company_email")
    row.pk, row.result = None, "FAIL"
    row.save()

    page = words(queue(story.cara, tab="all"))

    assert "✗ company e-mail" in page


def test_people_are_called_by_their_full_names(story):
    acme, bold = story.sign_up("acme"), story.sign_up("bold", link="ben", phone="+49 40 777 888")
    reviews.claim(Review.objects.get(account=acme), story.sam, at=story.now)
    Review.objects.filter(account=bold).update(assigned_to=story.sam)

    of_queue = words(queue(story.cara, tab="all"))
    board = words(main_part(client_of(story.sam).get(reverse(f"{DESK}board"))))
    assign = words(main_part(client_of(story.sam).get(reverse(f"{DESK}assign_many"))))

    assert "Sam Okoro since 10:00 UTC" in of_queue
    assert "for Sam Okoro" in of_queue
    assert "Sam Okoro" in board
    assert "Sam Okoro works on it" in assign
    assert "cara Sam Okoro" in assign  # whoever has no other name is called by that of the log-in


def test_work_is_handed_over_by_whoever_may_decide_or_still_has_some(story):
    form = client_of(story.sam).get(reverse(f"{DESK}hand_over")).context["form"]
    assert [list(form.fields[name].queryset) for name in ("giver", "receiver")] == [
        [story.cara, story.sam]
    ] * 2

    # An auditor who was a caller has a company from then.
    Review.objects.filter(account=story.sign_up("acme")).update(assigned_to=story.finn)
    form = client_of(story.sam).get(reverse(f"{DESK}hand_over")).context["form"]
    assert list(form.fields["giver"].queryset) == [story.cara, story.finn, story.sam]
    assert list(form.fields["receiver"].queryset) == [story.cara, story.sam]


def test_the_program_is_named_only_where_there_are_several(story):
    story.sign_up("acme")
    assert 'staff-line">' not in queue(story.cara, tab="all")

    # Of a second program that asks staff, too.
    other = Story("smartcat", host="elsewhere")
    other.sign_up("globex")
    Program.objects.filter(pk=other.program.pk).update(slug="smartcat-japan")
    page = queue(story.cara, tab="all")
    assert [f'staff-line">{name}<' in page for name in ("Smartcat", "Smartcat japan")] == [True, True]


def test_only_what_is_soon_or_over_is_said_of_the_time_allowed(story, time_machine):
    story.sign_up("acme")
    assert "in time" not in words(queue(story.cara, tab="all"))

    time_machine.move_to(story.now + timedelta(days=6), tick=False)
    assert "✗ late" in words(queue(story.cara, tab="all"))


@pytest.mark.parametrize(
    ("passed", "said"),
    [
        (timedelta(seconds=59), "0 min"),
        (timedelta(minutes=59), "59 min"),
        (timedelta(minutes=60), "1 h"),
        (timedelta(hours=47, minutes=59), "47 h"),
        (timedelta(hours=48), "2 d"),
        (timedelta(days=-1), "0 min"),
    ],
)
def test_an_age_is_told_in_its_largest_unit(passed, said):
    now = datetime(2026, 2, 2, tzinfo=UTC)
    assert short_age(now - passed, now).replace("\N{NO-BREAK SPACE}", " ") == said


@pytest.mark.parametrize(
    ("slug", "name"), [("smartcat", "Smartcat"), ("upwork-2019", "Upwork 2019"), ("a_b", "A b"), ("", "")]
)
def test_a_program_is_called_by_its_slug(slug, name):
    assert from_slug(slug) == name
