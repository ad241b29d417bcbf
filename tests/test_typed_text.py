"""What somebody typed outlives the log-in: nothing is stored too late, and nothing typed is lost."""

import re
from urllib.parse import unquote

import pytest
from django.conf import settings
from django.contrib.auth.models import Group, User
from django.contrib.sessions.models import Session
from django.core.management import call_command
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from referrals import reviews
from referrals.models import Decision, ReferredAccount, Review
from tests.story import Story, nothing_changes

pytestmark = pytest.mark.django_db

PASSWORD = "a-password-of-the-tests"
LOG_IN = reverse("account_login")
HERE = {"Origin": "http://testserver"}
QUESTIONS = ["not_freelancer", "not_lsp", "new_customer", "needs_translation"]
TYPED = {**{f"answer_{code}": "yes" for code in QUESTIONS}, "note": 'Anna said: "call <me> & Bob"'}


@pytest.fixture
def story() -> Story:
    told = Story("smartcat")
    call_command("make_groups", verbosity=0)
    for who, group in [(told.cara, "Callers"), (told.sam, "Seniors")]:
        who.groups.set([Group.objects.get(name=group)])
        who.set_password(PASSWORD)
        who.save()
    return told


@pytest.fixture
def acme(story, time_machine) -> ReferredAccount:
    """A company that Cara works on."""
    time_machine.move_to(story.now, tick=False)
    account = story.sign_up("acme")
    reviews.claim(Review.objects.get(account=account), story.cara, at=story.now)
    return account


def log_in(client: Client, name: str) -> HttpResponse:
    token = token_on(client.get(LOG_IN))
    form = {"login": name, "password": PASSWORD, "csrfmiddlewaretoken": token}
    return client.post(LOG_IN, form, headers=HERE)


def token_on(page: HttpResponse) -> str:
    return re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', page.content.decode())[1]


def form_on(page: HttpResponse) -> dict[str, str]:
    """The form of a page that gives it back, as a browser would post it."""
    assert 'action="' in page.content.decode()
    return dict(page.context["fields"]) | {"csrfmiddlewaretoken": token_on(page)}


def address(name: str, account: ReferredAccount) -> str:
    return reverse(f"admin:referrals_referredaccount_{name}", args=[account.pk])


@pytest.fixture
def filled_in(story, acme) -> dict[str, str]:
    """The review page, filled in while the session still lasted; its token is of that session."""
    return {**TYPED, "result": "QUALIFIED", "source": "call"}


def opened(client: Client, account: ReferredAccount) -> dict[str, str]:
    """What the review page gives along: its token and its version."""
    page = client.get(address("review", account))
    return {"csrfmiddlewaretoken": token_on(page), "version": page.context["form"].initial["version"]}


@pytest.fixture
def cara(story, acme) -> Client:
    client = Client(enforce_csrf_checks=True)
    log_in(client, "cara")
    return client


def test_a_decision_posted_after_the_session_ended_is_given_back_and_stored_after_a_log_in(
    story, acme, cara, filled_in
):
    form = {**opened(cara, acme), **filled_in}
    Session.objects.all().delete()

    with nothing_changes():
        ended = cara.post(address("review", acme), form, headers=HERE)
    page = ended.content.decode()
    assert (ended.status_code, ended["Cache-Control"].count("no-store")) == (403, 1)
    assert "Your log-in has ended" in page
    assert "Anna said: &quot;call &lt;me&gt; &amp; Bob&quot;" in page
    assert "Anna" not in unquote(ended.wsgi_request.get_full_path())

    # Still not logged in: the same again.
    again = cara.post(address("review", acme), form_on(ended), headers=HERE)
    assert again.context["fields"] == ended.context["fields"]

    # Beside it, in another tab, where a log-in changes the token of every form.
    assert log_in(cara, "cara").status_code == 302
    with nothing_changes():
        too_old = cara.post(address("review", acme), form_on(again), headers=HERE)
    assert "This form is older than your log-in" in too_old.content.decode()
    assert "logged in as <strong>cara</strong>" in too_old.content.decode()

    cara.post(address("review", acme), form_on(too_old), headers=HERE)
    decision = Decision.objects.get()
    assert (decision.decided_by, decision.result) == (story.cara, "QUALIFIED")
    assert [note.text for note in acme.notes.all()] == [TYPED["note"]]


