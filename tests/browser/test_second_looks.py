"""Second looks and appeals in a real browser: taken with and without JavaScript, and how the pages look."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import Group, User
from django.core.management import call_command
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from referrals import appeals, notes, second_looks
from referrals.models import ReferredAccount, Review, SecondLook
from tests.story import Story

pytestmark = [
    pytest.mark.django_db(transaction=True),
    # Of pytest-base-url, which pytest-playwright brings along.
    pytest.mark.filterwarnings("ignore::pytest.PytestRemovedIn10Warning"),
]

SIZES = {"light": (1280, "light"), "dark": (1280, "dark"), "320": (320, "light")}
FIRST = {
    "acme": ("QUALIFIED", ""),
    "globex": ("NOT_QUALIFIED", "freelancer"),
    "initech": ("NOT_QUALIFIED", "no_translation_need"),
    "umbrella": ("QUALIFIED", ""),
}


@pytest.fixture
def story() -> Story:
    """Smartcat today: of four decisions all are drawn; two are looked at, and one refusal is appealed."""
    told = Story("smartcat")
    told.program.second_look_percent = 100
    told.program.save()
    call_command("make_groups", verbosity=0)
    for who, group in [(told.cara, "Callers"), (told.fay, "Callers"), (told.sam, "Seniors")]:
        who.groups.set([Group.objects.get(name=group)])
    told.now = timezone.now() - timedelta(hours=2)
    for number, (name, (result, reason)) in enumerate(FIRST.items()):
        by = told.fay if number % 2 else told.cara
        account = told.sign_up(name, country="DE")
        notes.write(account, about="call", text="They asked for an offer in German.", by=by, at=told.now)
        told.wait(minutes=1)
        told.call(account, "REACHED", by=by)
        told.decide(account, result, reason=reason, by=by)
        told.wait(minutes=11)
    second_looks.draw(as_of=told.now)
    look(told, "initech", "NOT_QUALIFIED", "no_translation_need")
    look(told, "umbrella", "NOT_QUALIFIED", "freelancer")
    told.now = timezone.now()
    evidence = "They have sent an extract of the commercial register."
    appeals.take_up(account_of("initech"), by=told.sam, at=told.now, evidence=evidence)
    Review.objects.update(opens_at=told.now - timedelta(minutes=1), closes_at=None)
    return told


def account_of(name: str) -> ReferredAccount:
    return ReferredAccount.objects.get(host_account=name)


def look_of(name: str) -> SecondLook:
    return SecondLook.objects.get(decision__account__host_account=name)


def look(story: Story, name: str, result: str, reason: str) -> None:
    second_looks.look(look_of(name), result=result, reason=reason, by=story.sam, at=story.now)


def at(name: str, *args: object) -> str:
    return reverse(f"admin:referrals_{name}", args=args)


@pytest.fixture
def open_as(browser, live_server):
    """Open a page as somebody, each in a browser of their own."""
    contexts = []

    def opened(user: User, path: str, **options: object):
        context = browser.new_context(**options)
        contexts.append(context)
        client = Client()
        client.force_login(user)
        cookie = {"name": "sessionid", "value": client.cookies["sessionid"].value, "url": live_server.url}
        context.add_cookies([cookie])
        page = context.new_page()
        page.goto(f"{live_server.url}{path}")
        return page

    yield opened
    # An open connection keeps a thread of the server, and that one of the database.
    for context in contexts:
        context.close()


@pytest.mark.parametrize("javascript", [True, False], ids=["javascript", "no-javascript"])
def test_a_senior_takes_a_second_look_and_sees_both(javascript, open_as, story):
    page = open_as(story.sam, at("secondlook_waiting"), java_script_enabled=javascript)

    page.get_by_role("link", name="Take the next second look (2)").click()
    page.get_by_role("heading", name="Second look: Acme GmbH").wait_for()
    page.get_by_label("Reason for not qualified").select_option("freelancer")
    page.get_by_role("button", name="Not qualified", exact=True).click()

    page.get_by_text("! They differ").wait_for()
    page.get_by_role("link", name="Revoke …").click()
    page.get_by_role("heading", name="Revoke: Acme GmbH").last.wait_for()
    stored = look_of("acme")
    assert (stored.result, stored.reason.code, stored.looked_by) == ("NOT_QUALIFIED", "freelancer", story.sam)
    assert account_of("acme").status == "QUALIFIED"


def test_a_senior_takes_up_an_appeal_on_the_page_of_the_account(open_as, story):
    page = open_as(story.sam, at("referredaccount_change", account_of("globex").pk))

    page.get_by_text("Take up an appeal …").click()
    page.get_by_label("What the referrer says, and what shows it").fill("It is a company since May.")
    page.get_by_role("button", name="Take up an appeal", exact=True).click()

    page.get_by_text("fay, who refused it, does not decide this time.").wait_for()
    assert Review.objects.get(account=account_of("globex"), closed_at=None).appeal_of.decided_by == story.fay


@pytest.mark.parametrize("size", SIZES)
def test_the_pages_can_be_read_by_everybody(size, open_as, story, faults_of):
    width, scheme = SIZES[size]
    seen = {"viewport": {"width": width, "height": 900}, "color_scheme": scheme}
    pages = {
        "waiting": (story.sam, at("secondlook_waiting")),
        "blind": (story.sam, at("secondlook_look", look_of("acme").pk)),
        "same": (story.sam, at("secondlook_look", look_of("initech").pk)),
        "differ": (story.sam, at("secondlook_look", look_of("umbrella").pk)),
        "agreement": (story.sam, at("secondlook_agreement")),
        "agreement-own": (story.cara, at("secondlook_agreement")),
        "taken": (story.sam, at("secondlook_looked_at")),
        "appeal": (story.sam, at("referredaccount_appeal", account_of("globex").pk)),
        "appeal-review": (story.fay, at("referredaccount_review", account_of("initech").pk)),
        "appeal-first": (story.cara, at("referredaccount_review", account_of("initech").pk)),
        "appeal-queue": (story.fay, at("referredaccount_reviews")),
    }

    faults = []
    for name, (who, path) in pages.items():
        page = open_as(who, path, **seen)
        faults += faults_of(page, f"second-{name}-{size}")
        page.context.close()

    assert faults == []
