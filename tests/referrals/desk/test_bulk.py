"""What is done to many companies at once: who may, who drops out and why, and that twice is once."""

from datetime import datetime, timedelta

import pytest
from django.contrib.auth.models import Group, User
from django.core.management import call_command
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse

from payouts import giving_up, sweeps
from referrals import bulk, reviews
from referrals.models import Decision, Note, Program, ProgramStaff, ReferredAccount, Review
from tests.story import Story, nothing_changes, refused

pytestmark = pytest.mark.django_db

BULK = reverse("admin:referrals_referredaccount_bulk")
REVIEWS = reverse("admin:referrals_referredaccount_reviews")


@pytest.fixture
def story(time_machine) -> Story:
    # One of its reasons is "other".
    told = Story("smartcat", {"rejection_reasons.suspected_fraud.code": "other"})
    call_command("make_groups", verbosity=0)
    for who, group in [(told.cara, "Callers"), (told.fay, "Callers"), (told.sam, "Seniors")]:
        who.groups.set([Group.objects.get(name=group)])
    time_machine.move_to(told.now, tick=False)
    return told


def client_of(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def review_of(account: ReferredAccount) -> Review:
    return Review.objects.get(account=account, round=account.review_round)


def numbers(*accounts: ReferredAccount) -> list[int]:
    return [review_of(account).pk for account in accounts]


def ask(user: User, action: str, *accounts: ReferredAccount, **form: str) -> HttpResponse:
    """The page that says what will be done."""
    return client_of(user).post(BULK, {"action": action, "chosen": numbers(*accounts), **form})


def confirm(user: User, action: str, *accounts: ReferredAccount, **form: str) -> HttpResponse:
    """Press the button that does it."""
    form = {"action": action, "going": numbers(*accounts), "confirmed": "1", **form}
    return client_of(user).post(BULK, form)


def going(page: HttpResponse) -> list[str]:
    return [row.review.account.host_account for row in page.context["preview"].going]


def dropped(page: HttpResponse) -> dict[str, str]:
    return {row.review.account.host_account: row.why_not for row in page.context["preview"].dropped}


def holder_of(account: ReferredAccount) -> User | None:
    return review_of(account).holder


# --- the page ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("who", "offers"),
    [("cara", ["release", "unreachable"]), ("sam", ["release", "unreachable", "assign", "refuse"])],
)
def test_each_is_offered_what_is_theirs(who, offers, story):
    story.sign_up("acme")

    page = client_of(getattr(story, who)).get(REVIEWS, {"tab": "all"})

    assert [action.code for action in page.context["bulk"]] == offers


@pytest.mark.parametrize("action", ["assign", "refuse"])
def test_a_crafted_post_for_what_is_not_theirs_is_refused(action, story):
    acme = story.sign_up("acme")

    with nothing_changes():
        answer = confirm(story.cara, action, acme, reason="freelancer", to=str(story.fay.pk))

    assert answer.status_code == 403


def test_who_only_looks_does_nothing_at_once(story):
    story.finn.groups.set([Group.objects.get(name="Auditors")])
    acme = story.sign_up("acme")

    with nothing_changes():
        assert confirm(story.finn, "release", acme).status_code == 403


@pytest.mark.parametrize("form", [{}, {"action": "release"}, {"action": "burn", "chosen": "1"}])
def test_without_a_choice_nothing_is_done_and_it_is_said(form, story):
    story.sign_up("acme")
    cara = client_of(story.cara)

    with nothing_changes():
        answer = cara.post(BULK, {**form, "back": "tab=over&q=acme&next=//evil.example"})

    assert answer["Location"] == f"{REVIEWS}?tab=over&q=acme"
    [told] = cara.get(REVIEWS).context["messages"]
    assert "choose companies first" in str(told)


@pytest.mark.parametrize("chosen", ["x", "-1", "1e3", "٣", "9" * 30, "0"])
def test_a_crafted_choice_finds_nothing(chosen, story):
    story.sign_up("acme")

    with nothing_changes():
        answer = client_of(story.sam).post(BULK, {"action": "release", "going": chosen, "confirmed": "1"})

    assert answer.status_code in {200, 302}


