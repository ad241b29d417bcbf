"""The call desk in a real browser: presses and page loads are counted, and leases run out."""

import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.core.management import call_command
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from referrals import reviews
from referrals.models import Call, Decision, ReferredAccount, Review
from tests.story import Story

pytestmark = [
    pytest.mark.django_db(transaction=True),
    # Of pytest-base-url, which pytest-playwright brings along.
    pytest.mark.filterwarnings("ignore::pytest.PytestRemovedIn10Warning"),
]

QUEUE = reverse("admin:referrals_referredaccount_reviews")


class Desk:
    """A caller's browser, which counts the presses and the pages that were loaded."""

    def __init__(self, page: Any) -> None:
        self.page = page
        self.presses = self.loads = 0
        # A page is counted when it takes the place of another: before anything of it can be seen.
        page.on("framenavigated", self._loaded)

    def _loaded(self, frame: Any) -> None:
        self.loads += frame == self.page.main_frame

    def begin(self) -> None:
        """Count from here."""
        self.presses = self.loads = 0

    def press(self, name: str, *, within: Any = None, exact: bool = True) -> None:
        self.presses += 1
        (within or self.page).get_by_role("button", name=name, exact=exact).click()

    def next(self) -> None:
        self.presses += 1
        self.page.get_by_role("button", name=re.compile("^Next company")).click()

    def answer(self, number: int, word: str) -> None:
        self.presses += 1
        question = self.page.get_by_role("group", name=re.compile(rf"^{number}\. "))
        question.get_by_label(word, exact=True).check()

    def arrives_at(self, company: str) -> "Desk":
        """Wait until the page of that company is drawn: a click does not wait for it."""
        heading = self.page.get_by_role("heading", level=1).filter(has_text=company)
        heading.wait_for()
        self.page.wait_for_load_state("domcontentloaded")
        return self

    @property
    def cost(self) -> tuple[int, int]:
        return self.presses, self.loads


@pytest.fixture
def story() -> Story:
    """Smartcat today, with three companies that wait for a call, whatever the hour."""
    told = Story("smartcat")
    call_command("make_groups", verbosity=0)
    for who, group in [(told.cara, "Callers"), (told.fay, "Callers"), (told.sam, "Seniors")]:
        who.groups.set([Group.objects.get(name=group)])
    for days, name in [(4, "acme"), (2, "globex"), (1, "initech")]:
        told.now = timezone.now() - timedelta(days=days)
        told.sign_up(name, country="DE")
    told.now = timezone.now()
    Review.objects.update(opens_at=told.now - timedelta(minutes=1), closes_at=None)
    return told


def log_in(context: Any, user: User, url: str) -> None:
    client = Client()
    client.force_login(user)
    cookie = {"name": "sessionid", "value": client.cookies["sessionid"].value, "url": url}
    context.add_cookies([cookie])


@pytest.fixture
def desk_of(browser, live_server) -> Iterator[Callable[..., Desk]]:
    """Open the queue as somebody, each in a browser of their own."""
    contexts = []

    def open_as(user: User, *, javascript: bool = True, path: str = QUEUE) -> Desk:
        context = browser.new_context(java_script_enabled=javascript)
        contexts.append(context)
        log_in(context, user, live_server.url)
        desk = Desk(context.new_page())
        desk.page.goto(f"{live_server.url}{path}")
        desk.begin()
        return desk

    yield open_as
    # An open connection keeps a thread of the server, and that one of the database.
    for context in contexts:
        context.close()


def account(name: str) -> ReferredAccount:
    return ReferredAccount.objects.get(host_account=name)


def review_page(name: str) -> str:
    return reverse("admin:referrals_referredaccount_review", args=[account(name).pk])


# --- budgets ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("javascript", [True, False], ids=["javascript", "no-javascript"])
def test_a_reached_company_is_qualified_by_six_presses_and_two_loads(javascript, desk_of, story):
    desk = desk_of(story.cara, javascript=javascript)

    desk.next()
    desk.arrives_at("Acme")
    for question in (1, 2, 3, 4):
        desk.answer(question, "Yes")
    desk.press("Qualified")

    assert desk.arrives_at("Globex").cost == (6, 2)
    assert account("acme").pending_decision.result == "QUALIFIED"
    assert [call.outcome.code for call in Call.objects.all()] == ["REACHED"]
    assert Review.objects.get(account=account("globex")).holder == story.cara


