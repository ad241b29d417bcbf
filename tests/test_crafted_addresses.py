"""Addresses and forms that no page of ours makes: each is answered in words, never by a fault of the site."""

from time import perf_counter

import pytest
from django.contrib.auth.models import Group, User
from django.core.management import call_command
from django.test import Client, RequestFactory
from django.urls import reverse

from referrals import reviews
from referrals.admin.desk import queue
from referrals.board import OF, Work
from referrals.filters import ReviewFilter
from referrals.models import ReferredAccount, Review, SavedView
from referrals.rules.row_numbers import row_number
from tests.story import Story, nothing_changes

pytestmark = pytest.mark.django_db

DESK = "/admin/referrals/referredaccount/"
LOOKS = "/admin/referrals/secondlook/"
HUGE, ENDLESS = "9" * 30, "9" * 5000
TABS = [tab.code for tab in [*queue.TABS, queue.DECIDED]]
CHOICES = [
    (name, code)
    for name, each in ReviewFilter.base_filters.items()
    for code, _ in each.extra.get("choices", ())
]
ODD = [HUGE, ENDLESS, "-1", "1e30", "-1e2000000", "NaN", "ß", "😀", "x", "'\"<"]


@pytest.fixture(scope="module")
def told(rows_of_module: None) -> Story:
    """Sam is a senior; Acme is in review, and Sam's."""
    told = Story("smartcat")
    call_command("make_groups", verbosity=0)
    told.sam.groups.set([Group.objects.get(name="Seniors")])
    reviews.claim(told.sign_up("acme").reviews.get(), told.sam, at=told.now)
    return told


@pytest.fixture
def story(told, time_machine) -> Story:
    """The same story for all, at its instant."""
    time_machine.move_to(told.now, tick=False)
    return told


@pytest.fixture
def sam(story) -> Client:
    client = Client()
    client.force_login(story.sam)
    return client


def asked_for(story: Story, **told: object) -> ReviewFilter:
    """What the page of the queue asks for, in this tab and counted under all of them."""
    request = RequestFactory().get("/", told)
    request.user = story.sam
    asked = ReviewFilter(request.GET, queryset=Review.objects.all(), request=request, now=story.now)
    tab = next(each for each in [*queue.TABS, queue.DECIDED] if each.code == told["tab"])
    queue.counts(asked.found, story.sam, as_of=story.now)
    list(queue.rows(asked.found, tab, story.sam, as_of=story.now))
    return asked


@pytest.mark.parametrize("tab", TABS)
def test_every_choice_of_every_filter_finds_something_or_nothing_in_a_tab(tab, story):
    for name, code in CHOICES:
        assert asked_for(story, tab=tab, **{name: code}).problems == []


@pytest.mark.parametrize("tab", TABS)
def test_every_work_of_a_person_finds_something_or_nothing_in_a_tab(tab, story, sam):
    for work in ["", *Work]:
        assert asked_for(story, tab=tab, work=work, person=story.sam.pk).problems == []
    assert sam.get(f"{DESK}reviews/", {"tab": tab, "person": story.sam.pk}).status_code == 200


def test_work_has_a_condition_and_an_owner_for_each_of_its_words():
    assert set(OF) == set(Work)


def test_a_saved_view_with_a_choice_that_is_none_says_so(story, sam):
    view = SavedView.objects.create(owner=story.sam, name="Old", query="tab=all&work=decided")

    page = sam.get(f"{DESK}reviews/?{view.query}")

    assert "There is no “decided” to choose here." in page.content.decode()
    assert list(page.context["lines"]) == []


@pytest.mark.parametrize("name", ReviewFilter.base_filters)
def test_a_filter_given_anything_at_all_is_understood_or_refused(name, story):
    for odd in ODD:
        asked = asked_for(story, tab="all", **{name: odd})
        assert asked.problems or asked.is_narrowed


@pytest.mark.parametrize("name", ["tab", "page", "person", "anything"])
def test_the_queue_is_shown_whatever_else_stands_in_its_address(name, sam):
    for odd in ODD:
        assert sam.get(f"{DESK}reviews/", {name: odd}).status_code == 200, odd[:40]


@pytest.mark.parametrize("number", ["1e30", "-1e2000000", "1.5", "NaN", "0", "-1", HUGE, ENDLESS])
def test_a_person_is_a_number_and_is_refused_at_once_else(number, sam):
    began = perf_counter()
    page = sam.get(f"{DESK}reviews/", {"tab": "all", "person": number})

    assert perf_counter() - began < 5
    assert page.status_code == 200
    assert [told.partition(":")[0] for told in page.context["asked"].problems] == ["Person"]


@pytest.mark.parametrize(
    "address",
    [
        f"{DESK}reviews/activity/?until=9999-12-31",
        f"{DESK}reviews/activity/?since=0001-01-01",
        f"{DESK}reviews/activity/?since=0001-01-01&until=9999-12-31&format=csv",
        f"{DESK}reviews/activity/?program={HUGE}",
        f"{LOOKS}agreement/?until=9999-12-31",
        f"{LOOKS}looked-at/?since=0001-01-01&until=9999-12-31",
        f"{LOOKS}looked-at/?caller={HUGE}",
        f"{LOOKS}looked-at/?caller={ENDLESS}",
        f"{LOOKS}looked-at/?caller=%C2%B2",
        f"{LOOKS}waiting/?page={ENDLESS}",
        f"{DESK}reviews/assign/?page={ENDLESS}",
        f"{DESK}reviews/board/?part=%C3%9F",
        f"{DESK}?p={ENDLESS}",
    ],
)
def test_a_report_is_shown_whatever_is_asked_of_it(address, sam):
    assert sam.get(address).status_code == 200


