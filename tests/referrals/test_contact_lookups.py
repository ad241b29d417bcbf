"""How somebody is reached is shown of one company, and asked of no list: not by its length either."""

import pytest
from django.contrib.admin import site
from django.contrib.auth.models import Group, User
from django.core.management import call_command
from django.test import Client, RequestFactory
from django.urls import reverse

from referrals.models import Review, SignUp
from tests.story import Story

pytestmark = pytest.mark.django_db

CONTACT = [("phone", "+49301"), ("contact", "Anna"), ("email", "office")]


@pytest.fixture
def story(time_machine) -> Story:
    told = Story("smartcat")
    call_command("make_groups", verbosity=0)
    for who, group in [(told.cara, "Callers"), (told.sam, "Seniors"), (told.finn, "Support")]:
        who.groups.set([Group.objects.get(name=group)])
    time_machine.move_to(told.now, tick=False)
    return told


def client_of(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


@pytest.mark.parametrize("who", ["cara", "sam", "finn"])
@pytest.mark.parametrize("model", ["referredaccount", "signup"])
@pytest.mark.parametrize(("field", "begins"), CONTACT)
@pytest.mark.parametrize("how", ["__startswith", "__regex", "", "__gt"])
def test_a_list_is_not_asked_how_somebody_is_reached(who, model, field, begins, how, story):
    story.sign_up("acme", contact="Anna Muster")
    client = client_of(getattr(story, who))
    address = reverse(f"admin:referrals_{model}_changelist")

    assert client.get(address, {"company_name": "Acme GmbH"}).status_code == 200
    assert client.get(address, {f"{field}{how}": begins}).status_code in {302, 400}


@pytest.mark.parametrize(("field", "_"), CONTACT)
def test_nor_by_way_of_another_row(field, _, story, monkeypatch):
    """Not even where a filter of that list names the field."""
    request = RequestFactory().get("/")
    request.user = User(is_superuser=True)
    of_reviews = site._registry[Review]
    lookup = f"account__{field}"
    monkeypatch.setattr(of_reviews, "list_filter", [lookup])

    assert not of_reviews.lookup_allowed(lookup, "x", request)
    assert of_reviews.lookup_allowed("account__exact", "1", request)


def test_what_was_told_again_shows_no_more_than_what_was_told_first(story):
    story.sign_up("acme", contact="Anna Muster")
    story.sign_up("acme", contact="Anna Muster")
    client = client_of(story.cara)

    for sign_up in SignUp.objects.all():
        page = client.get(reverse("admin:referrals_signup_change", args=[sign_up.pk])).content.decode()
        assert "Acme GmbH" in page
        assert not [secret for secret in ["+4930123456", "Anna Muster", "office@acme"] if secret in page]
    assert SignUp.objects.filter(repeats__isnull=False).count() == 1
