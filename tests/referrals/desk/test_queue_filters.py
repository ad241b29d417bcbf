"""What the queue is filtered by: language, age, country; what is wrong is named; and when today ends."""

from datetime import datetime, timedelta

import pytest
from django.contrib.auth.models import Group
from django.core.management import call_command
from django.test import Client
from django.urls import reverse

from referrals import desk
from referrals.models import Program, ReferredAccount, Review
from referrals.rules.languages import COUNTRIES, LANGUAGES, SPOKEN_IN
from tests.story import Story, nothing_changes

pytestmark = pytest.mark.django_db

REVIEWS = reverse("admin:referrals_referredaccount_reviews")


@pytest.fixture
def story(time_machine) -> Story:
    told = Story("smartcat")
    call_command("make_groups", verbosity=0)
    told.cara.groups.set([Group.objects.get(name="Callers")])
    time_machine.move_to(told.now, tick=False)
    return told


@pytest.fixture
def cara(story) -> Client:
    client = Client()
    client.force_login(story.cara)
    return client


def shown(client: Client, **asked: str) -> list[str]:
    page = client.get(REVIEWS, {"tab": "all", **asked})
    return sorted(line.account.host_account for line in page.context["lines"])


@pytest.mark.parametrize(
    ("language", "found"),
    [
        ("de", ["austria", "germany", "switzerland"]),
        ("fr", ["france", "switzerland"]),
        ("en", ["britain"]),
        ("ja", []),
    ],
)
def test_a_language_finds_companies_of_the_countries_where_it_is_spoken(language, found, story, cara):
    for name, country in {
        "germany": "DE", "austria": "AT", "switzerland": "CH", "france": "FR", "britain": "GB", "nowhere": "",
    }.items():  # fmt: skip
        story.sign_up(name, country=country)

    assert shown(cara, language=language) == found


def test_every_language_is_spoken_in_a_country_and_has_a_name():
    assert {"DE", "AT", "CH"} <= SPOKEN_IN["de"] <= COUNTRIES
    assert len(COUNTRIES) > 240
    assert not {"EU", "ZZ", "UN"} & COUNTRIES
    assert [name for _, name in LANGUAGES] == sorted(name for _, name in LANGUAGES)
    assert dict(LANGUAGES)["zh"] == "Chinese"
    assert len(dict(LANGUAGES)) == len(LANGUAGES)


@pytest.mark.parametrize(
    ("hours", "age"),
    [
        (0, "0-2"), (71.99, "0-2"), (72, "3-5"), (143.99, "3-5"), (144, "6-10"), (263.99, "6-10"),
        (264, "11-20"), (503.99, "11-20"), (504, "more"), (9000, "more"),
    ],
)  # fmt: skip
def test_every_company_is_of_exactly_one_age(hours, age, story, cara):
    acme = story.sign_up("acme")
    Review.objects.filter(account=acme).update(opened_at=story.now - timedelta(hours=hours))

    ages = ("0-2", "3-5", "6-10", "11-20", "more")
    assert [each for each in ages if shown(cara, age=each)] == [age]


@pytest.mark.parametrize(
    ("asked", "problem"),
    [
        ({"country": "XX"}, "Country: “XX” is no country. Give its two letters, such as DE or US."),
        ({"country": "Germany"}, "Country: “GERMANY” is no country."),
        ({"country": "<b>"}, "Country: “&lt;B&gt;” is no country."),
        ({"language": "tlh"}, "Language: There is no “tlh” to choose here."),
        ({"age": "100"}, "Days waiting: There is no “100” to choose here."),
        ({"tries": "x"}, "Tries: There is no “x” to choose here."),
        ({"flag": "x"}, "Flag: There is no “x” to choose here."),
        ({"holder": "x"}, "Holder: There is no “x” to choose here."),
        ({"program": "x"}, "Program: There is no program “x” any more, or it is none of yours."),
    ],
)
def test_what_makes_no_sense_finds_nothing_and_its_field_is_named(asked, problem, story, cara):
    story.sign_up("acme", country="DE")

    answer = cara.get(REVIEWS, {"tab": "all", **asked})

    assert (answer.status_code, answer.context["lines"]) == (200, [])
    assert problem in answer.content.decode()
    assert "Show all of this tab" in answer.content.decode()


def test_a_country_is_found_by_its_letters_however_they_are_typed(story, cara):
    story.sign_up("acme", country="DE")

    assert shown(cara, country=" de ") == ["acme"]
    assert shown(cara, country="FR") == []


