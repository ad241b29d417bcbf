"""What an account is qualified on: automatic results, answers of the call, waivers by two people."""

import pytest

from referrals import evidence, qualification
from referrals.models import CriterionResult, ReferredAccount
from tests.story import Story, nothing_changes, refused

pytestmark = pytest.mark.django_db

QUESTIONS = ["not_freelancer", "not_lsp", "new_customer", "needs_translation"]
AUTOMATIC = ["corporate_user", "company_email", "fields_complete", "not_registered_before"]
ALL_YES = dict.fromkeys(QUESTIONS, True)


@pytest.fixture
def story():
    return Story("smartcat")


def waive(story: Story, account: ReferredAccount, criterion: str, **more) -> None:
    ordinary = {"by": story.cara, "approved_by": story.sam, "at": story.now, "note": "They told us."}
    evidence.waive(account, criterion=criterion, **{**ordinary, **more})


def refused_then_reopened(story: Story, **told) -> ReferredAccount:
    """An account that the automatic checks refused, in review all the same."""
    account = story.sign_up(**told)
    assert account.status == "NOT_QUALIFIED"
    qualification.reopen(account, by=story.sam, at=story.now, note="")
    return account


def results(account: ReferredAccount) -> dict[str, str]:
    rows = CriterionResult.objects.filter(account=account, decision__isnull=False)
    return dict(rows.values_list("criterion__code", "result"))


# --- answers ------------------------------------------------------------------------------------------


def test_without_answers_told_every_question_was_answered_yes(story):
    account = story.sign_up()

    decision = story.decide(account)

    assert results(account) == dict.fromkeys(QUESTIONS, "PASS")
    assert decision.snapshot["criteria"] == dict.fromkeys([*AUTOMATIC, *QUESTIONS], "PASS")
    assert set(decision.criterion_results.values_list("found_by", "found_at")) == {(story.cara.pk, story.now)}


@pytest.mark.parametrize("question", QUESTIONS)
@pytest.mark.parametrize("answer", ["no", "none"])
def test_a_required_question_without_a_yes_refuses_the_decision(story, question, answer):
    account = story.sign_up()
    answers = {**ALL_YES, question: False} if answer == "no" else {**ALL_YES}
    if answer == "none":
        del answers[question]

    with refused("unanswered"):
        story.decide(account, answers=answers)


def test_no_answers_at_all_are_not_all_yes(story):
    account = story.sign_up()

    with refused("unanswered"):
        story.decide(account, answers={})


def test_a_question_that_is_not_required_may_stay_open_or_be_answered_no():
    story = Story("smartcat", {"criteria.not_lsp.required": False})
    account = story.sign_up()

    decision = story.decide(account, answers={**ALL_YES, "not_lsp": False})

    assert results(account) == {**dict.fromkeys(QUESTIONS, "PASS"), "not_lsp": "FAIL"}
    assert decision.snapshot["criteria"]["not_lsp"] == "FAIL"


def test_an_answer_to_what_is_not_asked_is_not_kept(story):
    account = story.sign_up()

    story.decide(account, answers={**ALL_YES, "company_email": False, "nonsense": True})

    assert results(account) == dict.fromkeys(QUESTIONS, "PASS")


def test_the_answers_of_a_refusal_are_kept_with_it(story):
    account = story.sign_up()

    story.decide(account, "NOT_QUALIFIED", reason="freelancer", answers={"not_freelancer": False})
    assert results(account) == {"not_freelancer": "FAIL"}


def test_a_refusal_without_answers_claims_none(story):
    account = story.sign_up()

    story.decide(account, "NOT_QUALIFIED", reason="unreachable")

    assert results(account) == {}


def test_the_answers_of_an_undone_decision_count_for_no_other(story):
    account = story.sign_up()
    story.decide(account)
    qualification.undo(account, by=story.cara, at=story.now)

    assert evidence.known(account) == dict.fromkeys(AUTOMATIC, "PASS")
    with refused("unanswered"):
        story.decide(account, answers={})


