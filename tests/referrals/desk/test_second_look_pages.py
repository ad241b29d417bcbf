"""Second looks in the admin: blind until something is stored, then both decisions side by side."""

import re
from datetime import timedelta

import pytest
from django.contrib.auth.models import Group, User
from django.core.management import call_command
from django.test import Client
from django.urls import reverse

from referrals import desk, notes, qualification, second_looks
from referrals.models import ProgramStaff, ReferredAccount, SecondLook
from tests.factories import ProgramFactory
from tests.story import Story, nothing_changes

pytestmark = pytest.mark.django_db

NO = {"result": "NOT_QUALIFIED", "reason": "no_translation_need"}
YES = {"result": "QUALIFIED"}
SECRETS = ["+4930123456", "office@acme.example", "Anna Muster"]


@pytest.fixture
def story(time_machine) -> Story:
    """Cara calls; Sam is senior, so are Fay and Finn; every decision is drawn."""
    told = Story("smartcat")
    told.program.second_look_percent = 100
    told.program.save()
    call_command("make_groups", verbosity=0)
    for who, group in [(told.cara, "Callers"), *((who, "Seniors") for who in (told.sam, told.fay))]:
        who.groups.set([Group.objects.get(name=group)])
    told.finn.groups.set([Group.objects.get(name="Auditors")])
    time_machine.move_to(told.now, tick=False)
    return told


@pytest.fixture
def drawn(story, time_machine):
    """Let a decision be taken and drawn; each as it happens at the desk, with its call, answers and note."""

    def happens(name: str, result: str, *, by: User | None = None, **more: str) -> SecondLook:
        by, account = by or story.cara, story.sign_up(name, contact="Anna Muster")
        notes.write(account, about="call", text="They asked for an offer.", by=by, at=story.now)
        story.now += timedelta(minutes=1)
        story.call(account, "REACHED", by=by)
        notes.write(account, about=result.lower(), text="The secret of the decision.", by=by, at=story.now)
        story.decide(account, result, by=by, **more)
        story.wait(minutes=11)
        time_machine.move_to(story.now, tick=False)
        second_looks.draw(as_of=story.now)
        return SecondLook.objects.get(decision__account=account)

    return happens