# --- today ------------------------------------------------------------------------------------------------

LOS_ANGELES = "America/Los_Angeles"


def decided_at(story: Story, instant: str, time_machine) -> ReferredAccount:
    story.now = datetime.fromisoformat(instant)
    account = story.sign_up("acme")
    story.decide(account)
    return account


@pytest.mark.parametrize(
    ("zone", "now", "stands"),
    [
        # Decided at 15:00 in Los Angeles. At 16:00 there a day ends in UTC, at midnight theirs.
        (LOS_ANGELES, "2026-02-03T00:30Z", True),
        (LOS_ANGELES, "2026-02-03T07:59Z", True),
        (LOS_ANGELES, "2026-02-03T08:00Z", False),
        ("UTC", "2026-02-02T23:59Z", True),
        ("UTC", "2026-02-03T00:00Z", False),
    ],
)
def test_decided_today_ends_at_midnight_of_the_program(zone, now, stands, story, cara, time_machine):
    Program.objects.update(time_zone=zone)
    decided_at(story, "2026-02-02T23:00Z", time_machine)
    time_machine.move_to(datetime.fromisoformat(now), tick=False)
    cara.force_login(story.cara)

    page = cara.get(REVIEWS, {"tab": "decided"})

    assert [line.account.host_account for line in page.context["lines"]] == (["acme"] if stands else [])
    assert f"in the time zone {zone}." in page.content.decode()


@pytest.mark.parametrize(("zone", "stands"), [(LOS_ANGELES, True), ("UTC", False), ("Asia/Tokyo", False)])
def test_a_call_back_of_this_evening_is_todays(zone, stands, story, cara):
    """Now it is Monday, 10:00 UTC; the call back is at two in the night of UTC, and in the evening there."""
    Program.objects.update(time_zone=zone)
    acme = story.sign_up("acme")
    desk.log_call(
        acme,
        outcome=story.program.call_outcomes.get(code="CALL_BACK"),
        by=story.cara,
        at=story.now,
        call_back_at=datetime.fromisoformat("2026-02-03T02:00Z"),
    )

    assert shown(cara, tab="call-backs") == (["acme"] if stands else [])


def test_programs_of_two_zones_have_the_day_of_the_site(story, cara):
    Program.objects.update(time_zone=LOS_ANGELES)
    other = Story("smartcat", {"program.slug": "other", "program.time_zone": "Asia/Tokyo"}, host="other")
    Program.objects.filter(pk=other.program.pk).update(time_zone="Asia/Tokyo")

    both = cara.get(REVIEWS, {"tab": "decided"}).content.decode()
    one = cara.get(REVIEWS, {"tab": "decided", "program": "smartcat"}).content.decode()

    assert "Today is Monday, Feb 2, in the time zone UTC." in both
    assert f"Today is Monday, Feb 2, in the time zone {LOS_ANGELES}." in one


# --- a program that is paused -----------------------------------------------------------------------------

QUESTIONS = ["not_freelancer", "not_lsp", "new_customer", "needs_translation"]
PAUSED = "Refer a client is paused: nobody new signs up."


def test_a_program_that_is_paused_meanwhile_loses_nothing_and_says_so(story, cara):
    acme, globex = story.sign_up("acme"), story.sign_up("globex")
    cara.post(reverse("admin:referrals_referredaccount_next"))
    address = reverse("admin:referrals_referredaccount_review", args=[acme.pk])
    page = cara.get(address)
    assert PAUSED not in page.content.decode()
    form = {f"answer_{code}": "yes" for code in QUESTIONS}
    form |= {"version": page.context["form"].initial["version"], "note": "A talk.", "result": "QUALIFIED"}
    Program.objects.update(status="PAUSED")

    answer = cara.post(address, form, follow=True)

    acme.refresh_from_db()
    assert acme.pending_decision is not None
    assert [note.text for note in acme.notes.all()] == ["A talk."]
    assert answer.redirect_chain[-1][0] == reverse("admin:referrals_referredaccount_review", args=[globex.pk])
    assert PAUSED in answer.content.decode()
    assert PAUSED in cara.get(REVIEWS).content.decode()


def test_of_a_program_that_goes_on_nothing_is_said(story, cara):
    story.sign_up("acme")

    with nothing_changes():
        assert "paused" not in cara.get(REVIEWS).content.decode()