def test_the_log_in_beside_it_says_where_to_go_on(story, acme, cara):
    form = {**opened(cara, acme), "note": "A long talk.", "result": "QUALIFIED"}
    Session.objects.all().delete()
    page = cara.post(address("review", acme), form, headers=HERE).content.decode()
    [beside] = re.findall(r'href="(/accounts/login/[^"]+)" target="_blank"', page)

    login = cara.get(beside)
    there = cara.post(
        beside,
        {"login": "cara", "password": PASSWORD, "csrfmiddlewaretoken": token_on(login)},
        headers=HERE,
        follow=True,
    )

    assert "Go back to the other tab, and press <strong>Send again</strong>" in there.content.decode()


def test_a_reason_typed_on_a_step_is_given_back_too(story, acme):
    sam = Client(enforce_csrf_checks=True)
    log_in(sam, "sam")
    form = {"reason": "Cara is ill.", "csrfmiddlewaretoken": token_on(sam.get(address("take_over", acme)))}
    Session.objects.all().delete()

    with nothing_changes():
        ended = sam.post(address("take_over", acme), form, headers=HERE)
    assert ("Reason", "Cara is ill.") in ended.context["typed"]

    log_in(sam, "sam")
    too_old = sam.post(address("take_over", acme), form_on(ended), headers=HERE)
    sam.post(address("take_over", acme), form_on(too_old), headers=HERE)
    assert Review.objects.get().holder == story.sam


def test_somebody_else_who_logs_in_there_has_no_more_rights_than_before(story, acme, cara, filled_in):
    """Whose form it was makes no difference: Fay does not have the company."""
    form = {**opened(cara, acme), **filled_in}
    story.fay.groups.set([Group.objects.get(name="Callers")])
    story.fay.set_password(PASSWORD)
    story.fay.save()
    Session.objects.all().delete()
    log_in(cara, "fay")
    too_old = cara.post(address("review", acme), form, headers=HERE)
    assert "logged in as <strong>fay</strong>" in too_old.content.decode()

    with nothing_changes():
        answer = cara.post(address("review", acme), form_on(too_old), headers=HERE)

    assert answer.status_code == 409
    assert "cara has it" in answer.content.decode()


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Origin": "null"},
        {"Origin": "https://evil.example"},
        {"Origin": "http://testserver.evil.example"},
        {"Origin": "https://testserver"},
        {"Origin": "https://evil.example", "Referer": "http://testserver/admin/"},
        {"Referer": "https://evil.example/http://testserver/"},
        {"Referer": "http://testserver:8000/"},
    ],
)
@pytest.mark.parametrize("is_logged_in", [True, False], ids=["logged-in", "logged-out"])
def test_a_form_of_another_site_is_refused_and_not_given_back(headers, is_logged_in, story, acme):
    client = Client(enforce_csrf_checks=True)
    if is_logged_in:
        log_in(client, "cara")

    with nothing_changes():
        answer = client.post(
            address("review", acme), {"note": "Forged.", "result": "QUALIFIED"}, headers=headers
        )

    assert answer.status_code == 403
    assert "This form was not accepted" in answer.content.decode()
    assert "Forged." not in answer.content.decode()


@pytest.mark.parametrize("headers", [HERE, {"Referer": "http://testserver/admin/"}])
def test_a_form_of_this_site_with_a_wrong_token_is_given_back_and_not_taken(headers, story, acme, cara):
    with nothing_changes():
        answer = cara.post(address("review", acme), {"note": "Mine.", "result": "QUALIFIED"}, headers=headers)

    assert (answer.status_code, answer.context["typed"][0]) == (403, ("Note", "Mine."))


def test_a_password_is_never_given_back(story, acme, cara):
    form = {"old_password": PASSWORD, "new_password1": "another-one", "new_password2": "another-one"}

    refused = cara.post(reverse("admin:password_change"), form, headers=HERE)
    Session.objects.all().delete()
    ended = Client().post(reverse("admin:password_change"), form)

    assert "another-one" not in refused.content.decode()
    assert (refused.status_code, ended.status_code) == (403, 302)


def test_where_nothing_was_typed_the_way_to_the_log_in_is_short(story, acme, client):
    answer = client.post(address("take", acme))

    assert answer["Location"].startswith("/admin/login/")