def client_of(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def at(name: str, *args: object) -> str:
    return reverse(f"admin:referrals_secondlook_{name}", args=args)


def main(page: str) -> str:
    """The page without its head and its menu, and without what differs at every request."""
    inside = page[page.index('<div class="staff">') :]
    return re.sub(r'name="csrfmiddlewaretoken" value="[^"]*"', "", inside)


# --- the list ---------------------------------------------------------------------------------------------


def test_the_list_shows_what_waits_without_the_decision(story, drawn):
    drawn("acme", "QUALIFIED")
    drawn("globex", "NOT_QUALIFIED", reason="freelancer")

    page = client_of(story.sam).get(at("waiting")).content.decode()

    assert "Take the next second look (2)" in page
    assert ("Acme GmbH" in page, "Globex GmbH" in page) == (True, True)
    assert not re.search("qualified|freelancer|cara", main(page), re.IGNORECASE)


def test_what_somebody_decided_waits_for_others(story, drawn):
    drawn("acme", "QUALIFIED", by=story.sam)

    mine, hers = (client_of(who).get(at("waiting")).content.decode() for who in (story.sam, story.fay))

    assert "Nothing waits for a second look by you" in mine
    assert "Your own are looked at by somebody else." in mine
    assert "Take the next second look (1)" in hers


def test_the_list_stays_within_its_queries(story, drawn, django_assert_max_num_queries):
    for number in range(3):
        drawn(f"company{number}", "QUALIFIED")
    client = client_of(story.sam)
    client.get(at("waiting"))

    with django_assert_max_num_queries(12):
        client.get(at("waiting"))


# --- the blind page ---------------------------------------------------------------------------------------


def test_the_page_is_the_same_whatever_was_decided_by_whom(story, drawn):
    one = drawn("acme", "QUALIFIED")
    other = drawn(
        "globex", "NOT_QUALIFIED", by=story.fay, reason="freelancer", answers={"not_freelancer": False}
    )
    story.finn.groups.set([Group.objects.get(name="Seniors")])
    client = client_of(story.finn)

    pages = [main(client.get(at("look", look.pk)).content.decode()) for look in (one, other)]
    told = [
        re.sub(r"\d\d:\d\d(:\d\d)?", "", page).replace(f"/{look.pk}/", "/n/").replace(name, "acme")
        for page, look, name in zip(pages, (one, other), ("Acme", "Globex"), strict=True)
    ]

    assert told[0].replace("globex", "acme") == told[1].replace("globex", "acme")
    assert "They asked for an offer." in pages[0]
    assert "Reached" in pages[0]


def test_nothing_of_the_decision_is_on_it_and_nothing_by_which_they_are_reached(story, drawn):
    look = drawn("acme", "NOT_QUALIFIED", reason="freelancer", answers={"not_freelancer": False})
    account = look.decision.account

    answer = client_of(story.sam).get(at("look", look.pk))

    page = answer.content.decode()
    hidden = [
        "cara",
        "The secret of the decision.",
        *SECRETS,
        reverse("admin:referrals_referredaccount_change", args=[account.pk]),
    ]
    hidden += [reverse("admin:referrals_referredaccount_review", args=[account.pk]), "is not qualified"]
    assert [each for each in hidden if each in page] == []
    # The reason stands there once: among those that can be chosen.
    assert page.count(look.decision.reason.internal_text) == 1
    assert re.findall(r"<option value=\"(\w*)\" selected", page) == [""]
    assert "1. " in page


def test_what_came_after_the_decision_is_not_on_it(story, drawn):
    look = drawn("acme", "QUALIFIED")
    account = ReferredAccount.objects.get()
    qualification.revoke(account, by=story.sam, at=story.now, reason="Why it was revoked.")
    desk.log_call(
        account,
        outcome=story.program.call_outcomes.get(code="BUSY"),
        by=story.fay,
        at=story.now + timedelta(1),
    )
    notes.write(account, about="call", text="A later call.", by=story.fay, at=story.now)

    page = client_of(story.sam).get(at("look", look.pk)).content.decode()

    assert [text for text in ("Busy", "A later call.", "Why it was revoked.") if text in page] == []


def test_the_blind_page_stays_within_its_queries(story, drawn, django_assert_max_num_queries):
    look = drawn("acme", "QUALIFIED")
    client = client_of(story.sam)
    client.get(at("look", look.pk))

    with django_assert_max_num_queries(12):
        client.get(at("look", look.pk))


# --- storing ----------------------------------------------------------------------------------------------


def test_a_press_stores_it_and_shows_both(story, drawn):
    look = drawn("acme", "QUALIFIED")
    client = client_of(story.sam)

    answer = client.post(at("look", look.pk), YES)

    assert answer.url == at("look", look.pk)
    page = client.get(answer.url).content.decode()
    assert "Your second look is stored; it has changed nothing." in page
    assert "✓ Both the same" in page
    assert ("cara ·" in page, "sam ·" in page) == (True, True)
    assert "What now?" not in page


@pytest.mark.parametrize(
    ("first", "second", "step"),
    [(("QUALIFIED", {}), NO, "revoke"), (("NOT_QUALIFIED", {"reason": "freelancer"}), YES, "reopen")],
)
def test_if_they_differ_the_page_says_so_and_offers_to_take_it_back(first, second, step, story, drawn):
    look = drawn("acme", first[0], **first[1])
    client = client_of(story.sam)

    page = client.post(at("look", look.pk), second, follow=True).content.decode()

    account = ReferredAccount.objects.get()
    assert "! They differ" in page
    assert f'href="{reverse(f"admin:referrals_referredaccount_{step}", args=[account.pk])}"' in page
    assert account.status == first[0]


def test_what_stays_closed_is_not_offered_to_be_reopened(story, drawn):
    look = drawn("acme", "NOT_QUALIFIED", reason="suspected_fraud")

    page = client_of(story.sam).post(at("look", look.pk), YES, follow=True).content.decode()

    assert "and that reason stays closed." in page
    assert "Reopen …" not in page


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        ({}, "Press Qualified or Not qualified."),
        ({"result": "EXPIRED"}, "Press Qualified or Not qualified."),
        ({"result": "NOT_QUALIFIED"}, "Choose a reason: without one it is no decision."),
        ({"result": "NOT_QUALIFIED", "reason": "nonsense"}, "Select a valid choice"),
    ],
)
def test_what_cannot_be_stored_is_told_beside_its_field(typed, told, story, drawn):
    look = drawn("acme", "QUALIFIED")

    with nothing_changes():
        answer = client_of(story.sam).post(at("look", look.pk), typed)

    assert answer.status_code == 409
    assert told in answer.content.decode()
    assert "cara" not in main(answer.content.decode())


