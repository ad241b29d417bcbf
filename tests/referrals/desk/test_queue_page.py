"""The page of the queue: its tabs, what its lines say, filters and search, and what it costs."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import Group
from django.core.management import call_command
from django.test import Client
from django.urls import reverse

from referrals import desk, reviews
from referrals.admin.desk import queue
from referrals.filters import Found
from referrals.models import ReferredAccount, Review
from tests.story import Story

pytestmark = pytest.mark.django_db

REVIEWS = reverse("admin:referrals_referredaccount_reviews")
ALL_THAT_WAITS = next(tab for tab in queue.TABS if tab.code == "all")
NEW_YORK = "+1 212 555 0100"


@pytest.fixture
def story(time_machine) -> Story:
    """Monday, 11:00 in Berlin and 05:00 in New York."""
    told = Story("smartcat")
    call_command("make_groups", verbosity=0)
    for who, group in [(told.cara, "Callers"), (told.sam, "Seniors")]:
        who.groups.set([Group.objects.get(name=group)])
    time_machine.move_to(told.now, tick=False)
    return told


@pytest.fixture
def cara(story) -> Client:
    client = Client()
    client.force_login(story.cara)
    return client


def review_of(account: ReferredAccount) -> Review:
    return Review.objects.get(account=account, closed_at=None)


def shown(client: Client, **asked: str) -> list[str]:
    return [line.account.host_account for line in client.get(REVIEWS, asked).context["lines"]]


def counted(client: Client, **asked: str) -> dict[str, int]:
    return {tab.code: count for tab, count in client.get(REVIEWS, asked).context["tabs"]}


@pytest.fixture
def full(story) -> Story:
    """One company, or more, under each tab."""
    story.now -= timedelta(days=6)
    story.sign_up("late")
    story.now += timedelta(days=6)
    reviews.move_to_next_hours(as_of=story.now)
    story.sign_up("flagged", email="office@rosa-words.example", phone="+49 40 777 888")
    story.sign_up("newyork", phone=NEW_YORK, country="US")
    reviews.claim(review_of(story.sign_up("held")), story.sam, at=story.now)
    reviews.claim(review_of(story.sign_up("mine")), story.cara, at=story.now)
    called_back = story.sign_up("callback")
    outcome = story.program.call_outcomes.get(code="CALL_BACK")
    desk.log_call(
        called_back, outcome=outcome, by=story.cara, at=story.now, call_back_at=story.now + timedelta(hours=2)
    )
    story.decide(story.sign_up("decided"))
    undone = story.sign_up("undone")
    story.decide(undone)
    story.decide(story.sign_up("refused"), "NOT_QUALIFIED", reason="freelancer")
    return story


# A flagged company goes to seniors. Undoing gives Cara hers back, and leaves the untouched one to everybody.
TABS = {
    "now": ["late", "mine", "undone"],
    "mine": ["callback", "undone"],
    "call-backs": ["callback"],
    "over": ["late"],
    "later": ["newyork", "callback"],
    "flagged": ["flagged"],
    "decided": ["refused", "decided"],
    "all": ["late", "flagged", "newyork", "held", "mine", "callback", "undone"],
}


def undo(story: Story) -> None:
    from_cara = Client()
    from_cara.force_login(story.cara)
    undone = ReferredAccount.objects.get(host_account="undone")
    from_cara.post(reverse("admin:referrals_referredaccount_undo", args=[undone.pk]))


@pytest.mark.parametrize("tab", TABS)
def test_each_tab_shows_its_companies_and_counts_them(tab, full, cara):
    undo(full)

    assert sorted(shown(cara, tab=tab)) == sorted(TABS[tab])
    assert counted(cara)[tab] == len(TABS[tab])


def test_what_is_to_be_called_now_stands_in_the_order_of_next(full, cara):
    first = shown(cara)

    cara.post(reverse("admin:referrals_referredaccount_next"))

    assert review_of(ReferredAccount.objects.get(host_account=first[0])).holder == full.cara
    assert first[0] == "late"


def test_a_line_says_what_a_caller_needs(full, cara):
    lines = {line.account.host_account: line for line in cara.get(REVIEWS, {"tab": "later"}).context["lines"]}
    newyork, callback = lines["newyork"], lines["callback"]

    assert (f"{newyork.there:%H:%M}", newyork.is_within_hours) == ("05:00", False)
    assert f"{newyork.call_from:%a %H:%M}" == "Mon 09:00"
    assert (f"{callback.call_from:%H:%M}", callback.review.tries) == ("13:00", 1)
    assert (newyork.sla, newyork.failed, newyork.passed > 0) == ("ok", [], True)


@pytest.mark.parametrize(("hours", "sla"), [(0, "ok"), (11, "ok"), (12, "soon"), (15, "soon"), (16, "over")])
def test_the_time_allowed_passes_in_calling_hours(hours, sla, story, cara, time_machine):
    """Sixteen hours, from Monday 09:00 to Tuesday 17:00 on the clock of Berlin."""
    story.now -= timedelta(hours=2)
    story.sign_up("acme")
    nights = timedelta(hours=16) if hours >= 8 else timedelta()
    now = story.now + timedelta(hours=hours) + nights
    time_machine.move_to(now, tick=False)
    # A session does not last over night.
    cara.force_login(story.cara)

    every = Review.objects.all()
    lines = queue.lines(queue.rows(Found(every, every), ALL_THAT_WAITS, story.cara, as_of=now), as_of=now)

    assert [line.sla for line in lines] == [sla]
    assert counted(cara)["over"] == (sla == "over")


def test_a_page_names_the_holder_and_offers_the_rest(full, cara):
    page = cara.get(REVIEWS, {"tab": "over"}).content.decode()
    assert "Take Late GmbH" in page

    page = cara.get(REVIEWS, {"holder": "somebody_else", "tab": "flagged"}).content.decode()
    assert "Nothing matches" in page

    reviews.claim(review_of(ReferredAccount.objects.get(host_account="flagged")), full.sam, at=full.now)
    page = cara.get(REVIEWS, {"tab": "flagged"}).content.decode()
    assert "sam since 10:00 UTC" in page
    assert "Take Flagged GmbH" not in page


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ({"country": "us", "tab": "later"}, ["newyork"]),
        ({"flag": "domain", "tab": "flagged"}, ["flagged"]),
        ({"flag": "any", "tab": "flagged"}, ["flagged"]),
        ({"flag": "account"}, []),
        ({"tries": "1", "tab": "later"}, ["callback"]),
        ({"tries": "3", "tab": "later"}, []),
        ({"tries": "0", "tab": "later"}, ["newyork"]),
        ({"holder": "me"}, ["mine"]),
        ({"holder": "nobody", "tab": "mine"}, ["callback"]),
        ({"referrer": "rosa", "tab": "over"}, ["late"]),
        ({"referrer": "ben"}, []),
        ({"program": "smartcat", "tab": "over"}, ["late"]),
        ({"q": "Late"}, ["late"]),
        ({"q": "late.example"}, ["late"]),
        ({"q": "040 777-888", "tab": "flagged"}, ["flagged"]),
        ({"q": "+49 40 777888", "tab": "flagged"}, ["flagged"]),
        ({"q": "040 777-889"}, []),
        ({"q": "ROSA", "tab": "over"}, ["late"]),
        ({"q": "nobody"}, []),
    ],
)
def test_filters_and_search(asked, found, full, cara):
    assert shown(cara, **asked) == found


def test_a_filter_narrows_the_counts_too(full, cara):
    assert counted(cara, q="Late") == {**dict.fromkeys(TABS, 0), "now": 1, "over": 1, "all": 1}


def test_who_sees_no_phone_does_not_find_by_it(full, cara):
    contact = Group.objects.get(name="Callers").permissions.get(codename="contact_referredaccount")
    Group.objects.get(name="Callers").permissions.remove(contact)

    assert shown(cara, q="040 777-888") == []


def test_an_empty_tab_says_why_and_when_the_next_one_opens(story, cara):
    nobody = cara.get(REVIEWS).content.decode()
    assert "No other company waits for a call." in nobody

    story.sign_up("newyork", phone=NEW_YORK)
    page = cara.get(REVIEWS).content.decode()

    assert "Nobody can be called now." in page
    assert "The next company can be called from Mon Feb 2, 14:00 UTC." in page


def test_pages_hold_fifty_and_keep_the_filter(story, cara):
    for number in range(51):
        story.sign_up(f"company{number}")

    first = cara.get(REVIEWS, {"q": "company"})

    assert len(first.context["lines"]) == 50
    assert "?q=company&amp;page=2" in first.content.decode()
    assert len(shown(cara, q="company", page="2")) == 1


@pytest.mark.parametrize("companies", [10, 50])
@pytest.mark.parametrize("tab", ["now", "decided"])
def test_the_queue_costs_the_same_with_ten_and_with_fifty(
    companies, tab, story, cara, django_assert_num_queries
):
    for number in range(companies):
        account = story.sign_up(f"company{number}")
        if tab == "decided":
            story.decide(account, by=story.sam)
        elif number == 0:
            # Whoever holds or is assigned something is named: one query for all of them.
            reviews.claim(review_of(account), story.cara, at=story.now)

    with django_assert_num_queries(12):
        assert len(shown(cara, tab=tab)) == companies
