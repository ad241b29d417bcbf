"""The page of an account in a real browser, as those see it who work with it."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import Group
from django.core.management import call_command
from django.test import Client
from django.utils import timezone

from referrals import reviews, warning_signs
from referrals.models import ReferredAccount, Review
from referrals.rules.words import SignalKind
from tests.admin_pages import page as page_of
from tests.referrals.test_account_page import with_a_past
from tests.story import Story

pytestmark = [
    pytest.mark.django_db(transaction=True),
    # Of pytest-base-url, which pytest-playwright brings along.
    pytest.mark.filterwarnings("ignore::pytest.PytestRemovedIn10Warning"),
]

SIZES = {"light": (1280, "light"), "dark": (1280, "dark"), "320": (320, "light")}
ROLES = {"cara": "Callers", "sam": "Seniors", "fay": "Finance preparers", "finn": "Auditors"}


@pytest.fixture
def story() -> Story:
    """Acme has a long past; Globex is in review, and carries a signal."""
    told = Story("smartcat")
    call_command("make_groups", verbosity=0)
    for name, group in ROLES.items():
        getattr(told, name).groups.set([Group.objects.get(name=group)])
    told.now = timezone.now() - timedelta(days=3)
    with_a_past(told, times=2)
    told.now = timezone.now()
    globex = told.sign_up("globex", country="DE", contact="Anna Muster")
    told.call(globex, "NO_ANSWER")
    reviews.claim(Review.objects.get(account=globex), told.sam, at=told.now)
    signal = {"kind": SignalKind.OWNED_BUSINESS, "note": "The same surname."}
    warning_signs.put(globex, by=told.sam, at=told.now, **signal)
    return told


@pytest.mark.parametrize("size", SIZES)
def test_the_page_has_no_faults(size, browser, live_server, faults_of, story):
    width, scheme = SIZES[size]
    found = []

    for name in ROLES:
        context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
        client = Client()
        client.force_login(getattr(story, name))
        cookie = {"name": "sessionid", "value": client.cookies["sessionid"].value, "url": live_server.url}
        context.add_cookies([cookie])
        page = context.new_page()
        for account in ReferredAccount.objects.filter(host_account__in=["acme", "globex"]):
            page.goto(f"{live_server.url}{page_of(account)}")
            found += faults_of(page, f"{account.host_account}-{name}-{size}")
        context.close()

    assert found == []