def test_a_second_post_is_refused_kindly_and_shows_what_is_stored(story, drawn):
    look = drawn("acme", "QUALIFIED")
    client_of(story.sam).post(at("look", look.pk), YES)

    with nothing_changes():
        late = client_of(story.fay).post(at("look", look.pk), NO)

    assert late.status_code == 409
    assert "sam has looked at Acme GmbH already. Nothing was stored now." in late.content.decode()
    assert "✓ Both the same" in late.content.decode()


# --- who may ----------------------------------------------------------------------------------------------


def test_the_first_decider_sees_no_evidence_and_stores_nothing(story, drawn):
    look = drawn("acme", "QUALIFIED", by=story.sam)
    client = client_of(story.sam)

    with nothing_changes():
        answers = [client.get(at("look", look.pk)), client.post(at("look", look.pk), YES)]

    assert [answer.status_code for answer in answers] == [403, 403]
    for answer in answers:
        assert "You decided about Acme GmbH yourself" in answer.content.decode()
        assert "What was known then" not in answer.content.decode()


@pytest.mark.parametrize("who", ["cara", "finn"])
def test_who_is_no_senior_looks_at_nothing(who, story, drawn):
    look = drawn("acme", "QUALIFIED", by=story.fay)
    client = client_of(getattr(story, who))

    with nothing_changes():
        answers = [
            client.get(at("waiting")),
            client.get(at("look", look.pk)),
            client.post(at("look", look.pk), YES),
        ]

    assert [answer.status_code for answer in answers] == [403, 403, 403]


def test_afterwards_the_first_decider_sees_both_and_other_callers_do_not(story, drawn):
    look = drawn("acme", "QUALIFIED")
    client_of(story.sam).post(at("look", look.pk), NO)
    other = User.objects.create(username="otto", is_staff=True)
    other.groups.set([Group.objects.get(name="Callers")])

    mine, others = (client_of(who).get(at("look", look.pk)) for who in (story.cara, other))

    assert (mine.status_code, others.status_code) == (200, 403)
    assert "! They differ" in mine.content.decode()
    assert "What now?" not in mine.content.decode()
    with nothing_changes():
        assert client_of(story.cara).post(at("look", look.pk), YES).status_code == 403


def test_who_works_for_another_program_does_not_find_it(story, drawn):
    look = drawn("acme", "QUALIFIED")
    ProgramStaff.objects.create(user=story.sam, program=ProgramFactory())
    client = client_of(story.sam)

    with nothing_changes():
        answers = [client.get(at("look", look.pk)), client.post(at("look", look.pk), YES)]

    assert [answer.status_code for answer in answers] == [404, 404]
    assert "Nothing waits" in client.get(at("waiting")).content.decode()


@pytest.mark.parametrize("name", ["waiting", "agreement", "looked_at"])
def test_who_is_not_logged_in_is_sent_to_the_login(name, story):
    assert Client().get(at(name)).url.startswith("/admin/login/")


def test_what_does_not_exist_is_not_found(story):
    assert client_of(story.sam).get(at("look", 4711)).status_code == 404


def test_the_stock_pages_tell_nothing_of_a_decision(story, drawn):
    look = drawn("acme", "NOT_QUALIFIED", reason="freelancer")
    client = client_of(story.sam)

    pages = [client.get(at("changelist")), client.get(at("change", look.pk))]

    assert [page.status_code for page in pages] == [200, 200]
    for page in pages:
        inside = page.content.decode().partition('id="main"')[2]
        assert not re.search("not.qualified|freelancer|cara", inside, re.IGNORECASE)
