"""Saved views of the queue: named, shared, found again, renamed and deleted; by whom, and what they keep."""

from functools import partial
from urllib.parse import parse_qsl

import pytest
from django.contrib.auth.models import Group, User
from django.core.management import call_command
from django.test import Client
from django.urls import reverse

from referrals import saved_views
from referrals.models import Program, SavedView
from tests.story import Story, at_once, nothing_changes, refused

pytestmark = pytest.mark.django_db

REVIEWS = reverse("admin:referrals_referredaccount_reviews")
SAVE = reverse("admin:referrals_savedview_save")
GERMAN = "tab=over&country=DE&tries=3"


@pytest.fixture
def story(time_machine) -> Story:
    told = Story("smartcat")
    call_command("make_groups", verbosity=0)
    for who, group in [(told.cara, "Callers"), (told.fay, "Callers"), (told.sam, "Seniors")]:
        who.groups.set([Group.objects.get(name=group)])
    time_machine.move_to(told.now, tick=False)
    return told


def client_of(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def saved(by: User, name: str = "Hard ones", query: str = GERMAN, *, is_shared: bool = False) -> SavedView:
    return saved_views.save(name=name, query=query, is_shared=is_shared, by=by)


def offered(user: User) -> list[str]:
    return [view.name for view in client_of(user).get(REVIEWS).context["views"]]


def step(name: str, view: SavedView) -> str:
    return reverse(f"admin:referrals_savedview_{name}", args=[view.pk])


# --- saving -----------------------------------------------------------------------------------------------


def test_what_stands_in_the_address_is_saved_and_shown_again(story):
    story.sign_up("acme", country="DE")
    story.sign_up("newyork", country="US")
    cara = client_of(story.cara)
    page = cara.get(REVIEWS, {"tab": "all", "country": "de", "q": "", "page": "1", "utm": "mail"})
    query = page.context["saving"]["query"].value()

    answer = cara.post(SAVE, {"name": "German ones", "query": query})

    view = SavedView.objects.get()
    assert (view.owner, view.name, view.is_shared) == (story.cara, "German ones", False)
    assert dict(parse_qsl(view.query)) == {"tab": "all", "country": "de"}
    assert answer["Location"] == f"{REVIEWS}?{view.query}"
    shown = cara.get(answer["Location"])
    assert [line.account.host_account for line in shown.context["lines"]] == ["acme"]
    assert shown.context["looked_at"] == view


@pytest.mark.parametrize(
    ("query", "kept"),
    [
        ("", {"tab": "now"}),
        ("tab=nonsense&q=acme", {"tab": "now", "q": "acme"}),
        ("tab=over&page=7&next=//evil.example&csrfmiddlewaretoken=x", {"tab": "over"}),
        ("holder=me&holder=nobody", {"tab": "now", "holder": "nobody"}),
        ("q=a%26tab%3Dover", {"tab": "now", "q": "a&tab=over"}),
    ],
)
def test_only_what_the_queue_knows_is_kept(query, kept, story):
    client_of(story.cara).post(SAVE, {"name": "Mine", "query": query})

    assert dict(parse_qsl(SavedView.objects.get().query)) == kept


@pytest.mark.parametrize(
    ("form", "problem"),
    [
        ({"name": "", "query": GERMAN}, "This field is required."),
        ({"name": "x" * 61, "query": GERMAN}, "at most 60 characters"),
        ({"name": "Odd", "query": "country=XX"}, "Country: “XX” is no country."),
        ({"name": "Odd", "query": "tries=many"}, "Tries: There is no “many” to choose here."),
        ({"name": "Odd", "query": "program=gone"}, "Program: There is no program “gone” any more"),
        ({"name": "Odd", "query": f"q={'x' * 600}"}, "narrows by more than can be saved"),
    ],
)
def test_what_cannot_be_saved_is_told_and_what_was_typed_stays(form, problem, story):
    with nothing_changes():
        answer = client_of(story.cara).post(SAVE, form)

    page = answer.content.decode()
    assert (answer.status_code, problem in page) == (409, True)
    assert f'value="{form["name"]}"' in page or not form["name"]


def test_a_name_is_taken_once_by_each_person(story):
    saved(story.cara)

    with refused("name_taken"):
        saved(story.cara, "hard ONES")
    saved(story.fay)

    assert SavedView.objects.count() == 2


def test_nobody_saves_more_views_than_can_be_found_again(story):
    for number in range(saved_views.AT_MOST):
        saved(story.cara, f"View {number}")

    with refused("too_many_views"):
        saved(story.cara)
    saved(story.fay)


@pytest.mark.django_db(transaction=True)
def test_saved_twice_at_the_same_moment_is_saved_once(story):
    answers = at_once(*[partial(saved, story.cara) for _ in range(2)])

    assert SavedView.objects.count() == 1
    assert [type(answer).__name__ for answer in answers if not isinstance(answer, SavedView)] == ["NameTaken"]


# --- who sees what ----------------------------------------------------------------------------------------


def test_own_views_come_first_then_those_that_others_share(story):
    saved(story.fay, "Alone")
    saved(story.fay, "A shared one", is_shared=True)
    saved(story.cara, "My own")

    assert offered(story.cara) == ["My own", "A shared one"]
    assert (
        'A shared one <span class="staff-quiet">by fay</span>'
        in client_of(story.cara).get(REVIEWS).content.decode()
    )


@pytest.mark.parametrize("name", ["rename", "forget"])
def test_a_view_of_somebody_alone_is_not_there_for_others(name, story):
    view = saved(story.fay)

    with nothing_changes():
        answer = client_of(story.cara).post(step(name, view), {"name": "Mine now"})

    assert answer.status_code == 404


@pytest.mark.parametrize("name", ["rename", "forget"])
def test_a_shared_view_of_another_caller_is_not_touched(name, story):
    view = saved(story.fay, is_shared=True)

    with nothing_changes():
        answer = client_of(story.cara).post(step(name, view), {"name": "Mine now"})

    assert answer.status_code == 409
    assert "This view is fay&#x27;s" in answer.content.decode()


def test_who_does_not_work_at_the_desk_saves_nothing(story):
    story.finn.groups.set([Group.objects.get(name="Auditors")])

    with nothing_changes():
        assert client_of(story.finn).post(SAVE, {"name": "Mine", "query": GERMAN}).status_code == 403


# --- afterwards -------------------------------------------------------------------------------------------


def test_the_owner_renames_and_shares(story):
    view = saved(story.cara)
    cara = client_of(story.cara)
    assert 'value="Hard ones"' in cara.get(step("rename", view)).content.decode()

    answer = cara.post(step("rename", view), {"name": "Three tries", "is_shared": "on"})

    view.refresh_from_db()
    assert (view.name, view.is_shared, view.query) == ("Three tries", True, GERMAN)
    assert answer["Location"] == f"{REVIEWS}?{GERMAN}"
    assert offered(story.fay) == ["Three tries"]


def test_a_view_keeps_its_name_when_only_shared(story):
    view = saved(story.cara)

    saved_views.change(view, name="Hard ones", is_shared=True, by=story.cara)

    assert SavedView.objects.get().is_shared


def test_a_name_of_another_own_view_is_refused(story):
    saved(story.cara, "Easy ones")
    view = saved(story.cara)

    with refused("name_taken"):
        saved_views.change(view, name="Easy ones", is_shared=False, by=story.cara)


def test_the_owner_deletes(story):
    view = saved(story.cara)

    client_of(story.cara).post(step("forget", view))

    assert not SavedView.objects.exists()


def test_a_team_lead_deletes_a_shared_view_and_does_not_rename_it(story):
    view = saved(story.cara, is_shared=True)
    sam = client_of(story.sam)
    with nothing_changes():
        assert sam.post(step("rename", view), {"name": "Other"}).status_code == 409

    sam.post(step("forget", view))

    assert not SavedView.objects.exists()


def test_a_view_of_a_program_that_is_gone_is_empty_and_says_so(story):
    saved(story.cara, query="tab=all&program=smartcat")
    story.sign_up("acme")
    Program.objects.update(slug="renamed")
    cara = client_of(story.cara)

    answer = cara.get(f"{REVIEWS}?{SavedView.objects.get().query}")

    assert (answer.status_code, answer.context["lines"]) == (200, [])
    assert "There is no program “smartcat” any more, or it is none of yours." in answer.content.decode()


def test_views_cost_one_query_however_many_there_are(story, django_assert_num_queries):
    story.sign_up("acme")
    for number in range(saved_views.AT_MOST):
        saved(story.cara, f"View {number}")
        saved(story.fay, f"Shared {number}", is_shared=True)
    cara = client_of(story.cara)

    with django_assert_num_queries(12):
        assert len(cara.get(REVIEWS).context["views"]) == 2 * saved_views.AT_MOST
