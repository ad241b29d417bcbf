"""The pages of the call desk: what a caller may do there, what is refused and how it is told."""

from datetime import timedelta
from functools import partial

import pytest
from django.contrib.auth.models import Group, User
from django.core.management import call_command
from django.test import Client
from django.urls import reverse

from referrals import reviews
from referrals.models import Call, CriterionResult, Decision, Note, Proposal, ReferredAccount
from tests.admin_pages import just_logged_in
from tests.story import Story, at_once, nothing_changes

pytestmark = pytest.mark.django_db

QUESTIONS = ["not_freelancer", "not_lsp", "new_customer", "needs_translation"]
ALL_YES = {f"answer_{code}": "yes" for code in QUESTIONS}
STEPS = ["undo", "reopen", "revoke", "waive", "take", "take_over", "release"]


@pytest.fixture
def story(time_machine) -> Story:
    told = Story("smartcat")
    call_command("make_groups", verbosity=0)
    finance = ["Finance preparers", "Finance approvers"]
    groups = [(told.cara, ["Callers"]), (told.sam, ["Seniors"]), (told.fay, finance)]
    for who, theirs in [*groups, (told.finn, ["Auditors"])]:
        who.groups.set(Group.objects.filter(name__in=theirs))
    time_machine.move_to(told.now, tick=False)
    return told


@pytest.fixture
def acme(story) -> ReferredAccount:
    return story.sign_up("acme")


def client_of(user: User) -> Client:
    return just_logged_in(user)


def at(name: str, *args: object) -> str:
    return reverse(f"admin:referrals_referredaccount_{name}", args=args)


def take(client: Client, account: ReferredAccount) -> Client:
    """Somebody takes the company."""
    client.post(at("take", account.pk))
    return client


def filled_in(client: Client, account: ReferredAccount, **typed: str) -> dict[str, str]:
    """The form as the page gives it, with what somebody types."""
    form = client.get(at("review", account.pk)).context["form"]
    return {"version": form.initial["version"], **typed}


def post(user: User, account: ReferredAccount, **typed: str):
    """Somebody takes the company, fills in the form and presses a button."""
    client = take(client_of(user), account)
    return client.post(at("review", account.pk), filled_in(client, account, **typed))


# --- the queue ------------------------------------------------------------------------------------------


def test_a_review_page_stays_within_its_queries(story, acme, django_assert_max_num_queries):
    story.call(acme)
    client = take(client_of(story.cara), acme)

    with django_assert_max_num_queries(12):
        client.get(at("review", acme.pk))


# --- the review -----------------------------------------------------------------------------------------


def test_one_press_stores_call_answers_note_and_decision(story, acme):
    globex = story.sign_up("globex")

    answer = post(story.cara, acme, **ALL_YES, result="QUALIFIED", note="Spoke with Anna.")

    assert (answer.status_code, answer.url) == (302, at("review", globex.pk))
    decision = Decision.objects.get()
    assert (decision.result, decision.decided_by, decision.account) == ("QUALIFIED", story.cara, acme)
    assert [call.outcome.code for call in Call.objects.all()] == ["REACHED"]
    assert [note.text for note in Note.objects.all()] == ["Spoke with Anna."]
    given = CriterionResult.objects.filter(decision=decision).values_list("criterion__code", "result")
    assert sorted(given) == sorted((code, "PASS") for code in QUESTIONS)


def test_a_call_that_is_logged_as_reached_is_not_logged_twice(story, acme):
    stays = post(story.cara, acme, outcome="REACHED", answer_not_lsp="yes")
    post(story.cara, acme, **ALL_YES, result="QUALIFIED")

    assert stays.url.startswith(f"{at('review', acme.pk)}?kept=")
    assert [call.outcome.code for call in Call.objects.all()] == ["REACHED"]


