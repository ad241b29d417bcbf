"""The jobs page in a real browser."""

from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from payouts.models import Bonus
from referrals.models import JobRun
from tests.factories import UserFactory, booked_bonus

pytestmark = [
    pytest.mark.django_db(transaction=True),
    # Of pytest-base-url, which pytest-playwright brings along.
    pytest.mark.filterwarnings("ignore::pytest.PytestRemovedIn10Warning"),
]

SIZES = {"light": (1280, "light"), "dark": (1280, "dark"), "320": (320, "light")}


@pytest.fixture
def visit(browser, live_server):
    """Open the jobs page as somebody who may do everything."""
    contexts = []

    def open_page(**shown: object):
        client = Client()
        client.force_login(UserFactory(is_superuser=True))
        context = browser.new_context(**shown)
        contexts.append(context)
        cookie = {"name": "sessionid", "value": client.cookies["sessionid"].value, "url": live_server.url}
        context.add_cookies([cookie])
        page = context.new_page()
        page.goto(f"{live_server.url}{reverse('admin:referrals_jobrun_changelist')}")
        return page

    yield open_page
    # An open connection keeps a thread of the server, and that one of the database.
    for context in contexts:
        context.close()


@pytest.fixture
def runs():
    """One job is on time, one is late, one has failed, one was killed; the others never ran."""
    now = timezone.now()

    def ran(job, seconds, **more):
        at = now - timedelta(seconds=seconds)
        JobRun.objects.create(job=job, as_of=at, started_at=at, **{"ended_at": at, **more})

    ran("let_decisions_take_effect", 0)
    ran("prepare_batches", 7_200, examined=3, done=3)
    ran("evaluate_changed_facts", 0, examined=9, done=8, failed=1, error="account 12: IntegrityError: no way")
    ran("give_up_unreachable", 3_600, ended_at=None)


@pytest.mark.parametrize("javascript", [True, False])
def test_a_job_is_run_by_a_button_and_its_row_is_shown(javascript, visit):
    booked_bonus()
    page = visit(java_script_enabled=javascript)

    page.get_by_role("button", name="Run now: Release").click()

    page.get_by_text("release: examined 1, done 1, failed 0.").first.wait_for()
    assert page.url.endswith(reverse("admin:referrals_jobrun_change", args=[JobRun.objects.get().pk]))
    assert Bonus.objects.get().status == "PAID"


@pytest.mark.parametrize("shown", SIZES)
def test_the_page_has_no_serious_fault_of_accessibility(shown, visit, runs, faults_of):
    width, scheme = SIZES[shown]
    page = visit(color_scheme=scheme, viewport={"width": width, "height": 900})
    page.wait_for_load_state("networkidle")

    assert faults_of(page, f"jobs-{shown}") == []
