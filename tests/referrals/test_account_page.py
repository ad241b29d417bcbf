"""The page of an account: how it stands, what happened, to whom it is told, and what that costs."""

import re
from datetime import timedelta

import pytest
from django.contrib.auth.models import Group, Permission, User
from django.core.management import call_command
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from payouts.models import Benefit, Bonus
from referrals import corrections, likeness, notes, reviews, warning_signs
from referrals.models import (
    CriterionResult,
    ExistingCustomer,
    ProgramStaff,
    ReferredAccount,
    Review,
)
from referrals.rules.words import SignalKind, Verdict
from tests.admin_pages import main_part, page
from tests.factories import ProgramFactory, ReferredAccountFactory, UserFactory, paid_bonus
from tests.story import Story

pytestmark = pytest.mark.django_db

MOST_QUERIES = 12

SECTIONS = {
    "referrals.view_call": "Calls",
    "referrals.view_comparison": "Compared",
    "referrals.view_correction": "Corrections",
    "referrals.view_criterionresult": "Checks",
    "referrals.view_decision": "Decisions",
    "referrals.view_milestonereached": "Milestones",
    "referrals.view_note": "Notes",
    "referrals.view_review": "Reviews",
    "referrals.view_signal": "Signals",
    "referrals.view_statuschange": "Status",
    "payouts.view_benefit": "What the company gets",
}
"""Permission to the section that it opens, beside the bonuses."""


@pytest.fixture
def story(time_machine) -> Story:
    # A minimum, so that what is due has to be added up.
    told = Story("smartcat", {"payout_schedule.minimum": "5000.00"})
    call_command("make_groups", verbosity=0)
    groups = {"cara": "Callers", "sam": "Seniors", "fay": "Finance preparers", "finn": "Auditors"}
    for name, group in groups.items():
        getattr(told, name).groups.set([Group.objects.get(name=group)])
    time_machine.move_to(told.now, tick=False)
    return told


