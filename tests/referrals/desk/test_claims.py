"""Taking companies by HTTP: one at a time, one person each, and what is typed is never lost."""

from datetime import datetime, timedelta

import pytest
from django.contrib.auth.models import Group, User
from django.core.management import call_command
from django.test import Client
from django.urls import reverse

from referrals import reviews
from referrals.models import Call, Decision, Note, ReferredAccount, Review
from tests.story import Story, nothing_changes

pytestmark = pytest.mark.django_db

QUESTIONS = ["not_freelancer", "not_lsp", "new_customer", "needs_translation"]
ALL_YES = {f"answer_{code}": "yes" for code in QUESTIONS}
SECRETS = ["+4930123456", "office@acme.example", "Anna Muster"]


@pytest.fixture
def story(time_machine) -> Story:
    """Monday, 11:00 in Berlin."""
    told = Story("smartcat")
    call_command("make_groups", verbosity=0)
    for who, group in [(told.cara, "Callers"), (told.fay, "Callers"), (told.sam, "Seniors")]:
        who.groups.set([Group.objects.get(name=group)])
    time_machine.move_to(told.now, tick=False)
    return told


@pytest.fixture
def acme(story) -> ReferredAccount:
    return story.sign_up("acme", contact="Anna Muster")


def client_of(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def at(name: str, *args: object) -> str:
    return reverse(f"admin:referrals_referredaccount_{name}", args=args)


def review_of(account: ReferredAccount) -> Review:
    return Review.objects.get(account=account, closed_at=None)


def page_of(client: Client, account: ReferredAccount) -> str:
    return client.get(at("review", account.pk)).content.decode()


def typed(client: Client, account: ReferredAccount, **more: str) -> dict[str, str]:
    """The form as its page gives it, with what somebody types."""
    form = client.get(at("review", account.pk)).context["form"]
    return {"version": form.initial["version"], "source": "call", **more}


def told(client: Client) -> str:
    """The messages on the next page."""
    return " ".join(str(message) for message in client.get(at("reviews")).context["messages"])


# --- next -------------------------------------------------------------------------------------------------


def test_next_takes_the_most_urgent_and_shows_it(story, acme):
    story.wait(hours=1)
    story.sign_up("globex")
    client = client_of(story.cara)

    answer = client.post(at("next"))

    assert answer.url == at("review", acme.pk)
    assert review_of(acme).holder == story.cara
    assert client.post(at("next")).url == at("review", acme.pk)


def test_looking_takes_nothing(story, acme):
    with nothing_changes():
        answer = client_of(story.cara).get(at("next"))

    assert answer.url == at("reviews")


def test_next_of_a_page_is_another_company(story, acme):
    globex = story.sign_up("globex")

    assert client_of(story.cara).post(at("next"), {"after": acme.pk}).url == at("review", globex.pk)


def test_without_a_next_one_it_is_said_when_one_opens(story):
    client = client_of(story.cara)
    assert client.post(at("next")).url == at("reviews")
    assert told(client) == "Nobody can be called now. No other company waits for a call."

    story.sign_up("newyork", phone="+1 212 555 0100")
    client.post(at("next"))
    when = "The next company can be called from Mon Feb 2, 14:00 UTC."
    assert told(client) == f"Nobody can be called now. {when}"


def test_a_retry_within_the_hours_of_today_is_the_next_to_open(story, acme):
    """Its hours are open since nine: it is the wait after the last call that ends later."""
    story.call(acme, "BUSY")

    assert reviews.next_opening(at=story.now) == story.now + timedelta(hours=2)


@pytest.mark.parametrize("name", ["next", "renew"])
def test_who_decides_nothing_takes_nothing(name, story, acme):
    story.finn.groups.set([Group.objects.get(name="Auditors")])
    with nothing_changes():
        answer = client_of(story.finn).post(at(name, *([acme.pk] if name == "renew" else [])))

    assert answer.status_code == 403


# --- who sees what ----------------------------------------------------------------------------------------


def test_only_the_holder_sees_phone_email_and_contact(story, acme):
    cara, fay = client_of(story.cara), client_of(story.fay)
    before = page_of(cara, acme)
    cara.post(at("take", acme.pk))

    mine, hers = page_of(cara, acme), page_of(fay, acme)

    assert [secret in before for secret in SECRETS] == [False] * 3
    assert [secret in mine for secret in SECRETS] == [True] * 3
    assert [secret in hers for secret in SECRETS] == [False] * 3
    assert "Nobody has it." in before
    assert "<strong>cara</strong> has it since 10:00 UTC" in hers


def test_after_half_an_hour_it_is_free_again(story, acme, time_machine):
    cara = client_of(story.cara)
    cara.post(at("take", acme.pk))
    time_machine.shift(timedelta(minutes=30))

    page = page_of(cara, acme)

    assert "Nobody has it." in page
    assert SECRETS[0] not in page


def test_a_second_one_takes_nothing_and_is_told_who_has_it(story, acme):
    client_of(story.cara).post(at("take", acme.pk))

    with nothing_changes():
        answer = client_of(story.fay).post(at("take", acme.pk))

    assert answer.status_code == 409
    assert "cara has it, until 10:30 UTC." in answer.content.decode()


def test_only_the_holder_gives_it_back(story, acme):
    cara = client_of(story.cara)
    cara.post(at("take", acme.pk))

    with nothing_changes():
        assert client_of(story.fay).post(at("release", acme.pk)).status_code == 409

    cara.post(at("release", acme.pk))
    assert review_of(acme).holder is None


def test_a_senior_takes_over_with_a_reason(story, acme):
    client_of(story.cara).post(at("take", acme.pk))
    sam = client_of(story.sam)
    assert "Take over" in page_of(sam, acme)
    assert "Take over" not in page_of(client_of(story.fay), acme)

    sam.post(at("take_over", acme.pk), {"reason": "Cara is ill."})

    assert review_of(acme).holder == story.sam
    assert [(note.about, note.text) for note in Note.objects.all()] == [("taken over", "Cara is ill.")]


def test_the_page_renews_the_lease_of_its_holder(story, acme, time_machine):
    cara = client_of(story.cara)
    cara.post(at("take", acme.pk))
    time_machine.shift(timedelta(minutes=5))

    assert cara.post(at("renew", acme.pk)).json() == {"seconds": 1800}
    assert review_of(acme).held_until == story.now + timedelta(minutes=35)
    with nothing_changes():
        assert client_of(story.fay).post(at("renew", acme.pk)).status_code == 409
        assert cara.get(at("renew", acme.pk)).status_code == 405


# --- storing ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("pressed", [{"outcome": "NO_ANSWER"}, {**ALL_YES, "result": "QUALIFIED"}])
def test_a_crafted_post_of_somebody_without_the_lease_is_refused(pressed, story, acme):
    client_of(story.cara).post(at("take", acme.pk))
    fay = client_of(story.fay)

    with nothing_changes():
        answer = fay.post(at("review", acme.pk), typed(fay, acme, note="My talk.", **pressed))

    page = answer.content.decode()
    assert answer.status_code == 409
    assert "cara has it, until 10:30 UTC." in page
    assert "My talk.</textarea>" in page
    assert SECRETS[0] not in page


def test_after_the_lease_nothing_is_stored_and_it_is_taken_again_with_what_was_typed(
    story, acme, time_machine
):
    cara = client_of(story.cara)
    cara.post(at("take", acme.pk))
    form = typed(cara, acme, note="A long talk.", answer_not_lsp="no", result="NOT_QUALIFIED")
    time_machine.shift(timedelta(minutes=30))

    with nothing_changes():
        late = cara.post(at("review", acme.pk), form)
    assert late.status_code == 409
    assert "Your time with this company is over" in late.content.decode()
    assert "Take it again" in late.content.decode()

    again = cara.post(at("review", acme.pk), {**form, "take_again": "1"})
    assert again.status_code == 200
    assert review_of(acme).holder == story.cara
    assert "A long talk.</textarea>" in again.content.decode()
    assert again.context["form"].initial["not_lsp"] == "no"
    assert Decision.objects.count() == 0

    cara.post(at("review", acme.pk), {**form, "version": again.context["form"].initial["version"]})
    assert Decision.objects.get().reason.code == "language_service_provider"


def test_what_somebody_else_has_now_is_not_taken_again(story, acme, time_machine):
    cara = client_of(story.cara)
    cara.post(at("take", acme.pk))
    form = typed(cara, acme, note="A long talk.")
    time_machine.shift(timedelta(minutes=30))
    client_of(story.fay).post(at("take", acme.pk))

    with nothing_changes():
        answer = cara.post(at("review", acme.pk), {**form, "take_again": "1"})

    assert answer.status_code == 409
    assert "fay has it, until 11:00 UTC." in answer.content.decode()
    assert "A long talk.</textarea>" in answer.content.decode()


def test_after_a_refusal_the_next_press_rests_on_what_is_shown(story, acme):
    """Two tabs: the first logs that somebody was reached, the second decides."""
    cara = client_of(story.cara)
    cara.post(at("take", acme.pk))
    second_tab = typed(cara, acme, note="Spoke with Anna.", result="QUALIFIED", **ALL_YES)
    cara.post(at("review", acme.pk), typed(cara, acme, outcome="REACHED"))

    told_so = cara.post(at("review", acme.pk), second_tab)
    assert told_so.status_code == 409
    assert Decision.objects.count() == 0

    shown = told_so.context["form"]["version"].value()
    cara.post(at("review", acme.pk), {**second_tab, "version": shown})
    assert (Decision.objects.count(), Call.objects.count()) == (1, 1)


def test_deciding_takes_the_next_company(story, acme):
    globex = story.sign_up("globex")
    cara = client_of(story.cara)
    cara.post(at("next"))

    answer = cara.post(at("review", acme.pk), typed(cara, acme, result="QUALIFIED", **ALL_YES))

    assert answer.url == at("review", globex.pk)
    assert (review_of(acme).holder, review_of(globex).holder) == (None, story.cara)


def test_after_the_last_one_it_is_said_that_none_is_left(story, acme):
    cara = client_of(story.cara)
    cara.post(at("next"))

    answer = cara.post(at("review", acme.pk), typed(cara, acme, outcome="NO_ANSWER"))

    assert answer.url == at("reviews")
    assert "The next company can be called from Tue Feb 3, 10:00 UTC." in told(cara)


# --- calling back -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("pressed", "called_back"),
    [
        ({"call_back": "in_an_hour"}, "2026-02-02T11:00Z"),
        ({"call_back": "tomorrow"}, "2026-02-03T09:00Z"),
        ({"call_back": "monday"}, "2026-02-09T09:00Z"),
        ({"call_back": "other", "call_back_at": "2026-02-05T14:30"}, "2026-02-05T13:30Z"),
        # In summer Berlin is two hours ahead.
        ({"call_back": "other", "call_back_at": "2026-03-30T14:30"}, "2026-03-30T12:30Z"),
    ],
)
def test_a_call_back_is_agreed_on_the_clock_of_the_company(pressed, called_back, story, acme):
    cara = client_of(story.cara)
    cara.post(at("take", acme.pk))

    cara.post(at("review", acme.pk), typed(cara, acme, **pressed))

    review = review_of(acme)
    assert review.call_back_at == datetime.fromisoformat(called_back)
    assert (review.call_back_by, review.holder) == (story.cara, None)
    assert Call.objects.get().outcome.code == "CALL_BACK"


