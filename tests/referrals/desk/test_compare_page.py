"""Two companies side by side: what is shown to whom, and what is recorded."""

import pytest
from django.contrib.auth.models import Group, User
from django.core.management import call_command
from django.test import Client
from django.urls import reverse

from referrals import reviews
from referrals.models import Comparison, ExistingCustomer, ReferredAccount
from referrals.rules.identity import name_key, phone_key
from tests.story import Story, nothing_changes

pytestmark = pytest.mark.django_db


@pytest.fixture
def story(time_machine) -> Story:
    told = Story("smartcat")
    call_command("make_groups", verbosity=0)
    groups = [(told.cara, "Callers"), (told.sam, "Seniors"), (told.finn, "Auditors")]
    for who, group in groups:
        who.groups.set([Group.objects.get(name=group)])
    time_machine.move_to(told.now, tick=False)
    return told


@pytest.fixture
def acme(story) -> ReferredAccount:
    account = story.sign_up("acme", country="DE")
    reviews.claim(account.reviews.get(), story.cara, at=story.now)
    return account


@pytest.fixture
def known(story) -> ExistingCustomer:
    return ExistingCustomer.objects.create(
        host=story.host,
        host_account="old",
        company_name="Acme Inc.",
        name_key=name_key("Acme Inc."),
        email="info@acme-inc.example",
        domain="acme-inc.example",
        phone="+49 30 123456",
        phone_key=phone_key("+49 30 123456"),
    )


