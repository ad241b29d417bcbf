"""*Refer a client*: who sees it, link, code and counters, what is private, and long lists."""

import re
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext

from payouts import holds
from payouts.models import Bonus
from payouts.templatetags import refer
from referrals import enrollment
from referrals.models import FunnelCount
from tests.refer_page import PAGE, account_lines, answer, logged_in, read, text_of
from tests.story import Story, nothing_changes

pytestmark = pytest.mark.django_db


@pytest.fixture
def story():
    return Story("smartcat")


# --- who sees it --------------------------------------------------------------------------------------


def test_who_is_not_logged_in_is_sent_to_the_log_in(client):
    assert client.get("/refer/smartcat/")["Location"] == "/accounts/login/?next=/refer/smartcat/"
    assert client.post("/refer/smartcat/join/")["Location"].startswith("/accounts/login/")


def test_nobody_keeps_the_page(story):
    assert "no-store" in answer(story)["Cache-Control"]


def test_a_second_referrer_sees_nothing_of_the_first(story):
    story.earn("acme")
    assert "A… GmbH" in read(story, "/refer/smartcat/")

    of_ben = read(story, "/refer/smartcat/", referrer=story.ben)

    assert "Nobody has signed up with your link yet" in of_ben
    assert [sign for sign in ("A…", "rosa", "$100.00 Earned") if sign in of_ben] == []


def test_the_program_of_others_does_not_exist(story):
    other = Story("smithai", host="other")

    assert answer(story, "/refer/smartcat/").status_code == 200
    assert answer(story, "/refer/smithai/").status_code == 404
    assert answer(other, "/refer/smartcat/").status_code == 404
    assert answer(story, "/refer/no-such-program/").status_code == 404


def test_looking_changes_nothing(story):
    story.earn("acme")
    client = logged_in(story.rosa)

    with nothing_changes():
        assert client.get(PAGE).status_code == 200
        assert client.get("/refer/smartcat/?accounts=2&history=9").status_code == 200
        assert [client.post(path).status_code for path in (PAGE, "/refer/smartcat/")] == [405, 405]
        assert client.get("/refer/smartcat/join/").status_code == 405


# --- link, code, counters -----------------------------------------------------------------------------


def test_link_and_code_can_be_selected_and_copied(story):
    page = answer(story).content.decode()

    assert re.findall(r'<input id="(\w+)" type="text" readonly value="([^"]*)"', page) == [
        ("link", "http://testserver/r/rosa"),
        ("code", "rosa"),
    ]
    assert re.findall(r"<button[^>]* hidden>(.*?)</button>", page) == [
        "Copy to clipboard",
        'Copy<span class="visually-hidden"> your code</span>',
    ]


def test_a_program_that_knows_no_codes_shows_none():
    page = answer(Story("upwork-2019")).content.decode()

    assert 'id="link"' in page
    assert 'id="code"' not in page


def test_the_counters_have_their_exact_labels_and_the_numbers_of_the_funnel(story):
    story.earn("acme")
    story.decide(story.sign_up("globex"))
    story.sign_up("public", email="someone@gmail.com")
    story.wait(minutes=11)
    story.sign_up("hooli", link="ben")

    shown = read(story)

    counted = dict(
        FunnelCount.objects.filter(enrollment=story.enrollment()).values_list("milestone", "accounts")
    )
    assert counted == {"signed_up": 3, "qualified": 2, "qualifying_purchase": 1}
    assert (
        "Signed up with your link 3 Companies that signed up with your personal link."
        " Qualified referrals 2 Companies that we have checked and approved."
        " Made a qualifying purchase 1"
        " Qualified companies that subscribed to a paid plan or spent $5,000 or more."
    ) in shown


def test_nothing_yet_is_told_with_zeros_and_four_ideas(story):
    shown = read(story)

    assert "Signed up with your link 0" in shown
    assert "Balance $0.00 Yours, to spend on services or to withdraw. Still to come $0.00" in shown
    ideas = ["A message", "Your blog or website", "A social post", "Your e-mail signature"]
    assert [idea for idea in ideas if idea not in shown] == []
    assert "Transaction History Nothing has been paid yet." in shown
    assert shown.endswith(
        "Terms 1 of Jan 1, 2024. An account keeps the terms under which it signed up."
        " All dates are those of the time zone UTC."
    )


# --- what is private ----------------------------------------------------------------------------------

CANARIES = {
    "company_name": "Qwertz Zinkgelb GmbH",
    "email": "kanari@zinkgelb.example",
    "website": "https://www.zinkgelb.example/kontakt",
    "phone": "+49 30 987654321",
    "contact": "Frieda Kanarienvogel",
    "country": "DE",
    "host_account": "acct-geheim-77",
}
OTHERS = {"host_account": "acct-geheim-78", "email": "kanari@pink.example", "website": "pink.example"}
TRACES = [
    "qwertz",
    "zinkgelb",
    "kanari",
    "987654",
    "frieda",
    "acct-geheim",
    "verdacht",
    "cara",
    "fay",
    "finn",
]


