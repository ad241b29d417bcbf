"""Signals: a senior looks first, nobody qualifies meanwhile, and nothing is decided by a signal alone."""

from functools import partial

import pytest
from django.contrib.auth.models import Group, User
from django.core.management import call_command
from django.test import Client
from django.urls import reverse

from referrals import qualification, reviews, warning_signs
from referrals.models import Decision, ReferredAccount, Review, Signal
from referrals.rules.words import SignalKind
from tests.story import Story, at_once, nothing_changes, refused

pytestmark = pytest.mark.django_db

QUESTIONS = ["not_freelancer", "not_lsp", "new_customer", "needs_translation"]


@pytest.fixture
def story(time_machine) -> Story:
    told = Story("smartcat")
    call_command("make_groups", verbosity=0)
    for who, group in [(told.cara, "Callers"), (told.sam, "Seniors")]:
        who.groups.set([Group.objects.get(name=group)])
    time_machine.move_to(told.now, tick=False)
    return told


@pytest.fixture
def acme(story) -> ReferredAccount:
    return story.sign_up("acme", country="DE")


def put(story: Story, account: ReferredAccount, kind: SignalKind = SignalKind.EMPLOYEE, **more) -> Signal:
    ordinary = {"by": story.cara, "at": story.now, "note": "Anna writes that she works for Rosa."}
    return warning_signs.put(account, kind=kind, **{**ordinary, **more})


def settle(story: Story, account: ReferredAccount, kind: SignalKind = SignalKind.EMPLOYEE) -> None:
    warning_signs.settle(account, kind=kind, by=story.sam, at=story.now, note="Another Anna.")


def served(story: Story, person: User) -> ReferredAccount | None:
    review = reviews.next_for(User.objects.get(pk=person.pk), at=story.now).first()
    return review.account if review else None


def step(name: str, account: ReferredAccount) -> str:
    return reverse(f"admin:referrals_referredaccount_{name}", args=[account.pk])


