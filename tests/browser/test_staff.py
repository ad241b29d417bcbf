"""The screens of staff in a real browser: what a caller and two people of finance do there."""

from datetime import timedelta
from pathlib import Path

import pytest
from django.contrib.auth.models import Group, User
from django.core.management import call_command
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from payouts import batches, holds
from payouts.models import Bonus, PayoutBatch
from referrals import proposals
from referrals.models import Call, ReferredAccount
from tests.factories import OPENS_AT, EnrollmentFactory, ProgramFactory, booked_bonus
from tests.story import Story, person

pytestmark = [
    pytest.mark.django_db(transaction=True),
    # Of pytest-base-url, which pytest-playwright brings along.
    pytest.mark.filterwarnings("ignore::pytest.PytestRemovedIn10Warning"),
]

OF_THE_THEME = {
    "list",
    "listitem",
    "region",
    "landmark-one-main",
    "landmark-unique",
    "landmark-banner-is-top-level",
}
"""Rules that the theme's own frame breaks."""

SIZES = {"light": (1280, "light"), "dark": (1280, "dark"), "320": (320, "light")}


def address(name: str, *args: object) -> str:
    return reverse(f"admin:{name}", args=args)


@pytest.fixture
def story() -> Story:
    """Smartcat today, with three companies that wait for a call."""
    told = Story("smartcat")
    call_command("make_groups", verbosity=0)
    for who, group in [
        (told.cara, "Callers"),
        (told.sam, "Seniors"),
        (told.fay, "Finance"),
        (told.finn, "Finance"),
    ]:
        who.groups.set([Group.objects.get(name=group)])
    for days, name in [(4, "acme"), (2, "globex"), (1, "initech")]:
        told.now = timezone.now() - timedelta(days=days)
        told.sign_up(name, company_name=f"{name.title()} GmbH", country="DE")
    told.now = timezone.now()
    return told


@pytest.fixture
def batch() -> PayoutBatch:
    """A draft with three bonuses of two referrers."""
    program = ProgramFactory(name="Receptionists", terms__schedule__release="AFTER_APPROVAL")
    rosa, ben = (EnrollmentFactory(program=program, referrer__name=name) for name in ("Rosa Roe", "Ben Doe"))
    for enrollment, name in [(rosa, "Umbrella LLC"), (rosa, "Hooli Inc."), (ben, "Pied Piper")]:
        booked_bonus(account__enrollment=enrollment, account__company_name=name)
    batches.prepare(as_of=OPENS_AT + timedelta(hours=1), program=program)
    return PayoutBatch.objects.get(status="DRAFT")


@pytest.fixture
def enter(page, live_server):
    """Log somebody in, and open a page as that person."""

    def open_as(user: User, path: str):
        client = Client()
        client.force_login(user)
        page.context.clear_cookies()
        cookie = {"name": "sessionid", "value": client.cookies["sessionid"].value, "url": live_server.url}
        page.context.add_cookies([cookie])
        page.goto(f"{live_server.url}{path}")
        return page

    return open_as


def test_a_caller_qualifies_a_company_and_undoes_it(enter, story):
    acme = ReferredAccount.objects.get(host_account="acme")
    page = enter(story.cara, address("referrals_referredaccount_reviews"))

    page.get_by_role("link", name="Next company").click()
    assert page.get_by_role("heading", level=1).inner_text().strip().startswith("Acme")
    page.get_by_role("link", name="All yes").click()
    page.get_by_role("button", name="Qualified", exact=True).click()

    assert page.get_by_role("heading", level=1).inner_text().strip().startswith("Globex")
    assert "Acme GmbH: qualified. Takes effect at" in page.get_by_role("status").inner_text()
    acme.refresh_from_db()
    assert acme.pending_decision.result == "QUALIFIED"
    assert [call.outcome.code for call in Call.objects.filter(account=acme)] == ["REACHED"]

    page.get_by_role("button", name="Undo the decision about Acme GmbH").click()

    acme.refresh_from_db()
    assert (acme.status, acme.pending_decision) == ("IN_REVIEW", None)
    assert "it is in review again" in page.inner_text("body")