def test_nobody_was_called_if_a_document_answers(story, acme):
    from_register = {f"source_{code}": "REGISTRY" for code in QUESTIONS}
    without_name = post(story.cara, acme, **ALL_YES, **from_register, result="QUALIFIED")
    post(story.cara, acme, **ALL_YES, **from_register, result="QUALIFIED", note="Commercial register.")

    assert list(without_name.context["form"].errors) == ["note"]
    assert (Call.objects.count(), Decision.objects.count()) == (0, 1)


def test_a_no_gives_its_reason(story, acme):
    post(story.cara, acme, answer_not_lsp="no", result="NOT_QUALIFIED")

    assert Decision.objects.get().reason.code == "language_service_provider"


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        ({}, "Press the result of the call, or a decision."),
        ({"outcome": "BUSY", "result": "QUALIFIED"}, "Press the result of the call, or a decision."),
        ({"outcome": "SANG"}, "Select a valid choice"),
        ({"result": "NOT_QUALIFIED"}, "Answer a question with No, or choose a reason."),
        ({"result": "QUALIFIED", "answer_not_lsp": "no"}, "Not answered with yes:"),
        ({"result": "QUALIFIED"}, "Not answered with yes:"),
    ],
)
def test_what_cannot_be_stored_is_told_and_keeps_what_was_typed(typed, told, story, acme):
    take(client_of(story.cara), acme)
    with nothing_changes():
        refused = post(story.cara, acme, note="A long talk.", **typed)

    page = refused.content.decode()
    assert refused.status_code == 409
    assert "A long talk." in page
    assert told in page or told in str(refused.context["form"].errors)


@pytest.mark.parametrize("pressed", [{"outcome": "NO_ANSWER"}, {**ALL_YES, "result": "QUALIFIED"}])
def test_pressing_twice_stores_once_and_says_what_was_stored(pressed, story, acme):
    client = take(client_of(story.cara), acme)
    typed = filled_in(client, acme, note="Once.", **pressed)
    client.post(at("review", acme.pk), typed)

    with nothing_changes():
        again = client.post(at("review", acme.pk), typed)

    assert again.status_code == 409
    assert "Nothing was stored now: cara" in again.content.decode()
    assert "Once.</textarea>" in again.content.decode()


def test_somebody_else_was_faster(story, acme):
    slow = take(client_of(story.sam), acme)
    typed = filled_in(slow, acme, note="My view.", **ALL_YES, result="QUALIFIED")
    story.decide(acme, "NOT_QUALIFIED", reason="freelancer")

    with nothing_changes():
        late = slow.post(at("review", acme.pk), typed)

    told = "cara has decided that it is not qualified; it takes effect at 10:10 UTC."
    assert told in late.content.decode()
    assert "My view." in late.content.decode()


def test_no_call_is_logged_for_an_account_that_is_closed(story, acme):
    story.decide(acme, "NOT_QUALIFIED", reason="freelancer")
    story.wait(minutes=11)

    with nothing_changes():
        refused = post(story.sam, acme, outcome="NO_ANSWER")

    assert "is not in review" in refused.content.decode()


@pytest.mark.django_db(transaction=True)
def test_of_two_tabs_that_press_at_the_same_moment_one_is_stored(story, acme):
    """Nothing but a call is stored: no column of the account itself tells the second one."""
    tabs = [take(client_of(story.cara), acme) for _ in range(4)]
    typed = [filled_in(tab, acme, outcome="NO_ANSWER") for tab in tabs]

    answers = at_once(
        *(partial(tab.post, at("review", acme.pk), form) for tab, form in zip(tabs, typed, strict=True))
    )

    assert sorted(answer.status_code for answer in answers) == [302, 409, 409, 409]
    assert Call.objects.count() == 1


# --- undo, reopen, revoke, waive ------------------------------------------------------------------------


def decided(story: Story, account: ReferredAccount) -> ReferredAccount:
    story.decide(account)
    return account


def refused(story: Story, account: ReferredAccount) -> ReferredAccount:
    story.decide(account, "NOT_QUALIFIED", reason="freelancer")
    story.wait(minutes=11)
    return account