def client_of(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


TOLD = [kind for kind in SignalKind if kind != SignalKind.SELF_REFERRAL]
"""What people tell; what looks like its referrer the checks tell (test_matches.py)."""


@pytest.mark.parametrize("kind", TOLD)
def test_while_a_signal_is_open_nobody_qualifies_not_even_a_senior(kind, story, acme):
    put(story, acme, kind)

    for who in (story.cara, story.sam):
        with refused("signal_open"):
            story.decide(acme, by=who)
    settle(story, acme, kind)

    story.decide(acme, by=story.sam)
    assert Decision.objects.get().result == "QUALIFIED"


def test_refusing_stays_possible(story, acme):
    put(story, acme)

    story.decide(acme, "NOT_QUALIFIED", reason="freelancer")

    assert Decision.objects.get().result == "NOT_QUALIFIED"


def test_a_signal_alone_decides_and_pays_nothing(story):
    acme = story.earn("acme").account
    bold = story.sign_up("bold")
    put(story, bold)

    story.wait(days=30)

    bold.refresh_from_db()
    assert (bold.status, bold.pending_decision, acme.bonuses.count()) == ("IN_REVIEW", None, 1)


def test_next_serves_it_to_seniors_only(story, acme):
    assert served(story, story.cara) == acme
    put(story, acme)
    assert (served(story, story.cara), served(story, story.sam)) == (None, acme)

    settle(story, acme)
    assert served(story, story.cara) == acme


def test_it_stays_with_seniors_until_the_last_signal_is_settled(story, acme):
    put(story, acme)
    put(story, acme, SignalKind.NEW_LOCATION)
    settle(story, acme)

    assert Review.objects.get().for_senior
    with refused("signal_open") as refusal:
        story.decide(acme, by=story.sam)
    assert "New location" in str(refusal.value)


def test_a_reopened_account_with_an_open_signal_goes_to_seniors(story, acme):
    put(story, acme)
    story.decide(acme, "NOT_QUALIFIED", reason="freelancer")
    story.wait(minutes=11)

    story.reopen(acme)

    assert list(Review.objects.order_by("round").values_list("round", "for_senior")) == [(0, True), (1, True)]
    assert (served(story, story.cara), served(story, story.sam)) == (None, acme)


def test_a_caller_who_tells_a_signal_gives_the_company_back_and_a_senior_keeps_it(story, acme):
    reviews.claim(acme.reviews.get(), story.cara, at=story.now)
    put(story, acme)
    assert Review.objects.get().holder is None

    reviews.claim(acme.reviews.get(), story.sam, at=story.now)
    put(story, acme, SignalKind.OWNED_BUSINESS, by=story.sam)
    assert Review.objects.get().holder == story.sam


def test_what_is_told_and_what_it_meant_are_kept(story, acme):
    put(story, acme)
    settle(story, acme)

    signal = Signal.objects.get()
    assert (signal.kind, signal.raised_by, signal.settled_by) == ("EMPLOYEE", story.cara, story.sam)
    assert [(note.about, note.text, note.written_by) for note in acme.notes.all()] == [
        ("signal employee", "Anna writes that she works for Rosa.", story.cara),
        ("settled employee", "Another Anna.", story.sam),
    ]


def test_the_same_signal_is_open_once(story, acme):
    put(story, acme)
    with refused("already_signalled"):
        put(story, acme)

    settle(story, acme)
    with refused("not_signalled"):
        settle(story, acme)
    put(story, acme)


def test_about_what_is_decided_no_signal_is_told(story, acme):
    story.decide(acme)
    with refused("nothing_to_stop"):
        put(story, acme)

    story.wait(minutes=11)
    with refused("nothing_to_stop"):
        put(story, acme)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("turn", range(3))
def test_a_signal_and_a_decision_at_the_same_moment_never_both_stand(turn, story, acme):
    at_once(partial(story.decide, acme), partial(put, story, acme))

    acme.refresh_from_db()
    is_open = Signal.objects.filter(settled_at=None).exists()
    assert (acme.pending_decision is not None) != is_open


# --- pages ----------------------------------------------------------------------------------------------


def test_a_caller_tells_a_signal_and_a_senior_settles_it(story, acme):
    told = client_of(story.cara).post(step("signal", acme), {"kind": "EMPLOYEE", "note": "Same surname."})
    page = client_of(story.cara).get(step("review", acme)).content.decode()
    settled = client_of(story.sam).post(step("settle", acme), {"kind": "EMPLOYEE", "note": "Namesakes."})

    assert (told.status_code, settled.status_code) == (302, 302)
    assert "! Employee" in page
    assert "A senior looks at it first: until then nobody qualifies it." in page
    assert Signal.objects.get().settled_by == story.sam


def test_a_caller_settles_nothing(story, acme):
    put(story, acme)

    with nothing_changes():
        answer = client_of(story.cara).post(step("settle", acme), {"kind": "EMPLOYEE", "note": "Fine."})

    assert answer.status_code == 403


@pytest.mark.parametrize("typed", [{"kind": "EMPLOYEE"}, {"note": "No kind."}, {"kind": "MOOD", "note": "x"}])
def test_a_signal_has_a_kind_and_a_note(typed, story, acme):
    with nothing_changes():
        client_of(story.cara).post(step("signal", acme), typed)


def test_a_crafted_post_does_not_get_around_an_open_signal(story, acme):
    put(story, acme)
    reviews.claim(acme.reviews.get(), story.sam, at=story.now)
    client = client_of(story.sam)
    version = client.get(step("review", acme)).context["form"].initial["version"]
    all_yes = {f"answer_{code}": "yes" for code in QUESTIONS}

    with nothing_changes():
        answer = client.post(
            step("review", acme), {"version": version, **all_yes, "result": "QUALIFIED", "for_senior": "off"}
        )

    assert answer.status_code == 409
    assert "A senior looks at this first: Employee." in answer.content.decode()


def test_the_referrers_record_counts_the_signals(story, acme):
    put(story, acme)
    bold = story.sign_up("bold")
    qualification.decide(bold, result="NOT_QUALIFIED", reason="freelancer", by=story.cara, at=story.now)
    story.wait(minutes=11)

    page = client_of(story.cara).get(step("review", acme)).content.decode()

    assert "brought 2: 0 qualified, 1 refused · <strong>1 signal</strong>" in page
