"""Every answer says where it comes from, and nobody is qualified on less: whatever is posted."""

from itertools import product

import pytest
from django.contrib.auth.models import Group
from django.core.management import call_command
from django.test import Client
from django.urls import reverse

from referrals import evidence, likeness, qualification, reviews
from referrals.models import Call, CriterionResult, Decision, ExistingCustomer, ReferredAccount
from referrals.rules.words import Verdict
from tests.story import Story, nothing_changes

pytestmark = pytest.mark.django_db

QUESTIONS = ["not_freelancer", "not_lsp", "new_customer", "needs_translation"]
ALL_YES = {f"answer_{code}": "yes" for code in QUESTIONS}


def sources(*words: str) -> dict[str, str]:
    """Where the answers come from, in the order of the questions."""
    return {f"source_{code}": word for code, word in zip(QUESTIONS, words, strict=False)}


@pytest.fixture
def story(time_machine) -> Story:
    told = Story("smartcat")
    call_command("make_groups", verbosity=0)
    told.cara.groups.set([Group.objects.get(name="Callers")])
    time_machine.move_to(told.now, tick=False)
    return told


@pytest.fixture
def acme(story) -> ReferredAccount:
    account = story.sign_up("acme")
    reviews.claim(account.reviews.get(), story.cara, at=story.now)
    return account


@pytest.fixture
def cara(story) -> Client:
    client = Client()
    client.force_login(story.cara)
    return client


def review(account: ReferredAccount) -> str:
    return reverse("admin:referrals_referredaccount_review", args=[account.pk])


def post(client: Client, account: ReferredAccount, **typed: str):
    """Press a button of the page as it is now."""
    version = client.get(review(account)).context["form"].initial["version"]
    return client.post(review(account), {"version": version, **typed})


def stored() -> list[tuple[str, str, str]]:
    """The answers of the decision: question, result, source."""
    rows = CriterionResult.objects.filter(decision__isnull=False).order_by("pk")
    return list(rows.values_list("criterion__code", "result", "source"))


# --- sources --------------------------------------------------------------------------------------------


def test_an_answer_comes_from_this_call_unless_another_source_is_chosen(story, acme, cara):
    post(cara, acme, **ALL_YES, **sources("REGISTRY", "DOCUMENT"), result="QUALIFIED", note="HRB 1, a letter")

    given = zip(QUESTIONS, ["REGISTRY", "DOCUMENT", "CALL", "CALL"], strict=True)
    assert stored() == [(code, "PASS", source) for code, source in given]
    assert [call.outcome.code for call in Call.objects.all()] == ["REACHED"]
    assert Decision.objects.get().result == "QUALIFIED"


def test_a_call_that_reached_somebody_in_this_round_is_enough(story, acme, cara):
    post(cara, acme, outcome="REACHED")
    post(cara, acme, **ALL_YES, result="QUALIFIED")

    assert [source for _, _, source in stored()] == ["CALL"] * 4
    assert Call.objects.count() == 1


def test_sources_that_were_chosen_stay_when_the_call_is_logged_first(story, acme, cara):
    answer = post(cara, acme, outcome="REACHED", answer_not_lsp="yes", source_not_lsp="REGISTRY")

    form = cara.get(answer.url).context["form"]
    assert (form["answer_not_lsp"].value(), form["source_not_lsp"].value()) == ("yes", "REGISTRY")


def test_where_no_call_can_reach_anybody_an_answer_comes_from_elsewhere(story, acme, cara):
    story.program.call_outcomes.filter(connected=True).update(in_use=False)

    with nothing_changes():
        refused = post(cara, acme, **ALL_YES, result="QUALIFIED")
    post(cara, acme, **ALL_YES, **sources(*["REGISTRY"] * 4), result="QUALIFIED", note="HRB 1 Berlin.")

    assert "has been reached: log the call" in refused.content.decode()
    assert (Call.objects.count(), Decision.objects.count()) == (0, 1)


