"""What the review page says of calling: closed there, tries, the number; and what Undo gives back."""

from datetime import UTC, datetime, timedelta

import pytest
from django.contrib.auth.models import Group
from django.contrib.messages import get_messages
from django.core.management import call_command
from django.test import Client
from django.urls import reverse

from referrals import reviews, undoing
from referrals.admin.desk import call_facts
from referrals.models import CriterionResult, ReferredAccount, Review
from tests.story import Story

pytestmark = pytest.mark.django_db

QUESTIONS = ["not_freelancer", "not_lsp", "new_customer", "needs_translation"]
ALL_YES = {f"answer_{code}": "yes" for code in QUESTIONS}
SATURDAY = datetime(2026, 2, 7, 4, 43, tzinfo=UTC)
"""In Berlin it is 05:43."""


@pytest.fixture
def story(time_machine) -> Story:
    told = Story("smartcat")
    call_command("make_groups", verbosity=0)
    for who, group in [(told.cara, "Callers"), (told.fay, "Callers"), (told.sam, "Seniors")]:
        who.groups.set([Group.objects.get(name=group)])
    time_machine.move_to(told.now, tick=False)
    return told


@pytest.fixture
def acme(story) -> ReferredAccount:
    return story.sign_up("acme", country="DE")


@pytest.fixture
def cara(story) -> Client:
    client = Client()
    client.force_login(story.cara)
    return client


def at(name: str, account: ReferredAccount) -> str:
    return reverse(f"admin:referrals_referredaccount_{name}", args=[account.pk])


def shown(client: Client, account: ReferredAccount) -> str:
    client.post(at("take", account))
    return client.get(at("review", account)).content.decode()


def press(client: Client, account: ReferredAccount, **typed: str):
    client.post(at("take", account))
    version = client.get(at("review", account)).context["form"].initial["version"]
    return client.post(at("review", account), {"version": version, **typed})


def told(answer) -> str:
    return " ".join(str(message) for message in get_messages(answer.wsgi_request))


# --- calling hours and the number -----------------------------------------------------------------------


def test_while_they_are_open_the_number_is_a_link(acme, cara):
    page = shown(cara, acme)

    assert '<a class="staff-big" href="tel:+4930123456">+49 30 123456</a>' in page
    assert "Closed there" not in page


def test_outside_their_hours_that_is_said_first(story, acme, cara, time_machine):
    time_machine.move_to(SATURDAY, tick=False)
    cara.force_login(story.cara)
    page = shown(cara, acme)

    warning = "Closed there (Sat 05:43). Calls from Mon Feb 9, 09:00 their time."
    assert warning in page
    assert '<span class="staff-big">+49 30 123456</span>' in page
    assert page.index(warning) < page.index("Call anyway") < page.index('href="tel:+4930123456"')


def test_what_is_to_wait_within_hours_says_until_when(story, acme, cara):
    story.call(acme, "BUSY")

    assert "Not to be called now. Calls from Mon Feb 2, 13:00 their time." in shown(cara, acme)


@pytest.mark.parametrize(
    ("phone", "country", "read"),
    [
        ("+4930123456", "DE", "+49 30 123456"),
        ("030 123456", "DE", "+49 30 123456"),
        ("+12025550123", "", "+1 202-555-0123"),
        ("ask Anna", "", "ask Anna"),
    ],
)
def test_a_number_is_read_in_groups(phone, country, read):
    assert call_facts.in_groups(phone, country) == read


# --- tries ----------------------------------------------------------------------------------------------


def test_tries_are_counted_on_the_page_and_after_a_press(acme, cara):
    assert "0 of 5 tries used" in shown(cara, acme)

    answer = press(cara, acme, outcome="NO_ANSWER")

    assert "Acme GmbH: No answer. Try 1 of 5. Next: Tue Feb 3, 11:00 their time." in told(answer)
    assert "1 of 5 tries used" in shown(cara, acme)