def test_a_company_that_does_not_answer_costs_two_clicks(enter, story):
    page = enter(story.cara, address("referrals_referredaccount_next"))

    page.get_by_role("button", name="No answer").click()

    assert page.get_by_role("heading", level=1).inner_text().strip().startswith("Globex")
    assert "Acme GmbH: No answer. Try again at another time of day." in page.inner_text("body")


@pytest.mark.parametrize("javascript", [True, False])
def test_two_people_of_finance_approve_a_batch(javascript, browser, live_server, story, batch):
    def page_of(user: User):
        context = browser.new_context(java_script_enabled=javascript)
        client = Client()
        client.force_login(user)
        cookie = {"name": "sessionid", "value": client.cookies["sessionid"].value, "url": live_server.url}
        context.add_cookies([cookie])
        page = context.new_page()
        page.goto(f"{live_server.url}{address('payouts_payoutbatch_change', batch.pk)}")
        return page

    fay = page_of(story.fay)
    fay.get_by_role("button", name="Put up USD").click()
    batch.refresh_from_db()
    assert (batch.status, batch.prepared_by) == ("AWAITING_APPROVAL", story.fay)
    assert fay.get_by_role("button", name="Approve USD").is_disabled()
    assert "You prepared this batch" in fay.inner_text("body")

    finn = page_of(story.finn)
    finn.get_by_role("button", name="Approve USD").click()

    batch.refresh_from_db()
    assert (batch.status, batch.approved_by) == ("APPROVED", story.finn)
    assert "are approved; the next run pays them" in finn.inner_text("body")


@pytest.mark.parametrize("shown", SIZES)
def test_no_page_has_a_serious_fault_of_accessibility(
    shown: str, browser, live_server, story, batch, screenshots: Path | None
):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    width, scheme = SIZES[shown]
    context = browser.new_context(color_scheme=scheme, viewport={"width": width, "height": 900})
    visit = context.new_page()

    faults, too_wide = [], []
    for name, (who, path) in pages_to_look_at(story, batch).items():
        client = Client()
        client.force_login(who)
        context.add_cookies(
            [{"name": "sessionid", "value": client.cookies["sessionid"].value, "url": live_server.url}]
        )
        visit.goto(f"{live_server.url}{path}")
        visit.wait_for_load_state("networkidle")
        if screenshots:
            visit.screenshot(path=screenshots / f"{name}-{shown}.png", full_page=True)
        found = axe.run(visit).response["violations"]
        faults += [
            (name, fault["id"], fault["nodes"][0]["html"][:200])
            for fault in found
            if fault["impact"] in ("serious", "critical") and fault["id"] not in OF_THE_THEME
        ]
        if visit.evaluate("document.documentElement.scrollWidth") > width:
            too_wide.append(name)

    assert (faults, too_wide) == ([], [])


def pages_to_look_at(story: Story, batch: PayoutBatch) -> dict[str, tuple[User, str]]:
    """Each first screen with somebody who may see it."""
    acme, globex, initech = ReferredAccount.objects.filter(program=story.program).order_by("pk")
    story.call(acme)
    story.decide(initech)
    superuser = person("root")
    User.objects.filter(pk=superuser.pk).update(is_superuser=True)
    superuser.refresh_from_db()
    held = Bonus.objects.filter(batch=batch).earliest("pk")
    proposal = proposals.propose(
        "revoke",
        target=str(globex.pk),
        arguments={"reason": "They were a customer in 2024."},
        by=story.sam,
        at=story.now,
    )
    holds.place(held, reason="Refund announced", by=story.fay, at=timezone.now())
    change = "referrals_referredaccount_change"
    return {
        "reviews": (story.cara, address("referrals_referredaccount_reviews")),
        "review": (story.cara, address("referrals_referredaccount_review", acme.pk)),
        "decided": (story.cara, address("referrals_referredaccount_review", initech.pk)),
        "account": (superuser, address(change, acme.pk)),
        "bonuses": (story.fay, address("payouts_bonus_changelist")),
        "bonus": (story.fay, address("payouts_bonus_change", held.pk)),
        "batch": (story.fay, address("payouts_payoutbatch_change", batch.pk)),
        "proposal": (superuser, address("referrals_proposal_change", proposal.pk)),
        "home": (superuser, address("index")),
    }
