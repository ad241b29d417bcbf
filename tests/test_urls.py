"""
Who gets in where: the whole URL configuration, walked by people who have no business there.

A new address is refused to all of them until somebody writes it down here.
"""

from collections.abc import Iterable

import pytest
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from django.contrib.auth.models import Group, Permission, User
from django.http import HttpResponse
from django.test import Client

from referrals.models import Host, Program, Referrer
from tests.addresses import Address, addresses
from tests.admin_pages import one_of_each
from tests.factories import UserFactory

pytestmark = pytest.mark.django_db

METHODS = ["get", "post", "put", "patch", "delete"]
REFUSALS = {401, 403, 404, 405}
LOG_INS = ("/accounts/login/", "/admin/login/")

PUBLIC = {
    "front",
    "healthz",
    "readyz",
    "api:openapi-json",
    # What visitors meet who follow a link
    "links:code",
    "links:open",
    "links:join",
    "links:thank_you",
    # Log-in, and what belongs to it
    "account_login",
    "account_logout",
    "account_signup",  # says that it is closed
    "account_inactive",
    "account_request_login_code",
    "account_reset_password",
    "account_reset_password_done",
    "account_reset_password_from_key",
    "account_reset_password_from_key_done",
    "account_email_verification_sent",
    "account_confirm_email",
    "admin:logout",
}
OF_STAFF = {
    "admin:index",
    "admin:login",
    "admin:jsi18n",
    "admin:search",
    "admin:password_change",
    "admin:password_change_done",
    "admin:toggle_sidebar",
}
"""What every member of staff may open; it shows nothing but what else they may."""

STOCK = ("_add", "_change", "_changelist", "_delete", "_history")


@pytest.fixture(scope="module")
def site(rows_of_module: None) -> list[Address]:
    """Every address, after something of everything has happened."""
    rows = one_of_each("referrals", "payouts")
    person = UserFactory()
    rows += [
        person,
        Group.objects.create(name="Callers"),
        EmailAddress.objects.create(user=person, email="caller@example.com"),
        Authenticator.objects.create(user=person, type=Authenticator.Type.TOTP, data={}),
    ]
    return addresses(rows, {"program": Program.objects.order_by("pk")[0].slug})


def let_in(client: Client, wanted: Iterable[Address]) -> dict[str, int]:
    """Each method and address that is answered with anything but a refusal or the way to the log-in."""
    found = {}
    for address in wanted:
        for method in METHODS:
            answer = getattr(client, method)(address.path)
            if not is_refusal(client, answer):
                found[f"{method} {address.path} ({address.name})"] = answer.status_code
    return found


def is_refusal(client: Client, answer: HttpResponse) -> bool:
    """Also the way to the log-in, and the admin's way from an old address of a row to today's."""
    if answer.status_code != 302:
        return answer.status_code in REFUSALS
    location = answer["Location"]
    return location.startswith(LOG_INS) or (
        location.endswith("/change/") and client.get(location).status_code in REFUSALS
    )


def logged_in(*permissions: str, is_staff: bool) -> Client:
    person = UserFactory(is_staff=is_staff)
    person.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    client = Client()
    client.force_login(person)
    return client


def test_a_visitor_who_is_not_logged_in_sees_what_is_public_only(site, client):
    assert let_in(client, [address for address in site if address.name not in PUBLIC]) == {}


def test_what_is_public_answers_anybody_with_anything_but_an_error(site, client):
    public = [address for address in site if address.name in PUBLIC]

    answers = {
        f"{method} {address.path}": getattr(client, method)(address.path).status_code
        for address in public
        for method in METHODS
    }

    assert {address.name for address in public} == PUBLIC
    # /readyz says with a 503 that no worker runs in a test.
    assert {asked: status for asked, status in answers.items() if status >= 500} == {"get /readyz": 503}


def test_whoever_is_not_staff_sees_nothing_of_the_admin(site):
    client = logged_in(is_staff=False)

    inside = [address for address in site if address.is_admin and address.name not in PUBLIC]

    assert let_in(client, inside) == {}


def test_a_referrer_is_refused_at_everything_of_a_program_of_others(site):
    client = logged_in(is_staff=False)
    Referrer.objects.create(
        host=Host.objects.create(slug="elsewhere", name="Elsewhere"),
        host_account="second",
        user=User.objects.get(pk=client.session["_auth_user_id"]),
    )

    of_others = [address for address in site if address.name in {"refer:program", "refer:join"}]

    assert len(of_others) == 2
    assert let_in(client, of_others) == {}


def test_staff_without_permissions_see_nothing_but_the_entrance(site):
    client = logged_in(is_staff=True)

    inside = [address for address in site if address.is_admin and address.name not in PUBLIC | OF_STAFF]

    assert let_in(client, inside) == {}


def test_a_caller_sees_nothing_of_money(site):
    caller = logged_in(
        "view_referredaccount", "decide_referredaccount", "view_call", "view_decision", is_staff=True
    )

    money = [address for address in site if address.name.startswith("admin:payouts_")]

    assert len(money) > 50
    assert let_in(caller, money) == {}


def test_a_superuser_finds_no_address_of_ours_that_breaks(site):
    client = Client()
    client.force_login(UserFactory(is_superuser=True))

    # The stock pages of every model are looked at by the tests of the admin.
    ours = [address for address in site if not address.name.endswith(STOCK) and "logout" not in address.name]
    answers = {
        f"{method} {address.path} ({address.name})": getattr(client, method)(address.path).status_code
        for address in ours
        for method in ["get", "post"]
        if address.name != "readyz"
    }

    assert {asked: status for asked, status in answers.items() if status >= 500} == {}