def test_the_last_try_says_what_the_program_does(story, acme, cara):
    for _ in range(4):
        story.call(acme)
    rule = "After try 5, if nobody was reached, it is not qualified 15 business days after the first call."
    assert rule in shown(cara, acme)

    answer = press(cara, acme, outcome="NO_ANSWER")

    assert f"Try 5 of 5. {rule}" in told(answer)


# --- failed checks --------------------------------------------------------------------------------------


def test_a_failed_check_says_what_helps_beside_the_button(acme, cara, story):
    row = acme.terms.criteria.get(code="company_email")
    CriterionResult.objects.create(account=acme, criterion=row, result="FAIL", found_at=story.now)

    why = "The e-mail is of a public service: correct it, or ask for a waiver."
    page = shown(cara, acme)
    assert 'data-key="q" disabled' in page
    assert f"<p>{why}</p>" in page
    refused = press(cara, acme, **ALL_YES, result="QUALIFIED")
    assert (refused.status_code, why in refused.content.decode()) == (409, True)


# --- all yes, without a script --------------------------------------------------------------------------


def test_all_yes_keeps_what_was_typed_and_stores_nothing(acme, cara):
    page = press(cara, acme, all_yes="1", note="A long talk.", answer_not_lsp="no", source_not_lsp="REGISTRY")

    form = page.context["form"]
    assert page.status_code == 200
    assert [form[name].value() for name in ALL_YES] == ["yes"] * 4
    assert (form["note"].value(), form["source_not_lsp"].value()) == ("A long talk.", "REGISTRY")
    assert acme.notes.count() == 0


def test_all_yes_after_the_lease_keeps_what_was_typed(story, acme, cara):
    cara.post(at("take", acme))
    Review.objects.update(held_until=story.now - timedelta(minutes=1))

    page = cara.post(at("review", acme), {"all_yes": "1", "note": "A long talk."})

    assert "Your time with this company is over" in page.content.decode()
    assert "A long talk.</textarea>" in page.content.decode()


# --- undo -----------------------------------------------------------------------------------------------


def holders() -> dict[str, str]:
    held = Review.objects.exclude(holder=None)
    return dict(held.values_list("account__host_account", "holder__username"))


@pytest.fixture
def decided(story, acme, cara, time_machine) -> ReferredAccount:
    """Cara has qualified Acme, and was served Globex; a minute passes."""
    story.sign_up("globex", country="DE")
    press(cara, acme, **ALL_YES, result="QUALIFIED")
    time_machine.shift(timedelta(minutes=1))
    return acme


def test_after_undo_the_company_is_hers_again_and_the_next_one_is_given_back(decided, cara):
    assert holders() == {"globex": "cara"}

    answer = cara.post(at("undo", decided))

    assert "it is in review again, and yours again." in told(answer)
    assert holders() == {"acme": "cara"}


def test_a_company_about_which_something_was_done_is_kept(story, decided, cara):
    globex = ReferredAccount.objects.get(host_account="globex")
    press(cara, globex, outcome="REACHED")

    cara.post(at("undo", decided))

    assert holders() == {"acme": "cara", "globex": "cara"}


def test_a_company_that_was_taken_by_hand_is_kept(story, decided, cara):
    initech = story.sign_up("initech", country="DE")
    cara.post(at("take", initech))

    cara.post(at("undo", decided))

    assert holders() == {"acme": "cara", "initech": "cara"}


def test_a_senior_who_undoes_takes_it_for_nobody(story, decided):
    assert undoing.undo(decided, by=story.sam, at=story.now + timedelta(minutes=1)) is False
    assert holders() == {"globex": "cara"}


def test_what_is_decided_says_until_when_it_is_undone(story, decided, cara):
    page = cara.get(at("review", decided)).content.decode()

    assert "Decided, undo until 10:10 UTC" in page
    assert "◔ In review" not in page


def test_a_senior_puts_a_signal_and_tells_no_senior(story, acme, cara):
    sam = Client()
    sam.force_login(story.sam)

    assert "Tell a senior …" in shown(cara, acme)
    page = sam.get(at("review", acme)).content.decode()
    assert "Put a signal …" in page
    assert "Tell a senior" not in page
    assert reviews.is_held(acme.reviews.get(), at=story.now)
