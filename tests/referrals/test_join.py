"""The hosted sign-up page: what it asks for, what it tells, and what comes of it."""

from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.test import Client

from payouts import program_files
from referrals import enrollment, intake
from referrals.forms import LOOK_OVER, PUBLIC_EMAIL, UNKNOWN_CODE
from referrals.models import Program, ReferralLink, ReferredAccount, SignUp
from tests.factories import EnrollmentFactory
from tests.story import BEGINNING, Story

NOW = datetime(2026, 2, 2, 10, tzinfo=UTC)
ACME = {
    "company_name": "Acme GmbH",
    "email": "anna@acme.example",
    "website": "acme.example",
    "phone": "+49 30 123456",
}

pytestmark = pytest.mark.django_db


@pytest.fixture
def clock():
    with time_machine.travel(NOW, tick=False) as clock:
        yield clock


@pytest.fixture
def story():
    return Story("smartcat")


def load(slug):
    """Another program of the same host, without anybody in it."""
    document = program_files.read(program_files.bundled()[slug])
    return program_files.store(document, host=program_files.default_host(), now=BEGINNING)


class Visitor:
    """Opens the page of a program, and takes a minute to fill it in."""

    def __init__(self, clock, program="smartcat", query="", client=None):
        self.clock = clock
        self.client = client or Client()
        self.address = f"/join/{program}/{query}"
        self.form = self.client.get(self.address).context["form"]
        self.written = {name: self.form[name].value() or "" for name in self.form.fields}

    def send(self, *, after=60, **changes):
        """Send the form; what is shown again stays in ``form`` and ``written``."""
        self.clock.shift(after)
        self.written |= changes
        answer = self.client.post(self.address, self.written)
        if answer.status_code == 200:
            self.form = answer.context["form"]
            self.written = {name: self.form[name].value() or "" for name in self.form.fields}
        return answer

    def errors(self, **changes):
        """What is said beside each field after sending."""
        answer = self.send(**changes)
        assert answer.status_code == 200
        return {name: list(texts) for name, texts in self.form.errors.items()}


THANKS = "/join/smartcat/thank-you/"


# --- who is brought by whom


def test_a_company_comes_by_the_link_that_was_handed_on(clock, story):
    answer = Visitor(clock, query="?ref=rosa").send(**ACME)

    account = ReferredAccount.objects.get()
    assert (answer.status_code, answer["Location"]) == (302, THANKS)
    assert (account.enrollment, account.attribution_method) == (story.enrollment(), "LINK")
    assert account.host_account.startswith("web-")
    assert (account.status, account.kind, account.signed_up_at) == (
        "IN_REVIEW",
        "COMPANY",
        NOW + timedelta(minutes=1),
    )
    assert (account.website, account.phone) == ("https://acme.example", "+4930123456")


def test_a_code_in_the_address_is_filled_in(clock, story):
    visitor = Visitor(clock, query="?code=RO-SA")

    assert visitor.written["code"] == "RO-SA"
    visitor.send(**ACME)
    assert ReferredAccount.objects.get().attribution_method == "CODE"


def test_a_code_can_be_changed(clock, story):
    Visitor(clock, query="?ref=rosa").send(**ACME, code="BEN")

    assert ReferredAccount.objects.get().enrollment == story.enrollment(story.ben)


def test_a_link_may_be_written_where_the_code_stands(clock, story):
    enrollment.change_link(story.ben, program=story.program, text="bens-own", at=NOW - timedelta(days=1))
    Visitor(clock).send(**ACME, code="bens-own")

    assert ReferredAccount.objects.get().enrollment == story.enrollment(story.ben)


def test_who_takes_the_code_away_was_brought_by_nobody(clock, story):
    client = Client()
    client.get("/r/rosa")
    Visitor(clock, query="?ref=rosa", client=client).send(**ACME, code="")

    assert (SignUp.objects.count(), ReferredAccount.objects.count()) == (1, 0)


def test_a_visitor_who_opened_a_link_before_is_known_again(clock, story):
    client = Client()
    client.get("/r/rosa")
    clock.shift(24 * 60 * 60)
    Visitor(clock, client=client).send(**ACME)

    assert ReferredAccount.objects.get().touch.link.text == "rosa"


