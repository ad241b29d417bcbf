"""The page of why an account has not brought its bonus yet: as staff read it, and what its referrer reads."""

import re

import pytest
from django.contrib.auth.models import Group
from django.core.management import call_command
from django.test import Client
from django.urls import reverse

from payouts import holds
from referrals.models import ProgramStaff, ReferredAccount
from tests.admin_pages import main_part
from tests.factories import ProgramFactory, UserFactory
from tests.story import Story

pytestmark = pytest.mark.django_db


@pytest.fixture
def story(time_machine) -> Story:
    told = Story()
    time_machine.move_to(told.now, tick=False)
    return told


def why(account: ReferredAccount) -> str:
    return reverse("admin:referrals_referredaccount_why", args=[account.pk])


def parts(client: Client, account: ReferredAccount) -> list[str]:
    """What staff read, and what the referrer is told."""
    pages = [main_part(client.get(why(account) + asked)) for asked in ("", "?referrer")]
    return [re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page)) for page in pages]


def test_an_account_without_a_bonus_is_explained(story, admin_client):
    staff, referrer = parts(admin_client, story.sign_up("acme"))

    assert "In review: nobody has decided yet. " in staff
    assert "A caller acts next. Paid Mar 16, 2026 at the earliest; nobody can say by when." in staff
    assert "Signed up with your link ✓ met Feb 2, 2026, 10:00 UTC With the link rosa;" in staff
    assert "Paid from the 16th to the last day of the month after the one" in staff
    assert "We talk to them, then you see here whether they qualify." in referrer
    assert "We act next." in referrer
    assert "nobody has decided" not in referrer
    assert "With your link." in referrer


def test_a_hold_is_between_staff(story, admin_client):
    bonus = story.earn("acme")
    holds.place(bonus, reason="looks like her brother", by=story.fay, at=story.now)

    staff, referrer = parts(admin_client, bonus.account)

    assert "It is on hold: looks like her brother." in staff
    assert "looks like her brother. By fay." in staff
    assert "brother" not in referrer
    assert "Being checked before it is paid." in referrer


@pytest.mark.parametrize(
    ("role", "status"), [("Finance approvers", 200), ("Support", 200), ("Auditors", 200), ("Callers", 403)]
)
def test_it_is_for_whoever_sees_money(role, status, story):
    call_command("make_groups", verbosity=0)
    person = UserFactory()
    person.groups.set([Group.objects.get(name=role)])
    client = Client()
    client.force_login(person)

    assert client.get(why(story.sign_up("acme"))).status_code == status
    assert client.post(why(ReferredAccount.objects.get())).status_code == 405


def test_what_belongs_to_another_program_is_not_there(story):
    call_command("make_groups", verbosity=0)
    person = UserFactory()
    person.groups.set([Group.objects.get(name="Support")])
    ProgramStaff.objects.create(user=person, program=ProgramFactory())
    client = Client()
    client.force_login(person)

    assert client.get(why(story.sign_up("acme"))).status_code == 404


@pytest.mark.parametrize("told_to", ["", "?referrer"])
@pytest.mark.parametrize("accounts", [1, 3])
def test_it_costs_the_same_whatever_else_there_is(
    accounts, told_to, story, admin_client, django_assert_max_num_queries
):
    bonuses = [story.earn(f"company{number}") for number in range(accounts)]
    address = why(bonuses[0].account) + told_to
    admin_client.get(address)

    with django_assert_max_num_queries(12):
        admin_client.get(address)
