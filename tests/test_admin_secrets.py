"""What a page hides cannot be asked for letter by letter, in the address of its list."""

import pytest
from django.contrib.admin import site
from django.contrib.auth.models import Group
from django.core.management import call_command
from django.test import Client

from tests.admin_pages import list_page, models_of, one_of_each
from tests.factories import UserFactory

pytestmark = pytest.mark.django_db

HIDDEN = {
    "referrals.ApiKey": ["sha256"],
    "referrals.WebhookSecret": ["secret"],
}
CONTACT = {
    "referrals.ReferredAccount": ["phone", "email", "contact"],
    "referrals.SignUp": ["phone", "email", "contact"],
    "referrals.Referrer": ["email"],
    "referrals.ExistingCustomer": ["email"],
}


def member_of(group: str) -> Client:
    call_command("make_groups", verbosity=0)
    person = UserFactory()
    person.groups.set([Group.objects.get(name=group)])
    client = Client()
    client.force_login(person)
    return client


def asked(client: Client, fields: dict[str, list[str]]) -> dict[str, int]:
    """How each list answers that is asked for rows of which a field begins with a letter."""
    lists = {
        model._meta.label: list_page(model) for app in ("referrals", "payouts") for model in models_of(app)
    }
    return {
        f"{label}.{name}": client.get(lists[label], {f"{name}__startswith": "a"}).status_code
        for label, names in fields.items()
        for name in names
    }


def test_nobody_asks_for_a_secret_not_even_a_superuser(admin_client):
    assert set(asked(admin_client, HIDDEN).values()) == {400}


@pytest.mark.parametrize("group", ["Program managers", "Auditors", "Support"])
def test_keys_and_secrets_are_no_ones_but_an_administrators(group):
    client = member_of(group)

    for label in HIDDEN:
        app, name = label.lower().split(".")
        assert client.get(f"/admin/{app}/{name}/").status_code == 403


@pytest.mark.parametrize("group", ["Finance preparers", "Finance approvers", "Auditors"])
def test_without_the_permission_nobody_asks_for_phone_e_mail_or_contact(group):
    answers = asked(member_of(group), CONTACT)

    assert set(answers.values()) <= {400, 403}
    assert answers["referrals.ReferredAccount.phone"] == 400


def test_whoever_sees_them_does_not_ask_a_list_either():
    """Of a company that somebody else holds nobody sees the number; a list would tell it digit by digit."""
    assert asked(member_of("Support"), CONTACT)["referrals.ReferredAccount.phone"] == 400


def test_no_list_is_asked_for_a_column_that_its_page_does_not_show(admin_client, rf, admin_user):
    one_of_each("referrals")
    request = rf.get("/")
    request.user = admin_user

    for model in [*models_of("referrals"), *models_of("payouts")]:
        admin = site._registry.get(model)
        if admin is None:
            continue
        for name in admin.exclude or ():
            assert not admin.lookup_allowed(f"{name}__regex", "a", request), f"{model._meta.label}.{name}"
