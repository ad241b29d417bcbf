"""What a company told of itself is set right with a reason, looked at again, and keeps its history."""

from datetime import UTC, datetime
from functools import partial

import pytest
from django.contrib.auth.models import Group, User
from django.core.management import call_command
from django.test import Client
from django.urls import reverse

from referrals import corrections, evidence, reviews
from referrals.models import Correction, ExistingCustomer, ReferredAccount, Review
from tests.story import Story, at_once, nothing_changes, refused

pytestmark = pytest.mark.django_db


@pytest.fixture
def story(time_machine) -> Story:
    told = Story("smartcat")
    call_command("make_groups", verbosity=0)
    for who, group in [(told.cara, "Callers"), (told.sam, "Seniors"), (told.fay, "Callers")]:
        who.groups.set([Group.objects.get(name=group)])
    time_machine.move_to(told.now, tick=False)
    return told


@pytest.fixture
def acme(story) -> ReferredAccount:
    account = story.sign_up("acme", country="DE")
    reviews.claim(account.reviews.get(), story.cara, at=story.now)
    return account


def correct(story: Story, account: ReferredAccount, **told: str) -> list[Correction]:
    rows = corrections.correct(account, told=told, reason="They told us.", by=story.cara, at=story.now)
    account.refresh_from_db()
    return rows