def test_a_call_of_an_earlier_round_reached_nobody_in_this_one(story, acme):
    story.call(acme, "REACHED")
    story.decide(acme, "NOT_QUALIFIED", reason="freelancer")
    story.wait(minutes=11)
    story.reopen(acme)
    acme.refresh_from_db()

    with pytest.raises(evidence.NobodyReached):
        evidence.refuse_uncalled(acme)


def test_refusing_without_a_call_says_on_what_it_rests(story, acme, cara):
    with nothing_changes():
        unnamed = post(cara, acme, result="NOT_QUALIFIED", reason="suspected_fraud", not_called="on")
        both = post(cara, acme, result="NOT_QUALIFIED", answer_not_lsp="no", not_called="on", note="Seen.")
    post(cara, acme, result="NOT_QUALIFIED", reason="suspected_fraud", not_called="on", note="A fake site.")

    assert list(unnamed.context["form"].errors) == ["note"]
    assert list(both.context["form"].errors) == ["not_called"]
    assert (Call.objects.count(), Decision.objects.get().reason.code) == (0, "suspected_fraud")


# --- crafted POSTs --------------------------------------------------------------------------------------


def test_of_all_answers_only_four_times_yes_qualifies(story, acme, cara):
    """Every combination is posted; each that is refused leaves nothing behind."""
    for answers in product(["yes", "no", "?"], repeat=4):
        if answers != ("yes",) * 4:
            typed = {f"answer_{code}": answer for code, answer in zip(QUESTIONS, answers, strict=True)}
            assert post(cara, acme, **typed, result="QUALIFIED").status_code == 409, answers
    assert (Decision.objects.count(), Call.objects.count()) == (0, 0)

    assert post(cara, acme, **ALL_YES, result="QUALIFIED").status_code == 302


@pytest.mark.parametrize(
    "crafted",
    [
        {},
        {"answer_not_lsp": ""},
        {"answer_not_lsp": "YES"},
        {"answer_not_lsp": "true"},
        {"answer_not_lsp": "PASS"},
        {"answer_not_lsp": "WAIVED"},
        {"answer_not_lsp": "yes "},
        {"answer_not_lsp": None},
        {"answer_not_lsp": None, "not_lsp": "yes"},
        {"answer_not_lsp": None, "result_not_lsp": "PASS", "waived": "not_lsp"},
        {"answer_not_lsp": ["yes", "no"]},
        {"answer_not_lsp": None, "answer_NOT_LSP": "yes"},
        {"answer_not_lsp": None, "answer_company_email": "yes"},
        {"source_not_lsp": "HEARSAY"},
        {"source_not_lsp": "call"},
        {"source_not_lsp": "DOCUMENT"},
        {"source_not_lsp": "DOCUMENT", "note": "   "},
        {"source_not_lsp": ["CALL", "REGISTRY"]},
        {"result": ["NOT_QUALIFIED", "QUALIFIED"], "answer_not_lsp": "no"},
        {"result": "WAIVED"},
        {"result": "QUALIFIED", "outcome": "REACHED"},
        {"result": "QUALIFIED", "version": ""},
        {"result": "QUALIFIED", "version": "1.2.3.4"},
        {"result": "QUALIFIED", "not_called": "on"},
        {"result": "QUALIFIED", "not_called": "on", "note": "Nobody was called."},
    ],
    ids=str,
)
def test_a_crafted_post_qualifies_nobody(crafted, story, acme, cara):
    version = cara.get(review(acme)).context["form"].initial["version"]
    everything = {"version": version, **ALL_YES, "result": "QUALIFIED", **crafted}
    if not crafted:
        everything = {"version": version, "result": "QUALIFIED"}

    with nothing_changes():
        answer = cara.post(
            review(acme), {name: value for name, value in everything.items() if value is not None}
        )

    assert answer.status_code == 409


def test_a_failed_check_is_not_answered_away(story, cara):
    account = story.sign_up("acme", phone="")
    qualification.reopen(account, by=story.sam, at=story.now, note="")
    reviews.claim(account.reviews.get(), story.cara, at=story.now)

    with nothing_changes():
        refused = post(cara, account, **ALL_YES, answer_fields_complete="yes", result="QUALIFIED")

    assert "Something that the terms ask for is missing: add it" in refused.content.decode()