def test_the_time_of_a_call_back_is_told(story, acme):
    cara = client_of(story.cara)
    cara.post(at("take", acme.pk))

    cara.post(at("review", acme.pk), typed(cara, acme, call_back="tomorrow"))

    assert "They are called back on Tue Feb 3 at 10:00, their time (Europe/Berlin)." in told(cara)


@pytest.mark.parametrize(
    ("pressed", "problem"),
    [
        ({"call_back": "other"}, "Say when they want to be called."),
        ({"call_back": "other", "call_back_at": "2026-02-02T10:59"}, "This time is over."),
        ({"call_back": "other", "call_back_at": "2062-02-02T10:59"}, "Choose a time within 90 days."),
        ({"call_back": "other", "call_back_at": "then"}, "Enter a valid date/time."),
        ({"call_back": "tomorrow", "outcome": "BUSY"}, "Press the result of the call, or a decision."),
        ({"call_back": "yesterday"}, "Select a valid choice"),
    ],
)
def test_a_time_that_cannot_be_is_refused_beside_its_field(pressed, problem, story, acme):
    cara = client_of(story.cara)
    cara.post(at("take", acme.pk))

    with nothing_changes():
        answer = cara.post(at("review", acme.pk), typed(cara, acme, note="Kept.", **pressed))

    assert answer.status_code == 409
    assert problem in answer.content.decode() + str(answer.context["form"].errors)
    assert "Kept.</textarea>" in answer.content.decode()