def test_a_question_is_asked_always_or_when_a_flag_was_raised():
    story = Story("smithai")
    plain, flagged = story.sign_up("acme"), story.sign_up("bold", email="office@rosa-words.example")

    assert evidence.required_questions(plain) == []
    assert [criterion.code for criterion in evidence.required_questions(flagged)] == [
        "not_a_new_location",
        "not_an_employee",
        "not_owned_by_referrer",
    ]
    with refused("unanswered") as refusal:
        story.decide(flagged, answers={"not_an_employee": True, "not_owned_by_referrer": True})
    assert "Is it something else than a new location" in str(refusal.value)


# --- automatic criteria and waivers -------------------------------------------------------------------


def test_a_failed_automatic_criterion_refuses_the_decision(story):
    account = refused_then_reopened(story, phone="", email="acme@gmail.com")

    with refused("criterion_failed") as refusal:
        story.decide(account)
    assert "public service" in str(refusal.value)
    assert "that the terms ask for is missing" in str(refusal.value)


def test_questions_are_looked_at_before_automatic_criteria(story):
    account = refused_then_reopened(story, phone="")

    with refused("unanswered"):
        story.decide(account, answers={})


def test_two_people_waive_a_failed_criterion(story):
    account = refused_then_reopened(story, phone="")

    waive(story, account, "fields_complete")
    decision = story.decide(account)

    assert decision.snapshot["criteria"]["fields_complete"] == "WAIVED"
    row = CriterionResult.objects.get(result="WAIVED")
    assert (row.found_by, row.approved_by, row.found_at) == (story.cara, story.sam, story.now)
    assert [(note.about, note.text, note.written_by) for note in account.notes.all()] == [
        ("waived fields_complete", "They told us.", story.cara)
    ]


def test_waiving_one_criterion_waives_no_other(story):
    account = refused_then_reopened(story, phone="", email="acme@gmail.com")
    waive(story, account, "fields_complete")

    with refused("criterion_failed") as refusal:
        story.decide(account)
    assert "public service" in str(refusal.value)
    assert "fields_complete" not in str(refusal.value)


def test_a_waived_question_needs_no_answer_and_an_answer_does_not_overrule_it(story):
    account = story.sign_up()
    waive(story, account, "not_lsp")
    without = {code: True for code in QUESTIONS if code != "not_lsp"}

    decision = story.decide(account, answers={**without, "not_lsp": False})

    assert decision.snapshot["criteria"]["not_lsp"] == "WAIVED"
    qualification.undo(account, by=story.cara, at=story.now)
    assert story.decide(account, answers=without).snapshot["criteria"]["not_lsp"] == "WAIVED"


def test_one_person_alone_waives_nothing(story):
    account = story.sign_up()

    with refused("same_person"):
        waive(story, account, "not_lsp", approved_by=story.cara)
    with refused("same_person"):
        waive(story, account, "nonsense", approved_by=story.cara)


def test_what_the_terms_do_not_ask_is_not_waived(story):
    account = story.sign_up()

    with refused("unknown_criterion"):
        waive(story, account, "not_an_employee")


def test_the_latest_result_of_a_criterion_counts(story):
    account = refused_then_reopened(story, phone="")
    assert evidence.known(account)["fields_complete"] == "FAIL"

    waive(story, account, "fields_complete")

    assert evidence.known(account) == {**dict.fromkeys(AUTOMATIC, "PASS"), "fields_complete": "WAIVED"}


def test_a_waiver_of_one_account_is_not_one_of_another(story):
    acme = refused_then_reopened(story, phone="")
    bold = story.sign_up("bold", phone="")
    qualification.reopen(bold, by=story.sam, at=story.now, note="")
    waive(story, acme, "fields_complete")

    with refused("criterion_failed"):
        story.decide(bold)


@pytest.mark.parametrize("minutes", [1, 11], ids=["decided just now", "refused"])
def test_what_is_decided_meanwhile_is_not_waived(minutes, story):
    acme = story.sign_up("acme")
    story.decide(acme, "NOT_QUALIFIED", reason="incomplete")
    story.wait(minutes=minutes)

    with nothing_changes(), refused("nothing_to_waive") as refusal:
        waive(story, acme, "not_lsp")
    assert "not in review any more: nothing is waived" in str(refusal.value)

    if minutes > 10:
        story.reopen(acme)
        waive(story, acme, "not_lsp")
