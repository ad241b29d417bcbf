"""The pages of the team lead in a real browser: the board shows itself anew, and work is given out there."""

from collections.abc import Callable, Iterator
from datetime import time, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Group, Permission, User
from django.core.management import call_command
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from referrals import assignments, calling_hours, escalation, messages, qualification, reviews
from referrals.calling_hours import Calling
from referrals.models import Message, Review
from tests.story import Story

pytestmark = [
    pytest.mark.django_db(transaction=True),
    # Of pytest-base-url, which pytest-playwright brings along.
    pytest.mark.filterwarnings("ignore::pytest.PytestRemovedIn10Warning"),
]

SIZES = {"light": (1280, "light"), "dark": (1280, "dark"), "narrow": (320, "light")}


def at(name: str, *args: object) -> str:
    return reverse(f"admin:referrals_{name}", args=args)


BOARD = at("referredaccount_board")


@pytest.fixture
def story() -> Story:
    """Today: Cara has a company, one is late, one is assigned, one is decided about."""
    told = Story("smartcat")
    call_command("make_groups", verbosity=0)
    for who, group in [(told.cara, "Callers"), (told.fay, "Callers"), (told.sam, "Seniors")]:
        who.groups.set([Group.objects.get(name=group)])
    told.sam.user_permissions.set(
        Permission.objects.filter(codename__in=["lead_referredaccount", "change_program", "view_message"])
    )
    User.objects.filter(pk=told.sam.pk).update(email="sam@company.example")
    told.now = timezone.now() - timedelta(days=9)
    told.sign_up("acme", country="DE")
    told.now = timezone.now() - timedelta(hours=3)
    for name in ("globex", "initech", "umbrella", "hooli", "stark"):
        told.sign_up(name, country="DE")
    told.now = timezone.now()
    Review.objects.update(opens_at=told.now - timedelta(minutes=1), closes_at=None)
    told.call(review("hooli").account, "REACHED")
    told.decide(review("hooli").account)
    told.decide(review("stark").account, by=told.fay)
    qualification.undo(review("stark").account, by=told.fay, at=told.now)
    reviews.claim(review("globex"), told.cara, at=told.now)
    assignments.assign(_rows("initech"), told.fay, by=told.sam, at=told.now)
    escalation.escalate_overdue(as_of=told.now)
    return told


def review(name: str) -> Review:
    return Review.objects.get(account__host_account=name, closed_at=None)


def _rows(*names: str) -> Any:
    return Review.objects.filter(account__host_account__in=names)


@pytest.fixture
def open_as(browser, live_server) -> Iterator[Callable[..., Any]]:
    """Open a page as somebody, each in a browser of their own."""
    contexts = []

    def open_page(user: User, path: str = BOARD, **seen: Any) -> Any:
        context = browser.new_context(**seen)
        contexts.append(context)
        client = Client()
        client.force_login(user)
        cookie = {"name": "sessionid", "value": client.cookies["sessionid"].value, "url": live_server.url}
        context.add_cookies([cookie])
        page = context.new_page()
        page.goto(f"{live_server.url}{path}")
        return page

    yield open_page
    # An open connection keeps a thread of the server, and that one of the database.
    for context in contexts:
        context.close()


def tile(page: Any, heading: str) -> str:
    return str(page.locator(".staff-tiles a").filter(has_text=heading).locator("strong").inner_text())


def test_the_board_shows_itself_anew_without_being_loaded(open_as, story):
    page = open_as(story.sam)
    page.clock.install()
    page.reload()
    loads: list[str] = []
    page.on("framenavigated", lambda _: loads.append("load"))
    assert tile(page, "In calls") == "1"

    reviews.claim(review("umbrella"), story.fay, at=timezone.now())
    page.clock.run_for(31_000)

    page.get_by_role("row").filter(has_text="fay").get_by_text("Umbrella").wait_for()
    assert tile(page, "In calls") == "2"
    assert loads == []
    assert page.locator("#board [aria-live], #board [role=status], #board [role=alert]").count() == 0


def test_a_board_that_is_not_let_in_any_more_says_that_it_is_old(open_as, story):
    page = open_as(story.sam)
    page.clock.install()
    page.reload()
    story.sam.groups.clear()
    story.sam.user_permissions.clear()

    page.clock.run_for(31_000)

    page.get_by_text("This is not up to date any more: reload the page.").wait_for()


def test_what_is_being_used_is_not_swapped(open_as, story):
    page = open_as(story.sam)
    page.clock.install()
    page.reload()
    page.locator(".staff-tiles a").first.focus()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))

    page.clock.run_for(61_000)

    assert asked == []


@pytest.mark.parametrize("javascript", [True, False], ids=["javascript", "no-javascript"])
def test_companies_are_assigned_from_the_board(javascript, open_as, story):
    page = open_as(story.sam, java_script_enabled=javascript)
    page.get_by_role("link", name="Assign companies").click()
    page.get_by_label("Acme GmbH").check()
    page.get_by_label("Umbrella GmbH").check()
    page.get_by_label("Assign to").select_option("cara")
    page.get_by_role("button", name="Assign the chosen").click()

    page.get_by_text("2 companies are assigned to cara.").wait_for()
    assert {review("acme").assigned_to, review("umbrella").assigned_to} == {story.cara}


@pytest.mark.parametrize("size", SIZES)
def test_the_pages_can_be_read_by_everybody(size, open_as, story, faults_of):
    width, scheme = SIZES[size]
    seen = {"viewport": {"width": width, "height": 900}, "color_scheme": scheme}
    calling_hours.change(story.program, Calling(time(8), time(18), 16, 5), at=story.now)
    messages.send_due(as_of=timezone.now(), send=lambda message: None)
    program, mail = story.program.pk, Message.objects.get().pk
    pages = {
        "board": BOARD,
        "assign": at("referredaccount_assign_many"),
        "hand-over": at("referredaccount_hand_over"),
        "assign-one": at("referredaccount_assign", review("acme").account_id),
        "activity": at("referredaccount_activity"),
        "program": at("program_change", program),
        "calling": at("program_calling", program),
        "mails": at("message_changelist"),
        "mail": at("message_change", mail),
    }

    faults = []
    for name, path in pages.items():
        page = open_as(story.sam, path, **seen)
        faults += faults_of(page, f"lead-{name}-{size}")
        page.context.close()

    assert faults == []