@pytest.mark.parametrize("action", ["release", "unreachable", "refuse", "assign"])
def test_looking_changes_nothing(action, story):
    acme = story.sign_up("acme")
    with nothing_changes():
        assert client_of(story.sam).get(BULK).status_code == 302
        answer = ask(story.sam, action, acme, reason="freelancer", look="1", to=str(story.cara.pk))

    assert answer.status_code == 200


def test_what_is_of_other_programs_is_not_there(story):
    acme, other = (
        story.sign_up("acme"),
        Program.objects.create(host=story.host, slug="other", name="Other", currency="USD", time_zone="UTC"),
    )
    reviews.claim(review_of(acme), story.cara, at=story.now)
    ProgramStaff.objects.create(user=story.sam, program=other)

    with nothing_changes():
        page = confirm(story.sam, "release", acme)

    assert (going(page), dropped(page)) == ([], {})


# --- release ----------------------------------------------------------------------------------------------


def test_a_senior_gives_back_what_others_hold_and_each_is_told(story):
    held, own, free = (story.sign_up(name) for name in ("held", "own", "free"))
    reviews.claim(review_of(held), story.cara, at=story.now)
    reviews.claim(review_of(own), story.sam, at=story.now)
    page = ask(story.sam, "release", held, own, free)
    assert (sorted(going(page)), dropped(page)) == (["held", "own"], {"free": "Nobody has it."})

    done = confirm(story.sam, "release", held, own)

    assert [holder_of(account) for account in (held, own)] == [None, None]
    assert "Given back; cara had it." in done.content.decode()
    assert [(note.about, note.text) for note in Note.objects.all()] == [("released", "cara had it.")]
    with nothing_changes():
        again = confirm(story.sam, "release", held, own)
    assert dropped(again) == {"held": "Nobody has it.", "own": "Nobody has it."}


def test_a_caller_gives_back_own_companies_only(story):
    hers, own = story.sign_up("hers"), story.sign_up("own")
    reviews.claim(review_of(hers), story.fay, at=story.now)
    reviews.claim(review_of(own), story.cara, at=story.now)

    done = confirm(story.cara, "release", hers, own)

    assert dropped(done) == {"hers": "fay has it: a senior takes it away."}
    assert (holder_of(hers), holder_of(own)) == (story.fay, None)


# --- assign -----------------------------------------------------------------------------------------------


def test_a_lead_assigns_what_waits(story):
    acme, globex, decided = (story.sign_up(name) for name in ("acme", "globex", "decided"))
    reviews.claim(review_of(globex), story.fay, at=story.now)
    story.decide(decided)
    page = ask(story.sam, "assign", acme, globex, decided)
    assert [user.username for user in page.context["form"].fields["to"].queryset] == ["cara", "fay", "sam"]

    done = confirm(story.sam, "assign", acme, globex, decided, to=str(story.cara.pk))

    assert sorted(going(done)) == ["acme", "globex"]
    assert dropped(done) == {"decided": "It waits for nobody any more."}
    assert "fay goes on with it first." in done.content.decode()
    assert [review_of(each).assigned_to for each in (acme, globex)] == [story.cara] * 2
    with nothing_changes():
        again = confirm(story.sam, "assign", acme, to=str(story.cara.pk))
    assert dropped(again) == {"acme": "It is cara's work already."}


@pytest.mark.parametrize("to", ["", "x", "999999"])
def test_it_is_assigned_to_somebody_of_the_desk(to, story):
    acme = story.sign_up("acme")

    with nothing_changes():
        answer = confirm(story.sam, "assign", acme, to=to)
        nobody = confirm(story.sam, "assign", acme, to=str(story.finn.pk))

    assert (answer.status_code, nobody.status_code) == (409, 409)


# --- unreachable ------------------------------------------------------------------------------------------


