"""Appeals in the admin: taken up by seniors and support, told to callers, closed to the first decider."""

import pytest
from django.contrib.auth.models import Group, User
from django.core.management import call_command
from django.test import Client
from django.urls import reverse

from referrals import appeals, first_decider, reviews
from referrals.models import Decision, ReferredAccount, Review
from tests.story import Story, nothing_changes

pytestmark = pytest.mark.django_db

QUESTIONS = ["not_freelancer", "not_lsp", "new_customer", "needs_translation"]
ALL_YES = {f"answer_{code}": "yes" for code in QUESTIONS}
EVIDENCE = "They sent an extract of the register."


@pytest.fixture
def story(time_machine) -> Story:
    """Monday, 11:00 in Berlin."""
    told = Story("smartcat")
    call_command("make_groups", verbosity=0)
    groups = [(told.cara, "Callers"), (told.fay, "Callers"), (told.sam, "Seniors"), (told.finn, "Support")]
    for who, group in groups:
        who.groups.set([Group.objects.get(name=group)])
    time_machine.move_to(told.now, tick=False)
    return told


@pytest.fixture
def acme(story, time_machine) -> ReferredAccount:
    """Cara has refused it, and the refusal counts."""
    account = story.sign_up("acme")
    story.decide(account, "NOT_QUALIFIED", reason="no_translation_need")
    story.wait(minutes=11)
    time_machine.move_to(story.now, tick=False)
    account.refresh_from_db()
    return account


def appeal(story: Story, account: ReferredAccount, *, by: User | None = None) -> Decision | None:
    return appeals.take_up(account, by=by or story.sam, at=story.now, evidence=EVIDENCE)


def open_review(account: ReferredAccount) -> Review:
    return Review.objects.get(account=account, closed_at=None)


def client_of(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def at(name: str, *args: object) -> str:
    return reverse(f"admin:referrals_referredaccount_{name}", args=args)


@pytest.mark.parametrize("who", ["sam", "finn"])
def test_seniors_and_support_take_up_an_appeal_on_the_page_of_the_account(who, story, acme):
    client = client_of(getattr(story, who))
    assert "Take up an appeal …" in client.get(at("change", acme.pk)).content.decode()

    answer = client.post(at("appeal", acme.pk), {"evidence": EVIDENCE})

    assert answer.url == at("change", acme.pk)
    page = client.get(answer.url).content.decode()
    assert "Acme GmbH is in review again; cara, who refused it, does not decide this time." in page
    assert open_review(acme).appeal_of == Decision.objects.get()


def test_of_what_no_person_refused_the_page_says_so(story):
    account = story.sign_up("public", email="someone@gmail.com")
    client = client_of(story.finn)

    answer = client.post(at("appeal", account.pk), {"evidence": EVIDENCE})

    assert "No person had refused it" in client.get(answer.url).content.decode()


@pytest.mark.parametrize("typed", [{}, {"evidence": "   "}])
def test_an_appeal_without_evidence_does_nothing(typed, story, acme):
    with nothing_changes():
        answer = client_of(story.sam).post(at("appeal", acme.pk), typed)

    assert "evidence" in answer.context["button"].form.errors


def test_a_caller_takes_up_no_appeal(story, acme):
    client = client_of(story.cara)
    with nothing_changes():
        answers = [client.get(at("appeal", acme.pk)), client.post(at("appeal", acme.pk), {"evidence": "x"})]

    assert [answer.status_code for answer in answers] == [403, 403]
    assert "Take up an appeal …" not in client.get(at("change", acme.pk)).content.decode()


def test_taken_up_twice_it_is_said_that_it_is_open(story, acme):
    client = client_of(story.sam)
    client.post(at("appeal", acme.pk), {"evidence": EVIDENCE})

    with nothing_changes():
        again = client.post(at("appeal", acme.pk), {"evidence": EVIDENCE})

    assert again.status_code == 409
    assert "this is no longer possible" in again.content.decode()


def test_what_stays_closed_says_so(story):
    account = story.sign_up("acme")
    story.decide(account, "NOT_QUALIFIED", reason="suspected_fraud")
    story.wait(minutes=11)
    sam = client_of(story.sam)

    with nothing_changes():
        answer = sam.post(at("appeal", account.pk), {"evidence": EVIDENCE})

    assert answer.status_code == 409
    assert "It stays closed: Fake data or abuse." in answer.content.decode()
    assert "It stays closed: Fake data or abuse." in sam.get(at("change", account.pk)).content.decode()


def test_queue_and_review_page_say_that_it_is_an_appeal_and_against_whom(story, acme):
    appeal(story, acme)
    fay = client_of(story.fay)

    queue, page = (fay.get(address).content.decode() for address in (at("reviews"), at("review", acme.pk)))

    assert "↩ Appeal" in queue
    assert "against cara" in queue
    assert "↩ Appeal" in page
    assert "<strong>cara</strong> refused it on Feb 2, 2026" in page
    assert "Take it" in page


def test_the_first_decider_is_told_why_there_is_nothing_to_press(story, acme):
    appeal(story, acme)

    page = client_of(story.cara).get(at("review", acme.pk)).content.decode()

    assert "that was you, so another person decides now." in page
    assert 'type="submit">Take it' not in page


def test_a_crafted_post_of_the_first_decider_takes_and_decides_nothing(story, acme):
    appeal(story, acme)
    cara = client_of(story.cara)
    form = cara.get(at("review", acme.pk)).context["form"]
    typed = {"version": form.initial["version"], "source": "call", "result": "QUALIFIED", **ALL_YES}

    with nothing_changes():
        taken = cara.post(at("take", acme.pk))
        decided = cara.post(at("review", acme.pk), typed)

    assert (taken.status_code, decided.status_code) == (409, 409)
    assert first_decider.why_not(acme) in taken.content.decode()


def test_not_even_somebody_who_holds_it_decides_against_the_own_decision(story, acme):
    """A lease from somewhere else - an assignment, a script - is not enough."""
    appeal(story, acme)
    Review.objects.filter(account=acme, closed_at=None).update(
        holder=story.cara, held_since=story.now, held_until=story.now + reviews.LEASE
    )
    cara = client_of(story.cara)
    form = cara.get(at("review", acme.pk)).context["form"]
    typed = {"version": form.initial["version"], "source": "document", "note": "Register.", **ALL_YES}

    with nothing_changes():
        decided = cara.post(at("review", acme.pk), {**typed, "result": "QUALIFIED"})

    assert decided.status_code == 409
    assert first_decider.why_not(acme) in decided.content.decode()


def test_the_queue_with_appeals_stays_within_its_queries(story, django_assert_max_num_queries):
    for number in range(3):
        account = story.sign_up(f"company{number}")
        story.decide(account, "NOT_QUALIFIED", reason="incomplete")
        story.wait(minutes=11)
        appeal(story, account)
    client = client_of(story.fay)
    client.get(at("reviews"))

    with django_assert_max_num_queries(12):
        client.get(at("reviews"))
