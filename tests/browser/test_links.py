"""What visitors meet, in a real browser: the sign-up page, the thanks, and the page where nothing is."""

import pytest

from referrals import enrollment
from referrals.models import Program, ReferredAccount
from tests.story import Story

pytestmark = [
    pytest.mark.django_db(transaction=True),
    # Of pytest-base-url, which pytest-playwright brings along.
    pytest.mark.filterwarnings("ignore::pytest.PytestRemovedIn10Warning"),
]

SIZES = {"light": (1280, "light"), "dark": (1280, "dark"), "320": (320, "light"), "320-dark": (320, "dark")}
COMPANY = {
    "Company": "Acme GmbH",
    "Work e-mail": "anna@acme.example",
    "Website": "acme.example",
    "Phone": "+49 30 123456",
}


@pytest.fixture
def story(live_server) -> Story:
    """Smartcat, whose landing page is ours, and Smith.ai with a discount."""
    told = Story("smartcat", {"attribution.old_links_work": False})
    enrollment.change_link(told.rosa, program=told.program, text="rosa-new", at=told.now)
    Program.objects.update(landing_url=live_server.url.replace("http:", "https:"))
    return told


@pytest.fixture
def visit(browser, live_server):
    """Open a page in a window of its own."""
    contexts = []

    def open_page(path, *, size="light", **options):
        width, scheme = SIZES[size]
        context = browser.new_context(
            viewport={"width": width, "height": 900}, color_scheme=scheme, reduced_motion="reduce", **options
        )
        contexts.append(context)
        page = context.new_page()
        page.goto(f"{live_server.url}{path}")
        return page

    yield open_page
    for context in contexts:
        context.close()


def fill_in(page, told=COMPANY):
    for label, text in told.items():
        page.get_by_label(label).fill(text)


def wait_as_people_do(page):
    page.wait_for_timeout(2_100)


def press_sign_up(page):
    page.get_by_role("button", name="Sign up").click()


@pytest.mark.parametrize("javascript", [True, False])
def test_a_company_follows_a_link_and_signs_up(visit, story, javascript):
    page = visit("/r/rosa-new", java_script_enabled=javascript)

    assert page.get_by_label("Referral code").input_value() == "rosa-new"
    fill_in(page)
    wait_as_people_do(page)
    press_sign_up(page)

    assert page.get_by_role("heading", level=1).inner_text() == "Thank you"
    assert ReferredAccount.objects.get().enrollment == story.enrollment()


def test_errors_lead_to_their_field_and_a_public_address_may_be_sent_again(visit, story):
    page = visit("/r/rosa-new")
    fill_in(page, {**COMPANY, "Work e-mail": "anna@gmail.com", "Phone": ""})
    wait_as_people_do(page)
    press_sign_up(page)

    summary = page.get_by_role("alert")
    assert summary.evaluate("one => one === document.activeElement")
    summary.get_by_role("link", name="Phone").click()
    page.keyboard.type("+49 30 123456")
    assert page.get_by_label("Referral code").input_value() == "rosa-new"
    press_sign_up(page)

    assert ReferredAccount.objects.get().rejection_reason.code == "public_email_domain"


def test_an_ended_link_offers_an_empty_code_field(visit, story):
    page = visit("/r/rosa")

    assert page.get_by_label("Referral code").input_value() == ""
    page.get_by_label("Referral code").fill("ROSA")
    page.get_by_role("button", name="Go on").click()

    assert page.get_by_label("Referral code").input_value() == "ROSA"


@pytest.mark.parametrize("size", SIZES)
def test_the_pages_can_be_read_by_everybody(visit, story, faults_of, size):
    assert faults_of(visit("/r/rosa-new", size=size), f"links-join-{size}") == []

    page = visit("/r/rosa-new", size=size)
    fill_in(page, {"Work e-mail": "anna@gmail.com", "Phone": "12"})
    press_sign_up(page)
    assert faults_of(page, f"links-errors-{size}") == []

    assert faults_of(visit("/join/smartcat/thank-you/", size=size), f"links-thank-you-{size}") == []
    assert faults_of(visit("/r/rosa", size=size), f"links-ended-{size}") == []


@pytest.mark.parametrize("size", SIZES)
def test_a_page_with_a_benefit_and_a_choice_can_be_read_by_everybody(visit, faults_of, size):
    told = Story(
        "smithai", {"terms.referred_kind": "ANY", "evidence.required": ["email", "country", "contact"]}
    )
    Program.objects.create(
        host=told.host, slug="paused", name="Paused", currency="USD", time_zone="UTC", status="PAUSED"
    )

    assert faults_of(visit("/join/smithai/?ref=rosa", size=size), f"links-choice-{size}") == []