def called(story: Story, account: ReferredAccount, times: int, last: str = "NO_ANSWER") -> ReferredAccount:
    for number in range(times):
        story.call(account, last if number == times - 1 else "NO_ANSWER")
    return account


def test_who_was_called_as_often_as_the_program_says_is_given_up(story, time_machine):
    most = story.program.terms.get().calling.max_attempts
    given_up = called(story, story.sign_up("given-up"), most)
    few = called(story, story.sign_up("few"), most - 1)
    reached = called(story, story.sign_up("reached"), most, "REACHED")
    days = story.program.terms.get().calling.give_up_after_business_days
    time_machine.move_to(story.now + timedelta(days=days * 7 / 5 + 2), tick=False)
    page = ask(story.cara, "unreachable", given_up, few, reached)
    assert dropped(page) == {
        "few": f"Called {most - 1} of {most} times.",
        "reached": "Somebody was reached there: decide on its own page.",
    }

    done = confirm(story.cara, "unreachable", given_up, few, reached)

    assert going(done) == ["given-up"]
    decision = Decision.objects.get()
    assert (decision.account, decision.decided_by) == (given_up, story.cara)
    assert decision.reason.code == story.program.terms.get().calling.unreachable_reason
    assert "until then it can be undone" in done.content.decode()
    with nothing_changes():
        again = confirm(story.cara, "unreachable", given_up)
    assert dropped(again) == {"given-up": "cara has decided already: not qualified."}


def test_nobody_is_given_up_before_the_business_days_of_the_program_have_passed(story, time_machine):
    """By the same condition as by itself: on the first day of the page the job would do it, too."""
    calling = story.program.terms.get().calling
    acme = called(story, story.sign_up("acme"), calling.max_attempts)
    first_day = giving_up.business_days_of(acme.terms).after(
        story.now.date(), calling.give_up_after_business_days
    )
    day_before = datetime.combine(first_day - timedelta(days=1), story.now.timetz())
    time_machine.move_to(day_before, tick=False)

    with nothing_changes():
        assert sweeps.give_up_unreachable(as_of=day_before).done == 0
        early = confirm(story.cara, "unreachable", acme)
    words = f"From {first_day:%b} {first_day.day}: its program waits until then."
    assert dropped(early) == {"acme": words}

    time_machine.move_to(day_before + timedelta(days=1), tick=False)
    assert going(ask(story.cara, "unreachable", acme)) == ["acme"]
    assert sweeps.give_up_unreachable(as_of=day_before + timedelta(days=1)).done == 1


@pytest.mark.parametrize("companies", [3, 30])
def test_giving_many_up_is_looked_at_in_as_few_queries(companies, story, django_assert_max_num_queries):
    most = story.program.terms.get().calling.max_attempts
    accounts = [called(story, story.sign_up(f"company{number}"), most) for number in range(companies)]
    client = client_of(story.sam)

    form = {"action": "unreachable", "chosen": numbers(*accounts)}

    with django_assert_max_num_queries(12):
        page = client.post(BULK, form)
    assert len(dropped(page)) == companies


# --- one reason for all -----------------------------------------------------------------------------------


def test_one_reason_for_all_shows_who_drops_out_then_refuses_the_rest(story):
    acme, held, decided = (story.sign_up(name) for name in ("acme", "held", "decided"))
    elsewhere = Story("upwork-2019", host="elsewhere").program.terms.get()
    other = story.sign_up("other")
    reviews.claim(review_of(held), story.fay, at=story.now)
    story.decide(decided)
    reason = "freelancer"
    assert not elsewhere.rejection_reasons.filter(code=reason).exists()
    chosen = (acme, held, decided, other)
    ReferredAccount.objects.filter(pk=other.pk).update(terms=elsewhere)

    asked = ask(story.sam, "refuse", *chosen)
    assert (asked.context["is_known"], dropped(asked)) == (False, {})
    page = ask(story.sam, "refuse", *chosen, reason=reason, look="1")
    told = {
        "held": "fay has it, until 10:30 UTC.",
        "decided": "cara has decided already: qualified.",
        "other": f"Its terms ({elsewhere}) do not have this reason.",
    }
    assert (going(page), dropped(page)) == (["acme"], told)

    done = confirm(story.sam, "refuse", acme, reason=reason, note="Seen on their site.")

    assert going(done) == ["acme"]
    decision = Decision.objects.get(account=acme)
    assert (decision.decided_by, decision.reason.code) == (story.sam, reason)
    assert [note.text for note in acme.notes.all()] == ["Seen on their site."]
    assert holder_of(acme) is None
    with nothing_changes():
        confirm(story.sam, "refuse", *chosen, reason=reason, note="Seen on their site.")