def qualified(story: Story, account: ReferredAccount) -> ReferredAccount:
    story.decide(account)
    story.wait(minutes=11)
    return account


def waiting(story: Story, account: ReferredAccount) -> ReferredAccount:
    return account


def held_by_cara(story: Story, account: ReferredAccount) -> ReferredAccount:
    reviews.claim(account.reviews.get(), story.cara, at=story.now)
    return account


def held_by_sam(story: Story, account: ReferredAccount) -> ReferredAccount:
    reviews.claim(account.reviews.get(), story.sam, at=story.now)
    return account


READY = {
    "undo": decided,
    "reopen": refused,
    "revoke": qualified,
    "waive": waiting,
    "take": waiting,
    "take_over": held_by_cara,
    "release": held_by_sam,
}
TYPED = {
    "undo": {},
    "reopen": {"reason": "New facts."},
    "revoke": {"reason": "A customer before."},
    "waive": {"reason": "Known to us.", "criterion": "company_email"},
    "take": {},
    "take_over": {"reason": "Cara is ill."},
    "release": {},
}


@pytest.mark.parametrize("step", STEPS)
def test_get_shows_a_step_and_changes_nothing(step, story, acme):
    READY[step](story, acme)

    with nothing_changes():
        shown = client_of(story.sam).get(at(step, acme.pk))

    assert (shown.status_code, shown.context["button"].step.name) == (200, step)


@pytest.mark.parametrize(
    ("step", "is_now"), [("undo", "IN_REVIEW"), ("reopen", "IN_REVIEW"), ("revoke", "IN_REVIEW")]
)
def test_post_takes_a_step(step, is_now, story, acme):
    READY[step](story, acme)

    answer = client_of(story.sam).post(at(step, acme.pk), TYPED[step])

    acme.refresh_from_db()
    assert (answer.url, acme.status, acme.pending_decision) == (at("review", acme.pk), is_now, None)


def test_a_waiver_is_proposed_to_another_person(story, acme):
    client_of(story.cara).post(at("waive", acme.pk), TYPED["waive"])

    proposal = Proposal.objects.get()
    assert (proposal.action, proposal.target, proposal.proposed_by) == ("waive", str(acme.pk), story.cara)
    assert proposal.arguments == {"criterion": "company_email", "note": "Known to us."}


@pytest.mark.parametrize("step", ["reopen", "revoke", "waive", "take_over"])
def test_a_step_without_its_reason_does_nothing(step, story, acme):
    READY[step](story, acme)

    with nothing_changes():
        answer = client_of(story.sam).post(at(step, acme.pk), {})

    assert "reason" in answer.context["button"].form.errors


@pytest.mark.parametrize("step", [*STEPS, "review"])
def test_an_account_that_does_not_exist_is_not_found(step, story):
    assert client_of(story.sam).get(at(step, 4711)).status_code == 404


@pytest.mark.parametrize("step", [*STEPS, "review"])
def test_who_is_not_logged_in_is_sent_to_the_login(step, acme):
    with nothing_changes():
        answer = Client().post(at(step, acme.pk), {})

    assert (answer.status_code, answer.url.partition("?")[0]) == (302, "/admin/login/")


@pytest.mark.parametrize(
    ("step", "who"),
    [
        *((step, who) for step in [*STEPS, "review"] for who in ("fay", "finn")),
        ("reopen", "cara"),
        ("revoke", "cara"),
        ("take_over", "cara"),
    ],
)
def test_without_the_permission_nothing_is_done(step, who, story, acme):
    READY.get(step, waiting)(story, acme)

    with nothing_changes():
        answer = client_of(getattr(story, who)).post(at(step, acme.pk), TYPED.get(step, {}))

    assert answer.status_code == 403


