"""The page of a referrer, see-as and the first page in a real browser: what they cost, and how they look."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import Group, User
from django.core.management import call_command
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from payouts import sweeps
from referrals.models import SeenAs
from tests.admin_pages import page as page_for
from tests.story import Story

pytestmark = [
    pytest.mark.django_db(transaction=True),
    # Of pytest-base-url, which pytest-playwright brings along.
    pytest.mark.filterwarnings("ignore::pytest.PytestRemovedIn10Warning"),
]

SIZES = {"light": (1280, "light"), "dark": (1280, "dark"), "320": (320, "light")}
PARTS = ["accounts", "trail", "money", "history"]


@pytest.fixture
def story() -> Story:
    """Two months of Smartcat, counted by months; Fay answers referrers."""
    told = Story("smartcat")
    call_command("make_groups", verbosity=0)
    told.fay.groups.set([Group.objects.get(name="Support")])
    for days, name in [(50, "acme"), (20, "globex")]:
        told.now = timezone.now() - timedelta(days=days)
        told.earn(name)
    told.now = timezone.now()
    told.sign_up("initech")
    told.evaluate()
    sweeps.count_months(as_of=told.now)
    return told


@pytest.fixture
def opened(browser, live_server):
    """Open a page as somebody, each in a browser of their own."""
    contexts = []

    def open_as(user: User, path: str, *, width: int = 1280, scheme: str = "light", javascript: bool = True):
        context = browser.new_context(
            java_script_enabled=javascript,
            viewport={"width": width, "height": 900},
            color_scheme=scheme,
            permissions=["clipboard-read", "clipboard-write"],
        )
        contexts.append(context)
        client = Client()
        client.force_login(user)
        cookie = {"name": "sessionid", "value": client.cookies["sessionid"].value, "url": live_server.url}
        context.add_cookies([cookie])
        page = context.new_page()
        page.goto(f"{live_server.url}{path}")
        return page

    yield open_as
    # An open connection keeps a thread of the server, and that one of the database.
    for context in contexts:
        context.close()


@pytest.mark.parametrize("javascript", [True, False], ids=["javascript", "no-javascript"])
def test_seeing_as_a_referrer_costs_one_press_and_one_load(javascript, story, opened):
    page = opened(story.fay, page_for(story.rosa), javascript=javascript)
    loads: list[str] = []
    page.on("framenavigated", lambda _: loads.append(page.url))

    page.get_by_label("Why you look at the page of rosa").fill("They ask about Acme.")
    page.get_by_role("button", name="See as referrer").click()
    page.get_by_role("link", name="Back").wait_for()
    page.wait_for_load_state("load")

    assert [url.partition("/admin/")[2] for url in loads] == [f"referrals/referrer/{story.rosa.pk}/page/"]
    assert page.get_by_label("Your link").input_value().endswith("/r/rosa")
    assert SeenAs.objects.count() == 1
    page.get_by_role("link", name="Back").click()
    assert page.url.endswith(page_for(story.rosa))


def test_on_the_page_as_seen_copying_works_under_the_strict_policy(story, opened):
    page = opened(story.fay, page_for(story.rosa))
    refused: list[str] = []
    page.on("console", lambda message: refused.append(message.text) if message.type == "error" else None)
    page.get_by_label("Why you look at the page of rosa").fill("They ask about Acme.")
    page.get_by_role("button", name="See as referrer").click()

    page.get_by_role("button", name="Copy to clipboard").click()

    page.get_by_text("Copied: your link.").wait_for()
    assert page.evaluate("navigator.clipboard.readText()").endswith("/r/rosa")
    assert refused == []


@pytest.mark.parametrize("size", SIZES)
def test_the_pages_of_support_look_right(size, story, opened, faults_of):
    width, scheme = SIZES[size]
    page = opened(story.fay, page_for(story.rosa), width=width, scheme=scheme)
    found = []
    for part in PARTS:
        page.goto(f"{page.url.partition('?')[0]}?part={part}")
        found += faults_of(page, f"referrer-{part}-{size}")
    page.get_by_label("Why you look at the page of rosa").fill("They ask about Acme.")
    page.get_by_role("button", name="See as referrer").click()
    page.get_by_role("link", name="Back").wait_for()
    found += faults_of(page, f"seen-as-{size}")

    assert found == []


@pytest.mark.parametrize("size", SIZES)
def test_the_first_page_with_its_charts_looks_right(size, story, opened, faults_of):
    width, scheme = SIZES[size]
    page = opened(story.fay, reverse("admin:index"), width=width, scheme=scheme)
    for table in ("funnel by month", "money per month"):
        page.get_by_text(f"Table: {table}").click()

    assert faults_of(page, f"home-charts-{size}") == []
    assert page.locator("svg.staff-chart").count() == 5
    assert page.locator("svg.staff-chart rect").first.bounding_box()["width"] > 100
