"""What looks like its referrer: a senior looks first, a caller may refuse, and no correction hides it."""

import pytest
from django.contrib.auth.models import Group, User
from django.core.management import call_command
from django.test import Client
from django.urls import reverse

from referrals import bulk, corrections, qualification, reviews, warning_signs
from referrals.models import Decision, Note, ReferredAccount, Review, Signal
from referrals.rules.words import SignalKind
from tests.story import Story, nothing_changes

pytestmark = pytest.mark.django_db

QUESTIONS = ["not_freelancer", "not_lsp", "new_customer", "needs_translation"]
ALL_YES = {f"answer_{code}": "yes" for code in QUESTIONS}
WHY = "A senior looks first: same domain as the referrer."


@pytest.fixture
def story(time_machine) -> Story:
    told = Story("smartcat")
    call_command("make_groups", verbosity=0)
    for who, group in [(told.cara, "Callers"), (told.sam, "Seniors")]:
        who.groups.set([Group.objects.get(name=group)])
    time_machine.move_to(told.now, tick=False)
    return told


@pytest.fixture
def twin(story) -> ReferredAccount:
    """A company under the domain of Rosa, who brought it."""
    return story.sign_up("twin", email="office@rosa-words.example", country="DE")


def fresh(person: User) -> User:
    return User.objects.get(pk=person.pk)


def served(story: Story, person: User) -> list[ReferredAccount]:
    return [review.account for review in reviews.next_for(fresh(person), at=story.now)]


def at(name: str, account: ReferredAccount) -> str:
    return reverse(f"admin:referrals_referredaccount_{name}", args=[account.pk])


def client_of(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def page_of(user: User, account: ReferredAccount):
    """The review page of somebody who has taken the company."""
    client = client_of(user)
    client.post(at("take", account))
    return client, client.get(at("review", account))


def press(user: User, account: ReferredAccount, **typed: str):
    client, shown = page_of(user, account)
    version = shown.context["form"].initial["version"]
    return client.post(at("review", account), {"version": version, **typed})


def test_it_is_served_to_seniors_only(story, twin):
    acme = story.sign_up("acme", country="DE")

    assert served(story, story.cara) == [acme]
    assert served(story, story.sam) == [twin, acme]
    signal = Signal.objects.get()
    assert (signal.account, signal.kind, signal.raised_by) == (twin, SignalKind.SELF_REFERRAL, None)


def test_a_caller_reads_why_it_is_not_qualified_and_does_not_qualify_it(story, twin):
    _, shown = page_of(story.cara, twin)
    with nothing_changes():
        refused = press(story.cara, twin, **ALL_YES, result="QUALIFIED", note="All well.")

    page = shown.content.decode()
    assert 'data-key="q" disabled aria-describedby="not-qualified-yet"' in page
    assert f"<p>{WHY}</p>" in page
    assert refused.status_code == 409
    assert WHY in refused.content.decode()
    assert "All well.</textarea>" in refused.content.decode()


def test_a_caller_refuses_it(story, twin):
    press(story.cara, twin, answer_not_lsp="no", result="NOT_QUALIFIED")

    assert Decision.objects.get().result == "NOT_QUALIFIED"


def test_a_senior_qualifies_it_at_once_and_that_settles_it(story, twin):
    _, shown = page_of(story.sam, twin)
    assert 'data-key="q">Qualified' in shown.content.decode()

    press(story.sam, twin, **ALL_YES, result="QUALIFIED")
    assert Signal.objects.filter(settled_at__isnull=True).exists()
    story.wait(minutes=11)

    twin.refresh_from_db()
    assert twin.status == "QUALIFIED"
    assert Signal.objects.get().settled_by == story.sam


def test_once_a_senior_has_settled_it_a_caller_qualifies_it(story, twin):
    warning_signs.settle(
        twin, kind=SignalKind.SELF_REFERRAL, by=story.sam, at=story.now, note="A shared office."
    )
    assert served(story, story.cara) == [twin]

    press(story.cara, twin, **ALL_YES, result="QUALIFIED")

    assert Decision.objects.get().result == "QUALIFIED"


def test_after_a_refusal_did_not_last_a_senior_looks_again(story, twin):
    story.decide(twin, "NOT_QUALIFIED", reason="freelancer")
    story.wait(minutes=11)
    qualification.reopen(twin, by=story.sam, at=story.now, note="New facts.")

    assert served(story, story.cara) == []
    assert Review.objects.get(closed_at__isnull=True).for_senior


def test_it_drops_out_of_what_a_caller_does_to_many(story, twin):
    def why_not(person: User) -> str:
        review = bulk.chosen([Review.objects.get().pk], fresh(person)).get()
        return bulk.why_not_refused(review, fresh(person), reason="freelancer", at=story.now)

    assert why_not(story.cara) == "It carries a signal that a senior looks at."
    assert why_not(story.sam) == ""


def test_a_correction_that_takes_the_match_away_is_told(story, twin):
    warning_signs.settle(twin, kind=SignalKind.SELF_REFERRAL, by=story.sam, at=story.now, note="Looked at.")
    reviews.claim(twin.reviews.get(), story.cara, at=story.now)

    corrections.correct(
        twin, told={"email": "office@twin.example"}, reason="Typed wrong.", by=story.cara, at=story.now
    )

    twin.refresh_from_db()
    assert not twin.domain_match
    told = "Same domain as the referrer: matched before the correction of e-mail."
    assert told in list(Note.objects.values_list("text", flat=True))
    review = Review.objects.get()
    assert (review.for_senior, review.holder) == (True, None)
    assert served(story, story.cara) == []
    refused = press(story.cara, twin, **ALL_YES, result="QUALIFIED")
    assert "it was as the referrer before a correction" in refused.content.decode()


def test_a_correction_under_an_open_signal_takes_the_company_from_nobody(story, twin):
    reviews.claim(twin.reviews.get(), story.cara, at=story.now)

    corrections.correct(
        twin, told={"email": "office@twin.example"}, reason="Typed wrong.", by=story.cara, at=story.now
    )

    review = Review.objects.get()
    assert (review.for_senior, review.holder) == (True, story.cara)
    assert Signal.objects.filter(settled_at__isnull=True).count() == 1


def test_a_correction_that_makes_a_match_hands_it_to_seniors(story):
    acme = story.sign_up("acme", country="DE")
    client, _ = page_of(story.cara, acme)
    told = {name: getattr(acme, name) for name in corrections.FIELDS}

    answer = client.post(
        at("correct", acme), {**told, "email": "office@rosa-words.example", "reason": "Typed wrong."}
    )

    assert answer.status_code == 302
    assert "A senior looks at it next: you have given it back." in client.get(answer.url).content.decode()
    assert served(story, story.cara) == []


def test_the_number_of_signals_is_that_of_the_list(story, twin):
    client = client_of(story.sam)
    needs = {
        label: (count, link) for label, count, link in client.get(reverse("admin:index")).context["needs"]
    }
    count, link = needs["signal for a senior"]

    assert count == 1
    assert client.get(link).context["cl"].result_count == count