@pytest.mark.parametrize("step", STEPS)
def test_a_step_that_is_no_longer_possible_is_refused_in_words(step, story, acme):
    wrong = {"undo": refused, "reopen": waiting, "revoke": refused}.get(step, qualified)
    wrong(story, acme)

    with nothing_changes():
        answer = client_of(story.sam).post(at(step, acme.pk), TYPED[step])

    assert answer.status_code == 409
    assert "no longer possible" in answer.content.decode()


def test_only_the_decider_and_seniors_undo(story, acme):
    story.decide(acme, by=story.sam)

    with nothing_changes():
        answer = client_of(story.cara).post(at("undo", acme.pk))

    assert "sam decided this" in answer.content.decode()


def test_an_undo_that_comes_too_late_is_told(story, acme, time_machine):
    story.decide(acme)
    time_machine.shift(timedelta(minutes=10))

    with nothing_changes():
        answer = client_of(story.cara).post(at("undo", acme.pk))

    assert "can still be undone" in answer.content.decode()


def test_what_was_decided_can_be_undone_from_the_next_page(story, acme):
    globex = story.sign_up("globex")
    story.decide(acme)

    shown = client_of(story.cara).get(at("review", globex.pk))

    assert shown.context["undoable"] == [acme]
    assert "Takes effect at 10:10 UTC" in shown.content.decode()


def test_a_qualification_on_which_a_bonus_rests_is_revoked_by_two_people(story):
    account = story.earn("acme").account
    proposing = client_of(story.sam)

    proposing.post(at("revoke", account.pk), {"reason": "A customer before."})

    account.refresh_from_db()
    proposal = Proposal.objects.get()
    assert (account.status, proposal.action) == ("QUALIFIED", "revoke")

    confirm = reverse("admin:referrals_proposal_confirm", args=[proposal.pk])
    with nothing_changes():
        alone = proposing.post(confirm)
    assert "You proposed this: another person confirms it." in alone.content.decode()

    client_of(story.fay).post(confirm)

    account.refresh_from_db()
    proposal.refresh_from_db()
    assert (account.status, proposal.confirmed_by) == ("IN_REVIEW", story.fay)


# --- proposals ------------------------------------------------------------------------------------------


@pytest.fixture
def proposal(story, acme) -> Proposal:
    client_of(story.cara).post(at("waive", acme.pk), TYPED["waive"])
    return Proposal.objects.get()


def of_proposal(name: str, proposal_id: int) -> str:
    return reverse(f"admin:referrals_proposal_{name}", args=[proposal_id])


@pytest.mark.parametrize("step", ["confirm", "withdraw"])
def test_a_proposal_is_shown_and_not_touched(step, story, proposal):
    with nothing_changes():
        shown = client_of(story.sam).get(of_proposal(step, proposal.pk))

    assert shown.status_code == 200


def test_a_senior_confirms_a_waiver(story, acme, proposal):
    client_of(story.sam).post(of_proposal("confirm", proposal.pk))

    proposal.refresh_from_db()
    waived = CriterionResult.objects.get(result="WAIVED")
    assert (proposal.confirmed_by, waived.criterion.code) == (story.sam, "company_email")
    assert (waived.found_by, waived.approved_by) == (story.cara, story.sam)


def test_who_proposed_withdraws(story, proposal):
    client_of(story.cara).post(of_proposal("withdraw", proposal.pk))

    proposal.refresh_from_db()
    assert (proposal.withdrawn_at, proposal.confirmed_at) == (story.now, None)


@pytest.mark.parametrize("step", ["confirm", "withdraw"])
def test_whose_permissions_do_not_reach_that_far_changes_nothing(step, story, proposal):
    with nothing_changes():
        answer = client_of(story.fay).post(of_proposal(step, proposal.pk))

    assert answer.status_code == 409


@pytest.mark.parametrize("step", ["confirm", "withdraw"])
def test_who_may_only_look_confirms_nothing(step, story, proposal):
    with nothing_changes():
        answer = client_of(story.finn).post(of_proposal(step, proposal.pk))

    assert answer.status_code == 403


