"""The roles of staff: what each may and never may, and groups that are made of them."""

from io import StringIO

import pytest
from django.contrib.auth.models import Group, Permission
from django.core.management import call_command

from referrals.roles import CONTACT, FORMER, ROLES
from tests.factories import UserFactory

pytestmark = pytest.mark.django_db

DECIDE = "referrals.decide_referredaccount"
MONEY = ["payouts.hold_bonus", "payouts.prepare_payoutbatch", "payouts.approve_payoutbatch"]
MAY = {
    "Callers": [DECIDE, CONTACT],
    "Seniors": [
        DECIDE,
        CONTACT,
        "referrals.reopen_referredaccount",
        "referrals.waive_referredaccount",
        "referrals.lead_referredaccount",
        "referrals.bulkdecide_referredaccount",
    ],
    "Support": [CONTACT, "referrals.see_as_referrer", "referrals.attribute_signup", "payouts.view_bonus"],
    "Finance preparers": ["payouts.hold_bonus", "payouts.prepare_payoutbatch", "payouts.view_bonus"],
    "Finance approvers": ["payouts.hold_bonus", "payouts.approve_payoutbatch", "payouts.view_bonus"],
    "Program managers": ["referrals.change_program", "referrals.view_terms"],
    "Operators": ["referrals.change_jobrun", "referrals.change_programstaff", "auth.view_user"],
    "Auditors": ["referrals.view_decision", "referrals.view_secondlook", "payouts.view_transfer"],
}
NEVER = {
    "Callers": [*MONEY, "payouts.view_bonus", "referrals.bulkdecide_referredaccount"],
    "Seniors": [*MONEY, "payouts.view_bonus"],
    "Support": [*MONEY, DECIDE, "referrals.reopen_referredaccount"],
    "Finance preparers": [
        DECIDE,
        CONTACT,
        "referrals.view_correction",
        "referrals.view_note",
        "payouts.approve_payoutbatch",
    ],
    "Finance approvers": [
        DECIDE,
        CONTACT,
        "referrals.view_correction",
        "referrals.view_note",
        "payouts.prepare_payoutbatch",
    ],
    "Program managers": [*MONEY, DECIDE, CONTACT],
    "Operators": [*MONEY, DECIDE, CONTACT, "auth.change_user", "payouts.view_bonus"],
    "Auditors": [*MONEY, DECIDE, CONTACT, "referrals.view_correction", "referrals.view_note"],
}


def made() -> str:
    out = StringIO()
    call_command("make_groups", stdout=out)
    return out.getvalue()


def permissions_of(name: str) -> set[str]:
    rows = Group.objects.get(name=name).permissions.select_related("content_type")
    return {f"{row.content_type.app_label}.{row.codename}" for row in rows}


@pytest.mark.parametrize("name", ROLES)
def test_each_role_may_what_it_is_for_and_never_what_it_is_not(name):
    made()

    granted = permissions_of(name)

    assert set(MAY[name]) - granted == set()
    assert set(NEVER[name]) & granted == set()


def test_nobody_both_qualifies_and_pays_and_auditors_write_nothing():
    made()

    for name in ROLES:
        granted = permissions_of(name)
        assert not (DECIDE in granted and granted & set(MONEY)), name
        assert not {MONEY[1], MONEY[2]} <= granted, name
    assert {name for name in permissions_of("Auditors") if ".view_" not in name} == set()


def test_each_group_has_exactly_its_permissions_whatever_it_had():
    made()
    before = {name: permissions_of(name) for name in ROLES}
    callers = Group.objects.get(name="Callers")
    callers.permissions.set(Permission.objects.filter(codename="view_bonus"))

    made()

    assert {name: permissions_of(name) for name in ROLES} == before


def test_a_group_of_ones_own_is_left_alone():
    own = Group.objects.create(name="Night shift")
    own.permissions.set(Permission.objects.filter(codename="view_call"))

    made()

    assert permissions_of("Night shift") == {"referrals.view_call"}


def test_a_former_role_is_taken_away_and_who_was_in_it_is_named():
    finance = Group.objects.create(name="Finance")
    fay = UserFactory(username="fay")
    fay.groups.add(finance)

    told = made()

    assert not Group.objects.filter(name__in=FORMER).exists()
    # Moved to neither: to prepare and to approve are two people's.
    assert not fay.groups.exists()
    assert "Finance: taken away; there are Finance preparers and Finance approvers instead." in told
    assert "  fay needs one of them, or may do nothing of it any more." in told
    assert "taken away" not in made()