def test_waived_is_only_what_two_people_waived(story, acme, cara):
    evidence.waive(
        acme, criterion="not_lsp", by=story.cara, approved_by=story.sam, at=story.now, note="Known to us."
    )
    without = {name: answer for name, answer in ALL_YES.items() if name != "answer_not_lsp"}

    post(cara, acme, **without, result="QUALIFIED")

    assert Decision.objects.get().snapshot["criteria"]["not_lsp"] == "WAIVED"


# --- reasons that must name something ------------------------------------------------------------------


@pytest.mark.parametrize("typed", [{"reason": "already_registered"}, {"answer_new_customer": "no"}])
def test_already_registered_needs_the_earlier_account(typed, story, acme, cara):
    known = ExistingCustomer.objects.create(host=story.host, host_account="old", company_name="Acme Inc.")
    with nothing_changes():
        unnamed = post(cara, acme, result="NOT_QUALIFIED", **typed)
    likeness.compare(acme, known, verdict=Verdict.SAME, by=story.cara, at=story.now)
    likeness.compare(acme, known, verdict=Verdict.DIFFERENT, by=story.cara, at=story.now)
    with nothing_changes():
        taken_back = post(cara, acme, result="NOT_QUALIFIED", **typed)
    likeness.compare(acme, known, verdict=Verdict.SAME, by=story.cara, at=story.now)

    post(cara, acme, result="NOT_QUALIFIED", **typed)

    assert list(unnamed.context["form"].errors) == list(taken_back.context["form"].errors) == ["reason"]
    assert Decision.objects.get().reason.code == "already_registered"


def test_a_decision_of_a_worked_case_needs_no_comparison(story, acme):
    story.decide(acme, "NOT_QUALIFIED", reason="already_registered")

    assert Decision.objects.get().reason.code == "already_registered"


def test_another_reason_says_what_it_is(time_machine):
    story = Story("smartcat", {"rejection_reasons.suspected_fraud.code": "other"})
    call_command("make_groups", verbosity=0)
    story.cara.groups.set([Group.objects.get(name="Callers")])
    time_machine.move_to(story.now, tick=False)
    account, client = story.sign_up("acme"), Client()
    client.force_login(story.cara)
    reviews.claim(account.reviews.get(), story.cara, at=story.now)

    with nothing_changes():
        silent = post(client, account, result="NOT_QUALIFIED", reason="other")
    post(client, account, result="NOT_QUALIFIED", reason="other", note="They are moving out of the country.")

    assert list(silent.context["form"].errors) == ["note"]
    assert Decision.objects.get().reason.code == "other"


# --- what the page says of it --------------------------------------------------------------------------


def test_an_earlier_decision_is_shown_with_its_answers_and_their_sources(story, acme, cara):
    post(cara, acme, **ALL_YES, **sources("REGISTRY"), result="QUALIFIED", note="HRB 1 Berlin.")
    qualification.undo(ReferredAccount.objects.get(), by=story.cara, at=story.now)

    shown = cara.get(review(acme))

    [earlier] = shown.context["past"].decisions
    assert (earlier.result, earlier.row.by) == ("Qualified", "cara")
    assert [(answer, source) for _, answer, source in earlier.answers] == [
        ("yes", "registry"),
        ("yes", "call"),
        ("yes", "call"),
        ("yes", "call"),
    ]
    assert "from a registry" in shown.content.decode()


def test_the_page_says_what_the_referrer_will_read_of_each_reason(story, acme, cara):
    page = cara.get(review(acme)).content.decode()

    assert "The referrer reads: “It is not a buyer of translation.”" in page
    assert "It did not meet the terms." not in page  # suspected fraud is not shown to the referrer


def test_the_page_says_what_to_say(story, acme, cara):
    page = cara.get(review(acme)).content.decode()

    assert "I am calling for Main. Acme GmbH registered with us on February 2." in page
    assert "2. Is it a buyer of translation, not a language service provider?" in page