def test_nothing_private_is_in_the_page(story):
    bonus = story.earn(**{**CANARIES, "name": CANARIES["host_account"]})
    refused = story.sign_up(**{**CANARIES, **OTHERS, "name": OTHERS["host_account"]})
    story.decide(refused, "NOT_QUALIFIED", reason=refused.terms.rejection_reasons.get(code="suspected_fraud"))
    story.wait(minutes=11)
    holds.place(bonus, reason="Verdacht: same person", by=story.fay, at=story.now)
    story.now += timedelta(minutes=1)

    page = answer(story).content.decode().lower()

    assert [trace for trace in TRACES if trace in page] == []
    assert account_lines(story) == [
        "Q… GmbH Feb 2, 2026 ✗ Not eligible It did not meet the terms of the program.",
        (
            "Q… GmbH Feb 2, 2026 ✓ Qualified ✓ Made a qualifying purchase $100.00 … Waits expected"
            " Mar 16 - 31, 2026 Being checked before it is paid."
        ),
    ]


def test_what_is_private_is_not_even_read(story):
    story.earn("acme")
    story.pass_to("2026-03-16T00:05Z")

    with CaptureQueriesContext(connection) as asked:
        answer(story)

    everything = " ".join(query["sql"] for query in asked)
    columns = set(re.findall(r'"referrals_referredaccount"."(\w+)"', everything))
    private = {"email", "domain", "website", "phone", "contact", "country", "host_account"}
    assert "company_name" in columns
    assert columns & private == set()


def test_nothing_private_is_in_the_history(story):
    story.earn(**{**CANARIES, "name": CANARIES["host_account"]})
    story.pass_to("2026-03-16T00:05Z")

    page = answer(story).content.decode().lower()

    assert [trace for trace in TRACES if trace in page] == []
    assert "Transaction History Date What For Amount Mar 16, 2026 Bonus credited Q… GmbH +$100.00" in read(
        story
    )


def test_a_suspended_referrer_does_not_read_why(story):
    enrollment.suspend(
        story.rosa, program=story.program, by=story.sam, at=story.now, reason="Verdacht: fraud"
    )

    assert "verdacht" not in answer(story).content.decode().lower()


@pytest.mark.parametrize("code", ["suspected_fraud", "never_heard_of", "Refund announced"])
def test_a_reason_that_is_not_for_the_referrer_is_not_told(code):
    assert refer.reason(code) == "The terms of the program are not met at the moment."


# --- many ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("accounts", "queries"), [(0, 9), (3, 11), (60, 11)])
def test_the_page_asks_a_fixed_number_of_questions(story, accounts, queries):
    for number in range(accounts):
        story.sign_up(f"company{number}", phone="+4930123456")
        story.decide(story.program.accounts.get(host_account=f"company{number}"))
        story.tell(f"company{number}", "subscription.started")
    story.wait(minutes=11)
    for bonus in Bonus.objects.all()[:2]:
        holds.place(bonus, reason="a look", by=story.fay, at=story.now)
    client = logged_in(story.rosa)

    with time_machine.travel(story.now, tick=False), CaptureQueriesContext(connection) as asked:
        assert client.get(PAGE).status_code == 200

    # Of nobody there are no bonuses, and without accounts in the books no transactions.
    assert len(asked) == queries


@pytest.mark.parametrize("bonuses", [2, 20])
def test_a_minimum_is_asked_about_once(bonuses):
    story = Story("smartcat", {"payout_schedule.minimum": "100000.00"})
    for number in range(bonuses):
        story.earn(f"company{number}")
    story.now = datetime(2026, 4, 20, tzinfo=UTC)
    client = logged_in(story.rosa)

    with time_machine.travel(story.now, tick=False), CaptureQueriesContext(connection) as asked:
        shown = text_of(client.get(PAGE))

    assert shown.count("Waits until your bonuses together reach the program's minimum.") == bonuses
    assert len(asked) == 13


def test_long_lists_have_pages_of_their_own(story):
    for number in range(30):
        story.earn(f"company{number}")
    story.pass_to("2026-03-16T00:05Z")

    assert len(account_lines(story)) == 25
    second = answer(story, f"{PAGE}?accounts=2&history=1")
    assert len(second.context["statement"].accounts.lines) == 5
    assert len(second.context["statement"].history.lines) == 25
    links = re.findall(r'<a rel="(\w+)" href="([^"]+)"', second.content.decode().replace("&amp;", "&"))
    assert links == [
        ("prev", "?accounts=1&history=1#accounts"),
        ("next", "?accounts=2&history=2#history"),
    ]
    assert "There is nothing on this page" in read(story, f"{PAGE}?accounts=3")


@pytest.mark.parametrize(
    "page", ["0", "-1", "x", "", "1e3", "99999999999999999999", "²", "٣", "1;drop", "%00"]
)
def test_a_page_that_is_none_is_the_first(story, page):
    story.sign_up("acme")

    known = answer(story, f"{PAGE}?accounts={page}&history={page}").context["statement"]

    assert (known.accounts.number, known.history.number, len(known.accounts.lines)) == (1, 1, 1)