@pytest.mark.parametrize("day", ["9999-12-31", "0001-01-01"])
def test_a_day_that_no_report_tells_of_is_a_fault_of_its_field(day, sam):
    form = sam.get(f"{LOOKS}agreement/?since={day}&until={day}").context["form"]

    assert form.errors == {
        name: ["Choose a day from 2000-01-01 to 2027-02-03."] for name in ("since", "until")
    }


@pytest.mark.parametrize("query", [f"pk__in=1,{HUGE}", f"program__id__exact={HUGE}", f"id__exact={ENDLESS}"])
@pytest.mark.parametrize("rows", ["referredaccount", "call"])
def test_a_list_asked_for_a_number_that_no_row_has_shows_something_else(rows, query, sam):
    answer = sam.get(f"/admin/referrals/{rows}/?{query}", follow=True)

    assert answer.status_code in {200, 400}


@pytest.mark.parametrize(
    "address",
    [
        f"{DESK}{{pk}}/compare/?q=%00",
        f"{LOOKS}looked-at/?reason=%00",
        f"{DESK}?q=%00",
        f"{DESK}?host_account__exact=%00",
        f"{DESK}?a%00b=1",
        f"{DESK}%00/change/",
        f"{DESK}reviews/?program=%00",
        "/admin/?program=%00",
    ],
)
def test_a_sign_that_no_database_keeps_is_refused_in_words(address, sam):
    answer = sam.get(address.format(pk=ReferredAccount.objects.get().pk))

    assert answer.status_code == 400
    assert "This address or form cannot be read" in answer.content.decode()


def test_the_same_sign_in_a_form_is_refused_and_nothing_is_kept(sam):
    acme = ReferredAccount.objects.get(host_account="acme")
    with nothing_changes():
        answer = sam.post(f"{DESK}{acme.pk}/review/", {"version": "", "note": "a\0b"})

    assert answer.status_code == 400


@pytest.mark.parametrize("number", [10**18, HUGE, ENDLESS], ids=["ten to the 18th", "huge", "endless"])
@pytest.mark.parametrize("page", ["review", "change", "renew", "take", "compare", "compare/account/1"])
def test_there_is_no_page_of_a_number_that_no_row_has(page, number, sam):
    address = f"{DESK}{number}/{page}/"

    # What is asked for by posting alone says so; else the admin leads to where there is something.
    assert sam.get(address).status_code in {302, 404, 405}
    assert sam.post(address).status_code in {302, 404}


@pytest.mark.parametrize("number", [HUGE, ENDLESS, "-1", "x", "²"])
def test_what_is_posted_about_a_row_that_is_none_changes_nothing(number, story, sam):
    forms = {
        "assign_many": {"review": [number], "person": story.sam.pk},
        "bulk": {"action": "refuse", "chosen": [number], "going": [number], "confirmed": "1"},
        "hand_over": {"giver": number, "receiver": number},
    }
    with nothing_changes():
        for name, told in forms.items():
            answer = sam.post(reverse(f"admin:referrals_referredaccount_{name}"), told)
            assert answer.status_code in {302, 409}, name
        unassigned = {"review": [number], "unassign": "1"}
        assert sam.post(f"{DESK}reviews/assign/", unassigned).status_code == 409


@pytest.mark.parametrize("number", [HUGE, ENDLESS, "x", ""])
def test_the_next_company_comes_after_whatever_is_told(number, sam):
    assert sam.post(f"{DESK}reviews/next/", {"after": number}).status_code == 302


@pytest.mark.parametrize("typed", ["9999-12-31T23:59", "0001-01-01T00:00", "2400-01-01T10:00"])
@pytest.mark.parametrize("country", ["US", "NZ"])
def test_a_call_back_at_the_end_of_time_is_a_fault_of_its_field(country, typed, story, sam):
    account = story.sign_up("globex", country=country)
    reviews.claim(account.reviews.get(), story.sam, at=story.now)
    review = f"{DESK}{account.pk}/review/"
    version = sam.get(review).context["form"]["version"].value()
    told = {"version": version, "call_back": "other", "call_back_at": typed, "note": "A long talk."}

    with nothing_changes():
        answer = sam.post(review, told)

    assert answer.status_code == 409
    assert list(answer.context["form"].errors) == ["call_back_at"]
    assert "A long talk." in answer.content.decode()


@pytest.mark.parametrize(
    ("text", "number"),
    [("7", 7), ("9" * 18, 10**18 - 1), ("9" * 19, None), ("", None), ("-1", None), ("²", None), ("٣", None)],
)
def test_the_number_of_a_row_has_at_most_eighteen_digits(text, number):
    assert row_number(text) == number


def test_a_stranger_learns_no_more_by_a_crafted_address(story):
    stranger = Client()
    stranger.force_login(User.objects.create(username="stranger"))

    assert stranger.get(f"{DESK}?q=%00").status_code == 400
    assert stranger.get(f"{DESK}?q=x").status_code == 302