def client_of(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def clerk(*permissions: str) -> User:
    """Somebody who may look at accounts, and at what else is named."""
    person = UserFactory()
    codes = [permission.partition(".")[2] for permission in permissions]
    found = Permission.objects.filter(codename__in=["view_referredaccount", *codes])
    person.user_permissions.set(found)
    return person


def shown_to(user: User, account: ReferredAccount) -> str:
    return main_part(client_of(user).get(page(account)))


def headings(shown: str) -> list[str]:
    """The sections of a page, but for the headline and the details."""
    return re.findall(r'<h2 id="(?!how-it-stands|details)[\w-]+">([^<]+)</h2>', shown)


def with_a_past(story: Story, *, times: int = 1) -> ReferredAccount:
    """An account with so many rows of everything; of a bonus and a benefit with one."""
    account = story.earn("acme").account
    story.now += timedelta(days=1)
    reward = account.terms.rewards.all()[0]
    Benefit.objects.create(
        account=account, reward=reward, kind="FREE_MONTHS", quantity=2,
        earned_at=story.now, granted_at=story.now, status="GRANTED",
    )  # fmt: skip
    let_it_happen(story, account, times=times)
    return account


def let_it_happen(story: Story, account: ReferredAccount, *, times: int, first: int = 0) -> None:
    """One more round of everything, so many times."""
    check = account.terms.criteria.get(code="not_registered_before")
    for number in range(first, first + times):
        story.revoke(account)
        account.refresh_from_db()
        reviews.claim(Review.objects.get(account=account, closed_at=None), story.cara, at=story.now)
        story.call(account, "REACHED")
        told = {"country": ["AT", "CH"][number % 2], "phone": f"+49301111{number}"}
        corrections.correct(account, told=told, reason="The secret reason.", by=story.cara, at=story.now)
        notes.write(account, about="call", text=f"Written {number}.", by=story.cara, at=story.now)
        signal = {"kind": SignalKind.EMPLOYEE, "at": story.now, "note": "Namesakes."}
        warning_signs.put(account, by=story.cara, **signal)
        warning_signs.settle(account, by=story.sam, **signal)
        known = ExistingCustomer.objects.create(
            host=story.host, host_account=f"old-{number}", company_name=f"Old {number}", domain="acme.example"
        )
        likeness.compare(account, known, verdict=Verdict.DIFFERENT, by=story.cara, at=story.now)
        story.sign_up(f"acme-{number}", link="ben", email=f"n{number}@acme.example")
        CriterionResult.objects.create(
            account=account, criterion=check, result="WAIVED", found_at=story.now,
            found_by=story.cara, approved_by=story.sam,
        )  # fmt: skip
        story.decide(account)
        story.wait(minutes=11)
        account.refresh_from_db()


def everything() -> User:
    """Somebody who may do everything, and is no superuser, of whom less is asked."""
    person = UserFactory()
    person.user_permissions.set(Permission.objects.all())
    return person


def is_due(story: Story) -> None:
    """The window is open: what is due is added up."""
    Bonus.objects.update(opens_at=story.now - timedelta(days=9))


# --- what is told -----------------------------------------------------------------------------------------


def test_it_begins_with_what_is_missing(admin_client):
    account = ReferredAccountFactory(evaluated=True)

    shown = main_part(admin_client.get(page(account)))

    assert "<strong>In review: nobody has decided yet.</strong>" in shown
    rows = re.findall(
        r'<tr><th scope="row">(\w[\w ]*)</th>.*?<span class="staff-chip [\w-]+">(.+?)</span>', shown
    )
    assert rows[:2] == [("signed up", "✓ met"), ("qualified", "… open")]
    assert "since Jan 12, 2026, 09:00" in shown
    assert shown.index("nobody has decided yet") < shown.index("Milestones") < shown.index('id="details"')


def test_what_is_missing_is_the_first_milestone_a_bonus_or_nothing(story):
    waits, earned = story.sign_up("globex"), story.earn("acme").account
    story.decide(waits)
    story.wait(minutes=11)

    assert "<strong>Still to come: " in shown_to(story.fay, waits)
    assert "<strong>Not paid yet: the window opens on" in shown_to(story.fay, earned)


def test_all_that_happened_stands_there(story):
    account = with_a_past(story)

    shown = shown_to(User.objects.create_superuser("root"), account)

    assert headings(shown) == [
        *("Milestones", "Bonuses", "What the company gets", "Status", "Decisions", "Calls", "Checks"),
        *("Reviews", "Notes", "Signals", "Compared", "Corrections"),
    ]
    told = re.sub(r"<[^>]+>|\s+", " ", shown)
    for words in [
        "Revoked cara , confirmed by sam".replace(" ,", ","),
        "Old 0",
        "Written 0.",
        "Waived cara, confirmed by sam",
        "USD 100.00",
        "2 months free",
        "from the call",
    ]:
        assert words in re.sub(r" +", " ", told), words


def test_nobody_reads_there_by_what_somebody_was_reached(story):
    account = with_a_past(story)
    Review.objects.filter(account=account).update(closed_at=story.now)

    for person in (story.cara, story.sam, story.fay, story.finn):
        shown = shown_to(person, account)
        assert "The secret reason." not in shown
        assert "+4930123456" not in shown
    assert "not shown here" in shown_to(story.cara, account)


@pytest.mark.parametrize("permission", SECTIONS)
def test_each_part_is_for_whoever_may_see_such_rows(permission, story):
    account = with_a_past(story)

    assert headings(shown_to(clerk(), account)) == []
    assert headings(shown_to(clerk(permission), account)) == [SECTIONS[permission]]


def test_money_and_what_is_missing_are_for_whom_they_concern(story):
    account = with_a_past(story)

    without, with_it = (
        shown_to(clerk("payouts.view_benefit"), account),
        shown_to(clerk("payouts.view_bonus"), account),
    )

    assert headings(without) == ["What the company gets"]
    assert "Not paid yet" not in without
    assert "100.00" not in without
    assert headings(with_it) == ["Milestones", "Bonuses"]
    assert "Not paid yet" in with_it
    assert "USD 100.00" in with_it


def test_who_sees_no_money_sees_of_milestones_only_what_is_reached(story):
    account = story.sign_up("acme")
    story.evaluate()

    assert "… open" in shown_to(story.fay, account)
    of_cara = shown_to(story.cara, account)
    assert "Milestones" in headings(of_cara)
    assert "… open" not in of_cara


def test_companies_of_other_programs_are_not_named_to_who_works_for_one(story):
    account = with_a_past(story)
    other = ReferredAccountFactory(enrollment__program__host=story.host, company_name="Hidden GmbH")
    likeness.compare(account, other, verdict=Verdict.DIFFERENT, by=story.sam, at=story.now)
    likeness.compare(other, account, verdict=Verdict.DIFFERENT, by=story.sam, at=story.now)
    assert shown_to(story.sam, account).count("Hidden GmbH") == 2

    ProgramStaff.objects.create(user=story.sam, program=story.program)

    scoped = shown_to(story.sam, account)
    assert "Hidden GmbH" not in scoped
    assert "Old 0" in scoped


def test_what_a_part_leads_to_is_linked_for_who_may_open_it(story):
    account = story.sign_up("acme")

    assert f'href="{page(account.terms)}"' in shown_to(story.finn, account)
    assert f'href="{page(account.terms)}"' not in shown_to(story.cara, account)
    assert str(account.terms) in shown_to(story.cara, account)


def test_of_another_program_there_is_no_such_account(story):
    account = story.sign_up("acme")
    ProgramStaff.objects.create(user=story.sam, program=ProgramFactory(host=story.host))

    answer = client_of(story.sam).get(page(account))

    assert answer.status_code == 302
    assert "acme" not in answer.url


def test_of_what_is_paid_nothing_is_missing(admin_client):
    account = paid_bonus().account

    shown = main_part(admin_client.get(page(account)))

    assert "<strong>Everything it earned is paid.</strong>" in shown
    assert re.search(r"✓ Paid</span>.*Paid on \w+ \d+, \d{4}\.", shown)


# --- what it costs ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("is_scoped", [False, True])
@pytest.mark.parametrize("who", ["cara", "sam", "fay", "finn", "everything"])
def test_it_costs_little_however_much_happened(who, is_scoped, story, django_assert_max_num_queries):
    account = with_a_past(story, times=6)
    person = everything() if who == "everything" else getattr(story, who)
    if is_scoped:
        ProgramStaff.objects.create(user=person, program=story.program)
    client = client_of(person)
    is_due(story)

    with django_assert_max_num_queries(MOST_QUERIES):
        client.get(page(account))
    story.revoke(account)
    # In review most steps are offered, and one of them asks for the checks.
    with django_assert_max_num_queries(MOST_QUERIES):
        client.get(page(account))


def test_each_row_more_costs_nothing_more(story):
    account = with_a_past(story)
    is_due(story)
    person = everything()
    ProgramStaff.objects.create(user=person, program=story.program)
    client = client_of(person)
    client.get(page(account))

    with CaptureQueriesContext(connection) as once:
        client.get(page(account))
    let_it_happen(story, account, times=6, first=1)
    with CaptureQueriesContext(connection) as often:
        shown = main_part(client.get(page(account)))

    assert "Written 6." in shown
    assert any("SUM(" in query["sql"] for query in often.captured_queries)
    assert len(often) == len(once)