@pytest.mark.parametrize(
    ("javascript", "loads"), [(True, 2), (False, 3)], ids=["javascript", "no-javascript"]
)
def test_all_yes_makes_it_three_presses_and_keeps_the_note_and_undo_is_one(javascript, loads, desk_of, story):
    desk = desk_of(story.cara, javascript=javascript)

    desk.next()
    desk.arrives_at("Acme").page.get_by_label("Internal note").fill("A long talk with Anna.")
    desk.press("All yes")
    desk.page.locator("input[value=yes]:checked").nth(3).wait_for()
    desk.press("Qualified")
    desk.page.get_by_role("status").filter(has_text="Acme GmbH: qualified. Takes effect at").wait_for()
    assert desk.arrives_at("Globex").cost == (3, loads)
    assert [note.text for note in account("acme").notes.all()] == ["A long talk with Anna."]

    desk.begin()
    desk.press("Undo the decision about Acme GmbH")
    desk.page.get_by_text("it is in review again").first.wait_for()
    desk.page.wait_for_load_state("domcontentloaded")
    assert desk.cost == (1, 1)
    assert account("acme").pending_decision is None
    holders = Review.objects.exclude(holder=None).values_list("account__host_account", "holder")
    assert list(holders) == [("acme", story.cara.pk)]


def test_rejecting_costs_three_presses_and_two_loads(desk_of, story):
    desk = desk_of(story.cara)

    desk.next()
    desk.answer(2, "No")
    desk.press("Not qualified")

    assert desk.arrives_at("Globex").cost == (3, 2)
    assert account("acme").pending_decision.reason.code == "language_service_provider"


@pytest.mark.parametrize("result", ["No answer", "Left a message", "Busy", "Wrong number"])
def test_whoever_is_not_reached_costs_two_presses_and_two_loads(result, desk_of, story):
    desk = desk_of(story.cara)

    desk.next()
    desk.press(result)

    assert desk.arrives_at("Globex").cost == (2, 2)
    assert [call.outcome.label for call in Call.objects.all()] == [result]


def test_a_call_back_costs_two_presses_and_two_loads(desk_of, story):
    desk = desk_of(story.cara)

    desk.next()
    desk.press("Monday ·", exact=False)

    assert desk.arrives_at("Globex").cost == (2, 2)
    review = Review.objects.get(account=account("acme"))
    there = review.call_back_at.astimezone(reviews.zone_of_company(account("acme")))
    assert (f"{there:%a %H:%M}", review.call_back_by) == ("Mon 10:00", story.cara)


# --- claims -----------------------------------------------------------------------------------------------


def test_a_second_opener_sees_who_has_it_and_no_number(desk_of, story):
    first = desk_of(story.cara)
    first.press("Take Acme GmbH")
    first.page.get_by_text("+49 30 123456").wait_for()

    second = desk_of(story.fay, path=review_page("acme"))
    assert second.page.get_by_text("cara has it since").is_visible()
    assert second.page.get_by_text("+49 30 123456").count() == 0
    assert second.page.get_by_text("Take over").count() == 0

    second.next()
    second.arrives_at("Globex")


def test_a_senior_takes_over_and_the_first_one_loses_nothing_that_was_typed(desk_of, story):
    first = desk_of(story.cara)
    first.next()
    first.arrives_at("Acme").page.get_by_label("Internal note").fill("A long talk with Anna.")

    senior = desk_of(story.sam, path=review_page("acme"))
    senior.page.get_by_text("Take over …").click()
    senior.page.get_by_label("Reason", exact=True).first.fill("Cara is ill.")
    senior.press("Take over")
    senior.page.get_by_text("+49 30 123456").wait_for()

    first.press("Qualified")
    first.page.get_by_role("alert").filter(has_text="sam has it").wait_for()
    assert first.page.get_by_label("Internal note").input_value() == "A long talk with Anna."
    assert Decision.objects.count() == 0


