"""*Refer a client* in a real browser: the link is copied and told, and everybody can read the page."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from payouts import holds, program_files
from payouts.models import Bonus
from referrals import enrollment
from referrals.models import Enrollment
from tests.story import BEGINNING, STARTS, Story, written

pytestmark = [
    pytest.mark.django_db(transaction=True),
    # Of pytest-base-url, which pytest-playwright brings along.
    pytest.mark.filterwarnings("ignore::pytest.PytestRemovedIn10Warning"),
]

SIZES = {"light": (1280, "light"), "dark": (1280, "dark"), "320": (320, "light"), "320-dark": (320, "dark")}


@pytest.fixture
def story(db) -> Story:
    """Smartcat half a year ago, and what became of eight companies."""
    told = Story("smartcat", {"terms.clawback": "BY_STAFF"})
    told.rosa.user = User.objects.create(username="rosa-logs-in")
    told.rosa.save()
    return told


@pytest.fixture
def visit(browser, live_server, story):
    """Open the page as Rosa, in a window of its own."""
    contexts = []

    def open_page(path="/refer/", *, size="light", **options):
        width, scheme = SIZES[size]
        client = Client()
        client.force_login(story.rosa.user)
        context = browser.new_context(
            viewport={"width": width, "height": 900}, color_scheme=scheme, reduced_motion="reduce", **options
        )
        contexts.append(context)
        cookie = {"name": "sessionid", "value": client.cookies["sessionid"].value, "url": live_server.url}
        context.add_cookies([cookie])
        page = context.new_page()
        page.goto(f"{live_server.url}{path}")
        return page

    yield open_page
    for context in contexts:
        context.close()


def let_much_happen(story: Story) -> None:
    """Something of everything that a referrer can meet in a program."""
    story.now = timezone.now() - timedelta(days=150)
    for name in ("acme", "globex"):
        story.earn(name)
    story.pass_to(timezone.now() - timedelta(days=80))
    story.reverse(Bonus.objects.get(account__host_account="globex"))
    story.now = timezone.now() - timedelta(days=9)
    story.earn("initech", company_name="Initech Inc.")
    held = story.earn("umbrella", company_name="Umbrella & Co. KG")
    holds.place(held, reason="Refund announced", by=story.fay, at=story.now)
    qualified = story.sign_up("hooli", company_name="Hooli S.A.")
    story.decide(qualified)
    refused = story.sign_up("vandelay", company_name="Vandelay Industries")
    reason = refused.terms.rejection_reasons.get(code="no_translation_need")
    story.decide(refused, "NOT_QUALIFIED", reason=reason)
    story.sign_up("public", email="someone@gmail.com", company_name="Public Mail Ltd")
    story.wait(minutes=11)
    story.sign_up("soylent", company_name="Soylent AG")
    story.wait(minutes=1)


def test_the_link_is_copied_by_keyboard_and_that_is_announced(visit, live_server):
    page = visit(permissions=["clipboard-read", "clipboard-write"])
    announced = page.get_by_role("status").last
    assert announced.inner_text() == ""

    page.get_by_label("Your link").focus()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")

    announced.get_by_text("Copied: your link.").wait_for()
    assert page.evaluate("navigator.clipboard.readText()") == f"{live_server.url}/r/rosa"


def test_the_code_is_copied_too(visit):
    page = visit(permissions=["clipboard-read", "clipboard-write"])

    page.get_by_role("button", name="Copy your code").click()

    page.get_by_text("Copied: your code.").wait_for()
    assert page.evaluate("navigator.clipboard.readText()") == "rosa"


def test_where_the_browser_refuses_the_clipboard_the_link_is_copied_the_old_way(visit, live_server):
    page = visit()
    page.evaluate("Object.defineProperty(navigator, 'clipboard', {value: undefined})")

    button = page.get_by_role("button", name="Copy to clipboard")
    button.click()

    page.get_by_text("Copied: your link.").wait_for()
    assert button.evaluate("one => one === document.activeElement")


def test_without_javascript_the_link_can_be_selected_and_no_button_promises_more(visit, live_server):
    page = visit(java_script_enabled=False)

    link = page.get_by_label("Your link")
    assert link.input_value() == f"{live_server.url}/r/rosa"
    assert link.is_enabled()
    assert not link.is_editable()
    assert page.get_by_role("button", name="Copy").count() == 0


def test_without_javascript_an_invitation_is_accepted(visit, story):
    Enrollment.objects.filter(referrer=story.rosa).update(status="INVITED")
    page = visit(java_script_enabled=False)
    assert page.get_by_label("Your link").count() == 0

    page.get_by_role("button", name="Accept the invitation").click()

    assert page.get_by_label("Your link").input_value().endswith("/r/rosa")
    assert "Your link and code are ready" in page.get_by_role("status").first.inner_text()


@pytest.mark.parametrize("size", SIZES)
def test_the_page_can_be_read_by_everybody(visit, story, faults_of, size):
    assert faults_of(visit(size=size), f"refer-empty-{size}") == []

    let_much_happen(story)
    assert faults_of(visit(size=size), f"refer-full-{size}") == []

    enrollment.suspend(story.rosa, program=story.program, by=story.sam, at=timezone.now(), reason="a look")
    ended = program_files.store(written("upwork-2019"), host=story.host, now=BEGINNING)
    enrollment.enroll(story.rosa, program=ended, at=STARTS["upwork-2019"], invited=True)
    assert faults_of(visit(size=size), f"refer-suspended-{size}") == []
    assert faults_of(visit("/refer/upwork-2019/", size=size), f"refer-ended-{size}") == []
    Enrollment.objects.filter(program=story.program).update(status="INVITED")
    assert faults_of(visit(size=size), f"refer-invited-{size}") == []
