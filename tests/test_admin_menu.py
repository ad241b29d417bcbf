"""The sidebar of the admin offers to each group what its members may open, and nothing else."""

import pytest
from django.contrib.auth.models import Group
from django.core.management import call_command
from django.test import Client
from django.urls import reverse

from tests.factories import UserFactory

pytestmark = pytest.mark.django_db

DESK = ["Reviews", "Referred accounts", "Referrers", "Proposals"]
MONEY = ["Bonuses", "What will be paid", "Batches", "Payouts", "Payment files", "Withdrawals", "Books"]
OFFERED = {
    "Callers": [*DESK, "Reports"],
    "Seniors": [DESK[0], "Board", *DESK[1:], "Second looks", "Reports", "Jobs"],
    "Finance preparers": [*DESK[1:], *MONEY, "Programs", "Jobs"],
    "Finance approvers": [*DESK[1:], *MONEY, "Programs", "Jobs"],
    "Program managers": [*DESK[1:], "Events", *MONEY, "Programs", "Jobs", "Mails"],
    "Support": [*DESK[1:], "Events", *MONEY, "Programs", "Jobs", "Mails"],
    "Operators": ["Events", "Jobs", "Mails", "Log-ins"],
    "Auditors": [*DESK[1:], "Events", *MONEY, "Programs", "Jobs", "Mails"],
}


@pytest.mark.parametrize("group", OFFERED)
def test_each_group_is_offered_what_it_may_open_and_nothing_else(group):
    call_command("make_groups", verbosity=0)
    user = UserFactory()
    user.groups.set([Group.objects.get(name=group)])
    client = Client()
    client.force_login(user)
    home = client.get(reverse("admin:index"))
    entries = [
        entry
        for part in home.context["sidebar_navigation"]
        for entry in part["items"]
        if entry["title"] != "Home"
    ]

    opened = {entry["title"]: client.get(str(entry["link"])).status_code for entry in entries}

    assert [title for title, status in opened.items() if status == 200] == OFFERED[group]
    assert [entry["title"] for entry in entries if entry["has_permission"]] == OFFERED[group]


def test_whoever_is_in_no_group_is_offered_nothing():
    client = Client()
    client.force_login(UserFactory())

    home = client.get(reverse("admin:index"))

    assert home.context["needs"] == []
    assert "What you may look at stands in the menu." in home.content.decode()


def test_home_stays_within_its_queries(admin_client, django_assert_max_num_queries):
    with django_assert_max_num_queries(12):
        admin_client.get(reverse("admin:index"))


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ({}, "A bonus appears when an account reaches the milestones of a reward."),
        ({"q": "no"}, "Nothing matches"),
    ],
)
def test_an_empty_list_says_why_it_is_empty(asked, told, admin_client):
    page = admin_client.get(reverse("admin:payouts_bonus_changelist"), asked).content.decode()

    assert told in page
