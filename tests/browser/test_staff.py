"""The screens of staff in a real browser: what a caller and two people of finance do there."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import Group, User
from django.core.management import call_command
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from payouts import batches, holds
from payouts.models import Bonus, PayoutBatch
from referrals import proposals, reviews
from referrals.models import ReferredAccount, Review
from tests.admin_pages import just_logged_in
from tests.factories import OPENS_AT, EnrollmentFactory, ProgramFactory, booked_bonus
from tests.story import Story, person

pytestmark = [
    pytest.mark.django_db(transaction=True),
    # Of pytest-base-url, which pytest-playwright brings along.
    pytest.mark.filterwarnings("ignore::pytest.PytestRemovedIn10Warning"),
]

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
        (told.fay, "Finance preparers"),
        (told.finn, "Finance approvers"),
    ]:
        who.groups.set([Group.objects.get(name=group)])
    # Fay may do both, and yet not with one and the same batch.
    told.fay.groups.add(Group.objects.get(name="Finance approvers"))
    for days, name in [(4, "acme"), (2, "globex"), (1, "initech")]:
        told.now = timezone.now() - timedelta(days=days)
        told.sign_up(name, company_name=f"{name.title()} GmbH", country="DE")
    told.now = timezone.now()
    at_any_hour()
    return told


def at_any_hour() -> None:
    """The tests are run at night, too."""
    Review.objects.update(opens_at=timezone.now() - timedelta(minutes=1), closes_at=None)


@pytest.fixture
def batch() -> PayoutBatch:
    """A draft with three bonuses of two referrers."""
    return drafted("Receptionists", "Umbrella LLC", "Hooli Inc.", "Pied Piper")


def drafted(name: str, *companies: str) -> PayoutBatch:
    """A draft of a program of its own: the first company came by Ben, the others by Rosa."""
    program = ProgramFactory(name=name, terms__schedule__release="AFTER_APPROVAL")
    ben, rosa = (EnrollmentFactory(program=program, referrer__name=name) for name in ("Ben Doe", "Rosa Roe"))
    for number, company in enumerate(companies):
        booked_bonus(account__enrollment=rosa if number else ben, account__company_name=company)
    batches.prepare(as_of=OPENS_AT + timedelta(hours=1), program=program)
    return PayoutBatch.objects.get(program=program)


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


@pytest.fixture(params=[True, False], ids=["javascript", "no-javascript"])
def page_of(request, browser, live_server):
    """Open a page as somebody, each in a browser of their own, with JavaScript and without."""
    contexts = []

    def open_as(user: User, path: str):
        context = browser.new_context(java_script_enabled=request.param)
        contexts.append(context)
        client = just_logged_in(user)
        cookie = {"name": "sessionid", "value": client.cookies["sessionid"].value, "url": live_server.url}
        context.add_cookies([cookie])
        page = context.new_page()
        page.goto(f"{live_server.url}{path}")
        return page

    yield open_as
    # An open connection keeps a thread of the server, and that one of the database.
    for context in contexts:
        context.close()


def test_a_bonus_says_first_why_it_is_not_paid_and_is_held_in_place(page_of, story, batch):
    bonus = Bonus.objects.filter(batch=batch).earliest("pk")
    page = page_of(story.fay, address("payouts_bonus_change", bonus.pk))
    headline = page.locator(".staff-headline")
    assert headline.inner_text().startswith("The window is open; the bonus waits for its batch")

    page.get_by_text("Hold …").click()
    page.get_by_label("Reason").first.fill("Refund announced.")
    page.get_by_role("button", name="Hold", exact=True).click()

    page.get_by_text("It is on hold: Refund announced.").first.wait_for()
    assert headline.inner_text().startswith("It is on hold: Refund announced.")


def test_two_people_of_finance_approve_a_batch(page_of, story, batch):
    path = address("payouts_payoutbatch_change", batch.pk)
    fay = page_of(story.fay, path)
    fay.get_by_role("button", name="Put up USD").click()
    batch.refresh_from_db()
    assert (batch.status, batch.prepared_by) == ("AWAITING_APPROVAL", story.fay)
    assert fay.get_by_role("button", name="Approve USD").is_disabled()
    fay.get_by_text("You prepared this batch").first.wait_for()

    finn = page_of(story.finn, path)
    finn.get_by_role("button", name="Approve USD").click()

    batch.refresh_from_db()
    assert (batch.status, batch.approved_by) == ("APPROVED", story.finn)
    finn.get_by_text("are approved; the next run pays them").first.wait_for()


@pytest.mark.parametrize("shown", SIZES)
def test_no_page_has_a_serious_fault_of_accessibility(
    shown: str, browser, live_server, story, batch, faults_of
):
    width, scheme = SIZES[shown]
    context = browser.new_context(color_scheme=scheme, viewport={"width": width, "height": 900})
    visit = context.new_page()

    faults = []
    for name, (who, path) in pages_to_look_at(story, batch).items():
        client = Client()
        client.force_login(who)
        context.add_cookies(
            [{"name": "sessionid", "value": client.cookies["sessionid"].value, "url": live_server.url}]
        )
        visit.goto(f"{live_server.url}{path}")
        visit.wait_for_load_state("networkidle")
        faults += faults_of(visit, f"{name}-{shown}")

    assert faults == []


def pages_to_look_at(story: Story, batch: PayoutBatch) -> dict[str, tuple[User, str]]:
    """Each first screen with somebody who may see it."""
    acme, globex, initech = ReferredAccount.objects.filter(program=story.program).order_by("pk")
    story.call(acme)
    story.decide(initech)
    at_any_hour()
    review = Review.objects.get(account=acme)
    reviews.claim(review, story.cara, at=timezone.now())
    story.program.accounts.filter(pk=globex.pk).update(domain_match=True)
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
    put_up = drafted("Translators", "Initrode")
    batches.put_up(put_up, by=story.fay, at=timezone.now())
    change = "referrals_referredaccount_change"
    return {
        "reviews": (story.cara, address("referrals_referredaccount_reviews")),
        "review": (story.cara, address("referrals_referredaccount_review", acme.pk)),
        "held": (story.sam, address("referrals_referredaccount_review", acme.pk)),
        "free": (story.cara, address("referrals_referredaccount_review", globex.pk)),
        "queue-decided": (story.cara, f"{address('referrals_referredaccount_reviews')}?tab=decided"),
        "queue-later": (story.cara, f"{address('referrals_referredaccount_reviews')}?tab=later&q=x"),
        "decided": (story.cara, address("referrals_referredaccount_review", initech.pk)),
        "account": (superuser, address(change, acme.pk)),
        "bonuses": (story.fay, address("payouts_bonus_changelist")),
        "bonus": (story.fay, address("payouts_bonus_change", held.pk)),
        "batch": (story.fay, address("payouts_payoutbatch_change", batch.pk)),
        "proposal": (superuser, address("referrals_proposal_change", proposal.pk)),
        "home": (superuser, address("index")),
        "home-caller": (story.cara, address("index")),
        "batch-hold-lines": (story.fay, address("payouts_payoutbatch_hold-lines", batch.pk)),
        "batch-on-demand": (story.fay, address("payouts_payoutbatch_draft")),
        "signing": (superuser, address("referrals_program_signing", story.program.pk)),
        "batch-put-up": (story.fay, address("payouts_payoutbatch_change", put_up.pk)),
        **{
            name: (superuser, address(f"{name}_changelist"))
            for name in (
                "referrals_referredaccount",
                "referrals_referrer",
                "referrals_proposal",
                "referrals_accountevent",
                "payouts_payoutbatch",
                "payouts_withdrawal",
                "payouts_transfer",
                "referrals_program",
                "auth_user",
            )
        },
    }
