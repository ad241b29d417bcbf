"""Somebody leaves, as the operator who lets them go sees it."""

import pytest
from django.contrib.auth.models import Group, User
from django.core.management import call_command
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from referrals import reviews
from referrals.models import ProgramStaff, Review
from tests.factories import UserFactory
from tests.story import Story

pytestmark = [
    pytest.mark.django_db(transaction=True),
    # Of pytest-base-url, which pytest-playwright brings along.
    pytest.mark.filterwarnings("ignore::pytest.PytestRemovedIn10Warning"),
]

SIZES = {"desk": (1280, "light"), "night": (1280, "dark"), "narrow": (320, "light")}


@pytest.fixture
def story() -> Story:
    """Cara has one company in hand and another assigned; Ada operates."""
    told = Story("smartcat")
    call_command("make_groups", verbosity=0)
    told.ada = UserFactory(username="ada")
    for who, group in [(told.cara, "Callers"), (told.finn, "Callers"), (told.ada, "Operators")]:
        who.groups.set([Group.objects.get(name=group)])
    told.now = timezone.now()
    held, assigned = told.sign_up("acme"), told.sign_up("globex")
    reviews.claim(Review.objects.get(account=held), told.cara, at=told.now)
    Review.objects.filter(account=assigned).update(assigned_to=told.cara)
    return told


@pytest.fixture
def page_of(browser, live_server):
    contexts = []

    def open_as(user: User, path: str, look: str = "desk"):
        width, scheme = SIZES[look]
        context = browser.new_context(
            viewport={"width": width, "height": 900}, color_scheme=scheme, java_script_enabled=True
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
    for context in contexts:
        context.close()


def test_an_operator_lets_somebody_leave_in_three_presses(story, page_of):
    page = page_of(story.ada, reverse("admin:auth_user_change", args=[story.cara.pk]))

    page.get_by_text("This person leaves …").click()
    page.get_by_label("Companies and call backs go to").select_option(str(story.finn.pk))
    page.get_by_role("button", name="This person leaves").click()

    page.get_by_text("cara has left. To finn: companies assigned: 1").first.wait_for()
    page.get_by_text("cara cannot log in, holds nothing and confirms nothing.").wait_for()
    assert not User.objects.get(pk=story.cara.pk).is_active


@pytest.mark.parametrize("look", SIZES)
def test_the_pages_can_be_read_by_everybody(look, story, page_of, faults_of):
    path = reverse("admin:auth_user_change", args=[story.cara.pk])
    page = page_of(story.ada, path, look)
    page.get_by_text("This person leaves …").click()
    faults = faults_of(page, f"leaving-person-{look}")
    page.goto(page.url.replace("/change/", "/leave/"))
    faults += faults_of(page, f"leaving-step-{look}")

    boss = UserFactory(is_superuser=True)
    ProgramStaff.objects.create(user=story.cara, program=story.program)
    faults += faults_of(page_of(boss, path, look), f"leaving-administrator-{look}")

    assert faults == []