def test_a_proposal_ends_once(story, proposal):
    client_of(story.cara).post(of_proposal("withdraw", proposal.pk))

    with nothing_changes():
        answer = client_of(story.sam).post(of_proposal("confirm", proposal.pk))

    assert "no longer possible" in answer.content.decode()


def test_the_page_of_a_proposal_says_what_who_and_why(story, acme, proposal):
    page = client_of(story.sam).get(of_proposal("change", proposal.pk)).content.decode()

    assert "Waive a check of Acme GmbH" in page
    assert "Known to us." in page


# --- who sees what --------------------------------------------------------------------------------------

SECRETS = ["+4930123456", "office@acme.example", "Anna Muster"]


def pages_with_contact(user: User, account: ReferredAccount) -> dict[str, list[bool]]:
    """Which secrets each page of an account shows."""
    client = client_of(user)
    addresses = {name: at(name, account.pk) for name in ("change", "review")}
    addresses["sign-up"] = reverse("admin:referrals_signup_change", args=[account.sign_up_id])
    shown = {name: client.get(address).content.decode() for name, address in addresses.items()}
    return {name: [secret in page for secret in SECRETS] for name, page in shown.items()}


ALL, NOTHING = [True] * 3, [False] * 3


def test_while_it_is_in_review_only_its_caller_sees_how_to_reach_a_company(story):
    account = story.sign_up("acme", contact="Anna Muster")
    take(client_of(story.cara), account)

    assert pages_with_contact(story.cara, account) == {"change": NOTHING, "review": ALL, "sign-up": NOTHING}
    for other in (story.sam, story.fay, story.finn):
        assert pages_with_contact(other, account) == dict.fromkeys(("change", "review", "sign-up"), NOTHING)


@pytest.mark.parametrize(("who", "sees"), [("cara", ALL), ("sam", ALL), ("fay", NOTHING), ("finn", NOTHING)])
def test_phone_email_and_contact_are_for_the_desk_only(who, sees, story):
    account = story.sign_up("acme", contact="Anna Muster")
    qualified(story, account)

    shown = pages_with_contact(getattr(story, who), account)

    assert shown == {"change": sees, "review": NOTHING, "sign-up": sees}


def test_support_sees_how_to_reach_a_company_at_any_time(story):
    account = story.sign_up("acme", contact="Anna Muster")
    story.finn.groups.set([Group.objects.get(name="Support")])

    assert pages_with_contact(story.finn, account) == {"change": ALL, "review": NOTHING, "sign-up": ALL}


@pytest.mark.parametrize(("who", "found"), [("cara", 1), ("fay", 0)])
def test_who_may_not_see_an_address_does_not_find_by_it(who, found, story, acme):
    answer = client_of(getattr(story, who)).get(at("changelist"), {"q": "office@acme.example"})

    assert len(answer.context["cl"].result_list) == found


def test_a_caller_never_sees_money(story):
    account = story.earn("acme").account
    client = client_of(story.cara)

    pages = [client.get(at(name, account.pk)).content.decode() for name in ("change", "review")]
    pages.append(client.get(reverse("admin:index")).content.decode())

    assert [word for word in ("100.00", "bonus", "payouts/") for page in pages if word in page] == []


def test_the_home_page_counts_what_each_may_act_on(story, acme):
    of_cara = client_of(story.cara).get(reverse("admin:index")).context["needs"]
    of_fay = client_of(story.fay).get(reverse("admin:index")).context["needs"]

    assert [(label, count) for label, count, _ in of_cara] == [
        ("company to call now", 1),
        ("call-backs today", 0),
        ("companies of mine", 0),
        ("companies over SLA", 0),
        ("flagged companies", 0),
    ]
    assert [label for label, _, _ in of_fay] == [
        "proposals to confirm",
        "batches to put up",
        "batches awaiting approval",
    ]