def client_of(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def step(name: str, account: ReferredAccount) -> str:
    return reverse(f"admin:referrals_referredaccount_{name}", args=[account.pk])


@pytest.mark.parametrize(
    ("field", "told", "kept"),
    [
        ("email", " Anna@Mail.Acme.Example ", "anna@mail.acme.example"),
        ("website", "acme.example/about", "https://acme.example/about"),
        ("phone", "030 999999", "+4930999999"),
        ("company_name", "Acme Werke GmbH", "Acme Werke GmbH"),
        ("country", "at", "AT"),
        ("registration", "HRB 1 Berlin", "HRB 1 Berlin"),
        ("contact", "A. Muster", "A. Muster"),
        ("time_zone", "Europe/Lisbon", "Europe/Lisbon"),
        ("kind", "FREELANCER", "FREELANCER"),
        ("website", "", ""),
    ],
)
def test_a_field_is_kept_as_it_is_compared_and_its_history_stays(field, told, kept, story, acme):
    before = getattr(acme, field)

    correct(story, acme, **{field: told})

    assert getattr(acme, field) == kept
    [row] = Correction.objects.all()
    assert (row.field, row.old, row.new, row.reason) == (field, before, kept, "They told us.")
    assert (row.corrected_by, row.corrected_at) == (story.cara, story.now)


@pytest.mark.parametrize(
    ("field", "told"),
    [
        ("email", "anna"),
        ("email", "anna@"),
        ("website", "ftp://acme.example"),
        ("website", "nowhere"),
        ("phone", "12"),
        ("phone", "call me"),
        ("country", "XX"),
        ("country", "Germany"),
        ("time_zone", "Mars/Olympus"),
        ("kind", "ANY"),
        ("registration", "x" * 65),
        ("company_name", "two\nlines"),
        ("status", "QUALIFIED"),
        ("domain", "acme.example"),
    ],
)
def test_what_makes_no_sense_is_refused_by_name(field, told, story, acme):
    with refused("wrong_field") as refusal:
        correct(story, acme, **{field: told})

    assert refusal.value.field == field


def test_what_follows_from_a_field_follows_anew(story, acme):
    correct(
        story, acme, email="anna@bold.example", company_name="Bold AG", phone="+1 202 555 0123", country="US"
    )

    assert (acme.domain, acme.name_key, acme.phone_key) == ("bold.example", "bold", "32105552021"[:11])
    assert acme.time_zone == "America/New_York"


def test_the_calling_hours_are_those_of_the_new_zone(story, acme):
    story.program.refresh_from_db()
    before = Review.objects.get()

    correct(story, acme, phone="+61 2 5550 0012", country="AU")

    after = Review.objects.get()
    assert acme.time_zone == "Australia/Sydney"
    assert (before.opens_at, after.opens_at) == (
        datetime(2026, 2, 2, 8, tzinfo=UTC),
        datetime(2026, 2, 2, 22, tzinfo=UTC),
    )
    assert after.holder == story.cara


def test_a_zone_that_somebody_set_stays_when_something_else_is_corrected(story, acme):
    correct(story, acme, time_zone="Europe/Lisbon")
    correct(story, acme, company_name="Acme Werke")

    assert acme.time_zone == "Europe/Lisbon"


def test_the_checks_are_made_again_and_the_later_counts(story, acme):
    correct(story, acme, email="acme@gmail.com")
    assert evidence.known(acme)["company_email"] == "FAIL"
    assert acme.status == "IN_REVIEW"
    with refused("criterion_failed"):
        story.decide(acme)

    correct(story, acme, email="anna@acme.example")
    assert evidence.known(acme)["company_email"] == "PASS"
    assert acme.criterion_results.filter(criterion__code="company_email").count() == 3
    story.decide(acme)


def test_a_corrected_domain_may_turn_out_to_be_a_customers(story, acme):
    ExistingCustomer.objects.create(host=story.host, host_account="old", domain="old.example")

    correct(story, acme, email="anna@old.example")

    assert (evidence.known(acme)["not_registered_before"], acme.status) == ("FAIL", "IN_REVIEW")


def test_flags_are_raised_and_taken_down(story, acme):
    correct(story, acme, email="office@rosa-words.example")
    assert (acme.email_match, acme.domain_match) == (False, True)
    # What looks like its referrer goes to a senior: whoever found it out takes it anew.
    reviews.claim(acme.reviews.get(), story.cara, at=story.now)

    correct(story, acme, email="office@acme.example")
    assert acme.domain_match is False


def test_a_check_that_two_people_waived_stays_waived(story, acme):
    evidence.waive(
        acme, criterion="company_email", by=story.cara, approved_by=story.sam, at=story.now, note="Known."
    )

    correct(story, acme, email="acme@gmail.com")

    assert evidence.known(acme)["company_email"] == "WAIVED"


def test_only_whoever_has_the_company_corrects_it(story, acme):
    with refused("held_by_somebody"):
        corrections.correct(acme, told={"country": "AT"}, reason="Why.", by=story.fay, at=story.now)
    reviews.release(acme.reviews.get(), story.cara)
    with refused("lease_over"):
        correct(story, acme, country="AT")


def test_a_correction_says_why_and_changes_something(story, acme):
    with refused("reason_missing"):
        corrections.correct(acme, told={"country": "AT"}, reason="  ", by=story.cara, at=story.now)
    with refused("nothing_corrected"):
        correct(story, acme, country="DE", email=" office@acme.example")


def test_what_is_decided_is_not_corrected(story, acme):
    story.decide(acme)
    with refused("not_correctable"):
        correct(story, acme, country="AT")

    story.wait(minutes=11)
    with refused("not_correctable"):
        correct(story, acme, country="AT")


def test_what_stays_closed_is_not_corrected(story, acme):
    story.decide(acme, "NOT_QUALIFIED", reason="suspected_fraud")
    story.wait(minutes=11)

    with refused("not_correctable"):
        correct(story, acme, country="AT")


@pytest.mark.django_db(transaction=True)
def test_of_a_correction_and_a_decision_at_the_same_moment_the_decision_knows_the_correction(story, acme):
    at_once(partial(story.decide, acme), partial(correct, story, acme, email="acme@gmail.com"))

    acme.refresh_from_db()
    decided = acme.pending_decision is not None
    known = acme.pending_decision.snapshot["criteria"]["company_email"] if decided else "FAIL"
    assert (acme.email == "acme@gmail.com") == (known == "FAIL")


# --- pages ----------------------------------------------------------------------------------------------


def test_a_refused_account_stays_refused_until_a_senior_reopens_it(story):
    account = story.sign_up("acme", email="acme@gmail.com")
    assert account.status == "NOT_QUALIFIED"
    senior, typed = client_of(story.sam), {**_as_it_is(account), "email": "office@acme.example"}

    answer = senior.post(step("correct", account), {**typed, "reason": "Mistyped at a fair."})

    page = senior.get(step("review", account)).content.decode()
    account.refresh_from_db()
    assert (answer.status_code, account.status) == (302, "NOT_QUALIFIED")
    assert "The checks pass now" in page
    senior.post(step("reopen", account), {"reason": "The checks pass now."})
    account.refresh_from_db()
    assert account.status == "IN_REVIEW"


def test_the_page_shows_what_was_corrected_to_whoever_has_the_company(story, acme):
    client = client_of(story.cara)
    typed = {
        **_as_it_is(acme),
        "phone": "+4930999999",
        "registration": "HRB 1",
        "reason": "A digit was wrong.",
    }

    assert client.post(step("correct", acme), typed).status_code == 302

    mine = client.get(step("review", acme)).content.decode()
    assert "<del>+4930123456</del> <ins>+4930999999</ins>" in mine
    assert "A digit was wrong." in mine
    others = client_of(story.fay)
    for page in ("review", "change"):
        theirs = others.get(step(page, acme)).content.decode()
        assert "HRB 1" in theirs
        assert "+4930123456" not in theirs
        assert "+4930999999" not in theirs
        assert "A digit was wrong." not in theirs


def test_nobody_else_is_given_the_form_with_the_number(story, acme):
    for who in (story.fay, story.sam):
        page = client_of(who).get(step("correct", acme)).content.decode()
        assert "+4930123456" not in page
        assert "Whoever has Acme GmbH corrects what it told." in page


def test_a_caller_does_not_correct_what_is_closed(story, acme):
    story.decide(acme, "NOT_QUALIFIED", reason="freelancer")
    story.wait(minutes=11)

    with nothing_changes():
        answer = client_of(story.cara).post(
            step("correct", acme), {**_as_it_is(acme), "country": "AT", "reason": "x"}
        )

    assert answer.status_code == 409


def test_a_page_that_was_opened_before_a_correction_stores_nothing(story, acme):
    """What was decided would rest on what is no longer so."""
    client = client_of(story.cara)
    version = client.get(step("review", acme)).context["form"].initial["version"]
    correct(story, acme, company_name="Acme Werke")

    with nothing_changes():
        late = client.post(
            step("review", acme), {"version": version, "outcome": "NO_ANSWER", "note": "Later."}
        )

    assert late.status_code == 409
    assert "cara corrected the company name at 10:00 UTC" in late.content.decode()
    assert "Later.</textarea>" in late.content.decode()


def _as_it_is(account: ReferredAccount) -> dict[str, str]:
    return {field: getattr(account, field) for field in corrections.FIELDS}