def client_of(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def review(account: ReferredAccount) -> str:
    return reverse("admin:referrals_referredaccount_review", args=[account.pk])


def comparison(account: ReferredAccount, other: ReferredAccount | ExistingCustomer) -> str:
    kind = "customer" if isinstance(other, ExistingCustomer) else "account"
    return reverse("admin:referrals_referredaccount_comparison", args=[account.pk, kind, other.pk])


def compared(client: Client, address: str) -> dict[str, tuple[str, str, str]]:
    return {line.label: (line.one, line.other, line.told) for line in client.get(address).context["lines"]}


def test_the_review_page_leads_to_the_comparison(story, acme, known):
    page = client_of(story.cara).get(review(acme)).content.decode()

    assert "! Alike" in page
    assert "<strong>Acme Inc.</strong>, always was a customer · same phone, name" in page
    assert comparison(acme, known) in page


def test_what_is_the_same_and_what_differs_is_told_by_word_and_sign(story, acme, known):
    lines = compared(client_of(story.cara), comparison(acme, known))

    assert lines["Name"] == ("Acme GmbH", "Acme Inc.", "≈ alike")
    assert lines["Domain"] == ("acme.example", "acme-inc.example", "≠ different")
    assert lines["Phone"] == ("+4930123456", "+49 30 123456", "= same")
    assert lines["Registration number"] == ("-", "-", "- not told")
    assert lines["Referrer"][:2] == ("rosa", "-")
    assert lines["Status"][:2] == ("In review", "Customer")


def test_how_somebody_is_reached_is_shown_to_whoever_has_the_company(story, acme, known):
    bold = story.sign_up("bold", link="ben", phone="+49 40 777 888", contact="Canary Bold")

    shown = compared(client_of(story.cara), comparison(acme, known))
    beside = compared(client_of(story.cara), comparison(acme, bold))

    assert shown["Phone"] == ("+4930123456", "+49 30 123456", "= same")
    assert beside["Phone"] == ("+4930123456", "not shown to you", "≠ different")
    assert beside["E-mail"] == ("office@acme.example", "not shown to you", "≠ different")


@pytest.mark.parametrize("which", ["decided", "customer", "in review"])
def test_whoever_does_not_have_the_company_reads_of_neither_how_somebody_is_reached(
    which, story, acme, known, time_machine
):
    """What is the same, and shown of the other one, is shown of this one."""
    mine = {"email": "canary-a@acme.example", "phone": "+61 2 5550 0038", "contact": "Canary Name"}
    ReferredAccount.objects.filter(pk=acme.pk).update(**mine, phone_key=phone_key(mine["phone"]))
    same = {"email": "canary-b@acme-inc.example", "phone": "+61255500038"}
    other: ReferredAccount | ExistingCustomer = known
    if which != "customer":
        other = story.sign_up("bold", link="ben", phone="+49 40 777 888", contact="Canary Other")
    if which == "decided":
        story.decide(other)
        story.wait(minutes=11)
        time_machine.move_to(story.now, tick=False)
    type(other).objects.filter(pk=other.pk).update(**same, phone_key=phone_key(same["phone"]))

    page = client_of(story.sam).get(comparison(acme, other))

    lines = {line.label: (line.one, line.other, line.told) for line in page.context["lines"]}
    assert lines["Phone"] == ("not shown to you", "not shown to you", "= same")
    assert lines["E-mail"] == ("not shown to you", "not shown to you", "≠ different")
    told = page.content.decode().lower()
    assert [canary for canary in ("canary", "5550 0038", "55500038") if canary in told] == []


def test_whoever_does_not_have_the_company_is_told_to_take_it_first(story, known):
    free = story.sign_up("free")
    client, address = client_of(story.cara), comparison(free, known)

    page = client.get(address)
    told = page.content.decode()
    assert page.context["why_not"] == "Take Free GmbH first: whoever has it says it."
    assert [button.label for button in page.context["buttons"]] == ["Take it"]
    assert told.count("disabled aria") == 2

    client.post(page.context["buttons"][0].address)
    page = client.get(address)
    assert (page.context["why_not"], page.context["buttons"]) == ("", [])
    assert " disabled" not in page.content.decode().partition('class="staff"')[2]


def test_who_has_the_company_is_named_and_a_senior_may_take_it_over(story, acme, known):
    User.objects.filter(pk=story.cara.pk).update(first_name="Cara", last_name="Blum")
    story.fay.groups.set([Group.objects.get(name="Callers")])

    of_sam, of_fay = (client_of(who).get(comparison(acme, known)).context for who in (story.sam, story.fay))

    assert of_sam["why_not"] == "Cara Blum has Acme GmbH, until 10:30 UTC, and says it."
    assert [button.label for button in of_sam["buttons"]] == ["Take over"]
    assert of_fay["buttons"] == []


def test_days_are_written_as_on_the_other_pages(story, acme, known):
    ExistingCustomer.objects.filter(pk=known.pk).update(customer_since="2026-01-08T00:00Z")

    since = compared(client_of(story.cara), comparison(acme, known))["Since"]

    assert since[:2] == ("signed up Feb 2, 2026", "Jan 8, 2026")


def test_what_somebody_says_is_recorded_and_the_latest_counts(story, acme, known):
    client, address = client_of(story.cara), comparison(acme, known)

    for verdict in ("SAME", "DIFFERENT"):
        assert client.post(address, {"verdict": verdict}).status_code == 302

    page = client.get(address)
    assert [row.verdict for row in page.context["history"]] == ["DIFFERENT", "SAME"]
    assert page.context["latest"] == "DIFFERENT"
    assert "≠ different company" in client.get(review(acme)).content.decode()
    assert set(Comparison.objects.values_list("compared_by", "compared_at")) == {(story.cara.pk, story.now)}


@pytest.mark.parametrize("typed", [{}, {"verdict": ""}, {"verdict": "MAYBE"}])
def test_what_is_no_verdict_is_not_recorded(typed, story, acme, known):
    with nothing_changes():
        answer = client_of(story.cara).post(comparison(acme, known), typed)

    assert answer.status_code == 409


def test_only_whoever_has_the_company_says_what_it_is(story, acme, known):
    with nothing_changes():
        answer = client_of(story.sam).post(comparison(acme, known), {"verdict": "SAME"})

    assert answer.status_code == 409
    assert "cara has it" in answer.content.decode()


def test_whoever_may_not_decide_compares_nothing(story, acme, known):
    client = client_of(story.finn)

    with nothing_changes():
        answers = [
            client.get(comparison(acme, known)).status_code,
            client.post(comparison(acme, known), {"verdict": "SAME"}).status_code,
            client.get(reverse("admin:referrals_referredaccount_compare", args=[acme.pk])).status_code,
        ]
    assert answers == [403, 403, 403]


def test_nothing_is_compared_with_itself_or_with_what_is_of_another_host(story, acme):
    stranger = Story("smartcat", host="elsewhere").sign_up("acme")
    client = client_of(story.cara)
    nowhere = reverse("admin:referrals_referredaccount_comparison", args=[acme.pk, "planet", 1])

    addresses = [comparison(acme, acme), comparison(acme, stranger), nowhere]
    assert [client.get(address).status_code for address in addresses] == [404, 404, 404]


def test_a_company_that_was_named_on_the_phone_is_found_and_compared(story, acme, known):
    client, address = (
        client_of(story.cara),
        reverse("admin:referrals_referredaccount_compare", args=[acme.pk]),
    )

    found = client.get(address, {"q": "acme-inc.example"}).context["found"]
    nothing = client.get(address, {"q": "nobody"}).content.decode()

    assert [(line.name, line.address) for line in found] == [("Acme Inc.", comparison(acme, known))]
    assert "Nothing is called “nobody”." in nothing


def test_two_claims_on_one_company_are_shown_with_the_rule_that_decided(story, acme):
    second = story.sign_up("acme-2", link="", code="ben", email="anna@acme.example")
    client = client_of(story.cara)

    for page in (review(acme), reverse("admin:referrals_referredaccount_change", args=[second.pk])):
        told = client.get(page).content.decode()
        assert "One company, 2 claims" in told
        assert "of <strong>rosa</strong> · link rosa" in told
        assert "of <strong>ben</strong> · code ben" in told
        assert "came first" in told
        assert "came later · refused by the check “not registered before”" in told
    assert second.reviews.count() == 0


def test_the_page_asks_no_more_of_the_database_with_many_look_alikes(
    story, acme, known, django_assert_max_num_queries
):
    for number in range(6):
        ExistingCustomer.objects.create(host=story.host, host_account=f"c{number}", domain="acme.example")
        story.sign_up(f"acme-{number}", link="ben", email=f"n{number}@acme.example")
    client = client_of(story.cara)
    client.post(comparison(acme, known), {"verdict": "DIFFERENT"})
    story.call(acme, "REACHED")

    with django_assert_max_num_queries(12):
        client.get(review(acme))