def test_it_works_without_the_cookie_of_the_link(clock, story):
    client = Client()
    led = client.get("/r/rosa", headers={"Sec-GPC": "1"})["Location"]
    Visitor(clock, query="?" + led.partition("?")[2], client=client).send(**ACME)

    assert ReferredAccount.objects.get().enrollment == story.enrollment()


def test_an_ended_link_leaves_the_code_field_empty(clock):
    story = Story("smartcat", {"attribution.old_links_work": False})
    enrollment.change_link(story.rosa, program=story.program, text="new", at=NOW - timedelta(days=1))

    assert Visitor(clock, query="?ref=rosa").written["code"] == ""
    assert Visitor(clock, query="?ref=new").written["code"] == "new"


def test_a_link_of_another_program_is_not_filled_in(clock, story):
    EnrollmentFactory(program=load("smithai"), referrer__host_account="otto")
    ReferralLink.objects.filter(enrollment__program__slug="smithai").update(text="otto", folded="otto")

    assert Visitor(clock, query="?ref=otto").written["code"] == ""
    assert Visitor(clock).errors(**ACME, code="otto") == {"code": [UNKNOWN_CODE]}


@pytest.mark.parametrize("code", ["nobody", "ro sa!", "%00", "x" * 64, "'; --"])
def test_an_unknown_code_keeps_the_form(clock, story, code):
    visitor = Visitor(clock)

    assert visitor.errors(**ACME, code=code) == {"code": [UNKNOWN_CODE]}
    assert {name: visitor.written[name] for name in ["code", *ACME]} == {"code": code, **ACME}
    assert SignUp.objects.count() == 0
    visitor.send(code="rosa")
    assert ReferredAccount.objects.count() == 1


# --- what it asks for


@pytest.mark.parametrize(
    ("program", "fields"),
    [
        ("smartcat", ["code", "company_name", "email", "website", "phone"]),
        ("smithai", ["code", "company_name", "email"]),
    ],
)
def test_a_program_asks_for_the_evidence_of_its_terms(clock, program, fields):
    Story(program)

    assert [field.name for field in Visitor(clock, program).form.shown] == fields


def test_where_both_may_come_the_page_asks_which(clock):
    Story("smartcat", {"terms.referred_kind": "ANY", "evidence.required": ["email", "country", "phone"]})
    visitor = Visitor(clock)

    assert [field.name for field in visitor.form.shown] == ["code", "kind", "email", "country", "phone"]
    assert set(visitor.errors(phone="030 123456")) == {"kind", "email", "country", "phone"}
    visitor.send(kind="FREELANCER", email="a@acme.example", country="DE", phone="030 123456", code="rosa")
    account = ReferredAccount.objects.get()
    assert (account.kind, account.country, account.phone) == ("FREELANCER", "DE", "+4930123456")


def test_errors_name_the_field_and_what_to_do_and_keep_the_code(clock, story):
    visitor = Visitor(clock, query="?ref=rosa")

    said = visitor.errors(email="anna@", website="acme", phone="12")

    assert said == {
        "company_name": ["Write the name of your company."],
        "email": ["Write the whole address, such as anna@acme.example."],
        "website": ["Write the address of your website, such as https://acme.example."],
        "phone": ["Write the number with its country code, such as +49 30 123456."],
    }
    assert visitor.written["code"] == "rosa"


@pytest.mark.parametrize("website", ["javascript://acme.example", "ftp://acme.example", "http://localhost"])
def test_a_website_is_a_page_on_the_web(clock, story, website):
    assert set(Visitor(clock).errors(**ACME | {"website": website})) == {"website"}


def test_a_public_mail_address_is_said_before_it_counts_and_may_be_sent_all_the_same(clock, story):
    visitor = Visitor(clock, query="?ref=rosa")
    public = ACME | {"email": "anna@gmail.com"}

    assert visitor.errors(**public) == {"email": [PUBLIC_EMAIL]}
    assert SignUp.objects.count() == 0
    assert visitor.errors(email="other@gmail.com") == {"email": [PUBLIC_EMAIL]}
    visitor.send()
    account = ReferredAccount.objects.get()
    assert (account.email, account.rejection_reason.code) == ("other@gmail.com", "public_email_domain")


def test_the_notice_about_public_mail_stands_beside_the_field_where_the_terms_ask_for_it(clock, story):
    load("smithai")

    assert "public mail services" in Visitor(clock).form["email"].help_text
    assert Visitor(clock, "smithai").form["email"].help_text == ""