def test_what_somebody_takes_meanwhile_drops_out_of_what_was_confirmed(story):
    acme, globex = story.sign_up("acme"), story.sign_up("globex")
    page = ask(story.sam, "refuse", acme, globex, reason="freelancer", look="1")
    assert sorted(going(page)) == ["acme", "globex"]
    reviews.claim(review_of(acme), story.cara, at=story.now)

    done = confirm(story.sam, "refuse", acme, globex, reason="freelancer")

    assert (going(done), dropped(done)) == (["globex"], {"acme": "cara has it, until 10:30 UTC."})
    assert holder_of(acme) == story.cara


@pytest.mark.parametrize("reason", ["", "nonsense", "already_registered"])
def test_without_a_reason_nobody_is_refused(reason, story):
    acme = story.sign_up("acme")

    with nothing_changes():
        answer = confirm(story.sam, "refuse", acme, reason=reason)

    assert (answer.status_code, "Takes effect" in answer.content.decode()) == (409, False)


def test_a_reason_that_names_an_earlier_account_takes_reading_so_it_is_not_for_many(story):
    acme = story.sign_up("acme")

    offered = ask(story.sam, "refuse", acme).context["form"].fields["reason"].choices

    assert {"freelancer", "already_registered"} & {code for code, _ in offered} == {"freelancer"}
    with refused("drops_out") as refusal:
        bulk.refuse(
            bulk.chosen(numbers(acme), story.sam).get(),
            reason="already_registered",
            note="",
            by=story.sam,
            at=story.now,
        )
    assert "names the company's earlier account" in str(refusal.value)


def test_a_reason_that_says_nothing_takes_a_note(story):
    acme = story.sign_up("acme")

    with nothing_changes():
        answer = confirm(story.sam, "refuse", acme, reason="other")
    assert "This reason says nothing by itself: write what it is." in answer.content.decode()

    confirm(story.sam, "refuse", acme, reason="other", note="Its seat is on the moon.")
    assert Decision.objects.get().reason.code == "other"


def test_a_refusal_of_many_can_be_undone_like_any_other(story):
    acme = story.sign_up("acme")
    confirm(story.sam, "refuse", acme, reason="freelancer")

    sam = client_of(story.sam)
    sam.post(reverse("admin:referrals_referredaccount_undo", args=[acme.pk]))

    acme.refresh_from_db()
    assert (acme.status, acme.pending_decision) == ("IN_REVIEW", None)


@pytest.mark.parametrize("companies", [3, 30])
def test_what_will_be_done_costs_the_same_for_three_and_for_thirty(
    companies, story, django_assert_max_num_queries
):
    accounts = [story.sign_up(f"company{number}") for number in range(companies)]
    client = client_of(story.sam)
    form = {"action": "refuse", "chosen": numbers(*accounts), "reason": "freelancer", "look": "1"}

    with django_assert_max_num_queries(12):
        assert len(going(client.post(BULK, form))) == companies


def test_more_than_a_page_is_not_taken(story):
    accounts = [story.sign_up(f"company{number}") for number in range(51)]
    story.now += timedelta(minutes=1)

    assert len(going(ask(story.sam, "refuse", *accounts, reason="freelancer", look="1"))) == 50