@pytest.mark.parametrize("javascript", [True, False], ids=["javascript", "no-javascript"])
def test_what_was_typed_is_stored_after_taking_the_company_again(javascript, desk_of, story):
    desk = desk_of(story.cara, javascript=javascript)
    desk.next()
    desk.arrives_at("Acme").answer(1, "No")
    desk.page.get_by_label("Internal note").fill("A long talk with Anna.")
    Review.objects.filter(account=account("acme")).update(held_until=timezone.now())

    desk.press("Not qualified")
    desk.page.get_by_role("alert").filter(has_text="Your time with this company is over").wait_for()
    desk.press("Take it again")
    desk.press("Not qualified")

    desk.page.get_by_role("status").filter(has_text="Acme GmbH: not qualified.").wait_for()
    assert [note.text for note in account("acme").notes.all()] == ["A long talk with Anna."]


def test_the_lease_is_renewed_while_the_page_is_looked_at(desk_of, story):
    desk = desk_of(story.cara)
    desk.page.clock.install()
    desk.next()
    desk.arrives_at("Acme")
    ends = timezone.now() + timedelta(minutes=2)
    Review.objects.filter(account=account("acme")).update(held_until=ends)

    with desk.page.expect_response(re.compile("/renew/$")) as answer:
        desk.page.clock.run_for("05:10")

    assert answer.value.status == 200
    assert Review.objects.get(account=account("acme")).held_until > ends + timedelta(minutes=20)
    assert desk.page.locator("#lease-told").inner_text() == ""


def test_without_the_network_the_lease_speaks_at_five_minutes_at_one_and_at_its_end(desk_of, story):
    desk = desk_of(story.cara)
    desk.page.clock.install()
    desk.next()
    desk.arrives_at("Acme")
    desk.page.route(re.compile("/renew/$"), lambda route: route.abort())
    said = desk.page.locator("#lease-told")

    desk.page.clock.run_for("25:10")
    assert said.inner_text() == "You have this company for 5 more minutes."
    desk.page.clock.run_for("04:00")
    assert said.inner_text() == "You have this company for 1 more minute."
    desk.page.clock.run_for("01:00")
    assert "Your time with this company is over." in said.inner_text()


def test_a_refusal_takes_the_focus_and_keeps_what_was_typed(desk_of, story):
    desk = desk_of(story.cara)
    desk.next()
    desk.arrives_at("Acme").page.get_by_label("Internal note").fill("A long talk with Anna.")

    desk.press("Qualified")

    desk.page.get_by_role("alert").filter(has_text="Not answered with yes:").wait_for()
    assert desk.page.get_by_label("Internal note").input_value() == "A long talk with Anna."
    # The browser moves the focus when the page has been drawn.
    desk.page.wait_for_function("document.activeElement.getAttribute('role') === 'alert'", timeout=5_000)


def test_after_the_last_company_the_queue_says_so(desk_of, story):
    Review.objects.exclude(account=account("acme")).update(opens_at=timezone.now() + timedelta(hours=3))
    desk = desk_of(story.cara)

    desk.next()
    desk.press("No answer")

    desk.page.get_by_text("Nobody can be called now. The next company can be called from").first.wait_for()


@pytest.mark.parametrize("turn", range(3))
def test_two_browsers_that_press_next_get_two_companies(turn, desk_of, story):
    cara, fay = desk_of(story.cara), desk_of(story.fay)
    for desk in (cara, fay):
        # Without waiting for the page: both are on their way at the same time.
        desk.page.evaluate("setTimeout(() => document.querySelector('button.staff-next').click(), 300)")

    for desk in (cara, fay):
        desk.page.wait_for_url(re.compile("/review/$"))
    holders = dict(Review.objects.exclude(holder=None).values_list("account__host_account", "holder"))
    assert sorted(holders) == ["acme", "globex"]
    assert sorted(holders.values()) == sorted([story.cara.pk, story.fay.pk])
    assert cara.page.url != fay.page.url