def test_a_log_in_form_that_is_too_old_says_so(story):
    client = Client(enforce_csrf_checks=True)

    answer = client.post(LOG_IN, {"login": "cara", "password": PASSWORD}, headers=HERE)

    assert answer.status_code == 403
    assert "Open the page anew" in answer.content.decode()
    assert User.objects.get(username="cara").last_login is None


# --- one press after the log-in --------------------------------------------------------------------------


@pytest.fixture
def ended(story, acme, cara, filled_in, time_machine) -> HttpResponse:
    """The page that gives Cara's form back: she has done nothing for longer than a session lasts unused."""
    form = {**opened(cara, acme), **filled_in}
    time_machine.shift(settings.SESSION_IDLE_SECONDS + 1)
    reviews.claim(Review.objects.get(account=acme), story.cara, at=timezone.now())
    return cara.post(address("review", acme), form, headers=HERE)


def sent_again(page: HttpResponse, **changed: str) -> dict[str, str]:
    """What *Send again* on that page posts."""
    return {**form_on(page), "given_back_ticket": page.context["ticket"], **changed}


def test_one_press_is_enough_for_the_person_whose_session_it_was(story, acme, cara, ended):
    assert "You will be asked once more" not in ended.content.decode()
    cookie = ended.cookies["given_back"]
    assert (cookie["httponly"], cookie["samesite"], cookie["path"]) == (True, "Strict", "/admin/")

    # Pressed before the log-in, the page comes again and is as good.
    again = cara.post(address("review", acme), sent_again(ended), headers=HERE)
    assert not Decision.objects.exists()
    log_in(cara, "cara")
    stored = cara.post(address("review", acme), sent_again(again), headers=HERE)

    assert stored.status_code == 302
    assert Decision.objects.get().decided_by == story.cara
    assert stored.cookies["given_back"].value == ""


def test_somebody_else_is_asked_once_more(story, acme, cara, ended):
    log_in(cara, "sam")

    with nothing_changes():
        page = cara.post(address("review", acme), sent_again(ended), headers=HERE)

    assert page.status_code == 403
    assert "logged in as <strong>sam</strong>" in page.content.decode()


@pytest.mark.parametrize(
    "headers",
    [{}, {"Origin": "null"}, {"Origin": "https://evil.example"}, {"Referer": "https://evil.example/"}],
)
def test_a_ticket_is_no_good_from_another_site(headers, story, acme, cara, ended):
    log_in(cara, "cara")

    with nothing_changes():
        assert cara.post(address("review", acme), sent_again(ended), headers=headers).status_code == 403


@pytest.mark.parametrize("changed", ["fields", "address", "ticket", "browser", "time", "no ticket"])
def test_a_ticket_is_good_for_what_it_was_given_for_only(changed, story, acme, cara, ended, time_machine):
    other = story.sign_up("bold", link="ben", phone="+49 40 777 888")
    log_in(cara, "cara")
    form, account = sent_again(ended), acme
    if changed == "fields":
        form["result"] = "NOT_QUALIFIED"
    elif changed == "address":
        account = other
    elif changed == "ticket":
        form["given_back_ticket"] += "x"
    elif changed == "browser":
        cara.cookies["given_back"] = "of-another-browser"
    elif changed == "time":
        time_machine.shift(settings.SESSION_SECONDS + 1)
        log_in(cara, "cara")
    else:
        del form["given_back_ticket"]

    with nothing_changes():
        assert cara.post(address("review", account), form, headers=HERE).status_code == 403


def test_who_was_never_logged_in_here_gets_no_ticket(story, acme):
    """Else everybody could have a form of their own making signed."""
    page = Client().post(address("review", acme), {"note": "Mine.", "result": "QUALIFIED"}, headers=HERE)

    assert (page.status_code, page.context["ticket"], "given_back" in page.cookies) == (403, "", False)
    assert "You will be asked once more" in page.content.decode()


def test_what_was_chosen_is_told_in_words_and_what_was_not_answered_is_left_out(story, acme):
    form = {
        "answer_not_lsp": "?",
        "answer_new_customer": "yes",
        "outcome": "NO_ANSWER",
        "reason": "language_service_provider",
        "note": "NOT_SURE",
    }

    typed = Client().post(address("review", acme), form, headers=HERE).context["typed"]

    assert sorted(typed) == [
        ("Answer to “new customer”", "yes"),
        ("Note", "NOT_SURE"),
        ("Outcome", "No answer"),
        ("Reason", "Language service provider"),
    ]