def test_the_page_says_what_the_referred_account_gets(client):
    load("smithai")
    load("smartcat")

    assert "<strong>$100.00 off</strong> virtual receptionist" in client.get("/join/smithai/").text
    assert "What you get" not in client.get("/join/smartcat/").text


# --- what it tells


def test_the_answer_is_the_same_whether_we_know_the_company_or_not(clock, story):
    story.now = NOW
    story.sign_up("acme")
    known = Visitor(clock, query="?ref=rosa").send(**ACME)
    new = Visitor(clock, query="?ref=rosa").send(**ACME | {"email": "a@b-corp.example"})

    assert known.status_code == new.status_code == 302
    assert known["Location"] == new["Location"] == THANKS
    assert (known.content, list(known.cookies)) == (new.content, list(new.cookies))
    assert "We may call you" in Client().get(THANKS).text


def test_nobody_reads_who_the_referrer_is(client, story):
    story.rosa.name, story.rosa.email = "Rosa Roe", "rosa@secret.example"
    story.rosa.save()
    page = client.get("/join/smartcat/?ref=rosa").text

    assert "Roe" not in page
    assert "secret" not in page


def test_the_same_form_sent_twice_is_one_sign_up(clock, story):
    visitor = Visitor(clock, query="?ref=rosa")
    visitor.send(**ACME)
    visitor.send()

    assert [row.repeats is None for row in SignUp.objects.order_by("pk")] == [True, False]
    assert ReferredAccount.objects.get().status == "IN_REVIEW"


def test_the_page_is_kept_nowhere_and_escapes_what_it_shows(client, story):
    answer = client.get("/join/smartcat/", {"code": '"><script>alert(1)</script>'})

    assert answer["Cache-Control"] == "no-store"
    assert "<script" not in answer.text


@pytest.mark.parametrize("program", ["nothing", "paused"])
@pytest.mark.parametrize("page", ["/join/{}/", "/join/{}/?ref=rosa", "/join/{}/thank-you/"])
def test_a_program_that_takes_in_nobody_has_no_page(client, story, program, page):
    Program.objects.filter(slug="smartcat").update(status="PAUSED", slug="paused")
    nowhere = client.get("/r/nobody")

    answer = client.get(page.format(program))

    assert (answer.status_code, answer.content) == (404, nowhere.content)


def test_a_program_that_is_paused_meanwhile_has_no_page(clock, story, monkeypatch):
    visitor = Visitor(clock)

    def paused(*args, **more):
        raise intake.ProgramNotActive("paused")

    monkeypatch.setattr(intake, "sign_up", paused)

    assert visitor.send(**ACME).status_code == 404


# --- bots


def test_a_form_from_elsewhere_is_refused(clock, story):
    visitor = Visitor(clock, client=Client(enforce_csrf_checks=True))

    assert visitor.send(**ACME).status_code == 403
    assert SignUp.objects.count() == 0


def test_who_fills_in_what_nobody_sees_is_thanked_and_not_heard(clock, story):
    answer = Visitor(clock, query="?ref=rosa").send(**ACME, subject="Cheap watches")

    assert answer["Location"] == THANKS
    assert SignUp.objects.count() == 0


def test_who_is_faster_than_a_person_sends_it_again(clock, story):
    visitor = Visitor(clock, query="?ref=rosa")

    assert visitor.errors(after=1, **ACME) == {"__all__": [LOOK_OVER]}
    visitor.send(after=1)
    assert ReferredAccount.objects.count() == 1


@pytest.mark.parametrize("stamp", ["", "x", "WyJhIiwxXQ:1abcde:forged"])
def test_a_form_that_is_not_ours_is_given_again(clock, story, stamp):
    visitor = Visitor(clock)

    assert visitor.errors(**ACME, stamp=stamp) == {"__all__": [LOOK_OVER]}
    assert visitor.written["stamp"] != stamp
    assert visitor.send().status_code == 302


def test_a_form_that_lay_open_for_days_is_given_again(clock, story):
    visitor = Visitor(clock)

    assert visitor.errors(after=3 * 24 * 60 * 60, **ACME) == {"__all__": [LOOK_OVER]}
    assert visitor.send().status_code == 302
