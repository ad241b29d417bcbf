"""Steps that take two people: one proposes, another confirms, and only then it happens."""

from collections.abc import Callable
from datetime import date, timedelta

import pytest
from django.db import IntegrityError, transaction

from payouts import closing, withdrawals
from payouts import proposals as steps
from payouts.models import Bonus, PaymentFile, Payout
from payouts.payments import files, reissues, reports
from payouts.rules.lifecycle import Result
from payouts.rules.payees import Rail
from referrals import intake, proposals, qualification
from referrals.models import Proposal, ReferredAccount
from tests import payments
from tests.story import Story, at_once, nothing_changes, refused

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("paypal")]


@pytest.fixture
def story():
    return Story("smartcat")


def proposed(story: Story, action: str, target: object, **arguments: object) -> Proposal:
    return proposals.propose(
        action,
        target=str(target.pk),
        arguments={name: str(value) for name, value in arguments.items()},
        by=story.cara,
        at=story.now,
    )


def confirm(story: Story, proposal: Proposal, **more) -> None:
    steps.confirm(proposal, **{"by": story.sam, "at": story.now, **more})


def an_event(story: Story) -> Proposal:
    story.sign_up("acme")
    return proposed(story, "void_event", story.tell("acme", "subscription.started"))


def a_revocation(story: Story) -> Proposal:
    return proposed(story, "revoke", story.earn().account, reason="A double.")


def a_waiver(story: Story) -> Proposal:
    return proposed(story, "waive", story.sign_up(), criterion="not_lsp", note="They told us.")


def an_attribution(story: Story) -> Proposal:
    told = intake.SignUpTold(host_account="acme", occurred_at=story.now)
    intake.sign_up(story.program, told=told, told_at=story.now)
    return proposed(
        story,
        "attribute",
        story.program,
        host_account="acme",
        referrer=story.rosa.pk,
        note="She wrote to us.",
    )


def a_reversal(story: Story) -> Proposal:
    bonus = story.earn()
    story.pass_to("2026-03-16T00:05Z")
    return proposed(story, "reverse", bonus, note="Refunded.")


def a_file(story: Story) -> PaymentFile:
    story.earn()
    story.pass_to(payments.DUE)
    story.method = payments.pays_by(story)
    payments.is_paid_to(story)
    withdrawals.withdraw(story.enrollment(), amount_minor=4_000, at=story.now)
    (file,) = payments.make(story)
    return file


def in_doubt(action: str) -> Callable[[Story], Proposal]:
    def propose(story: Story) -> Proposal:
        file = a_file(story)
        files.put_in_doubt(file, by=story.fay, at=story.now)
        target = file if action.startswith("file") else file.lines.get().payout
        return proposed(story, action, target, reason="We asked.")

    return propose


def a_voiding(story: Story) -> Proposal:
    file = a_file(story)
    files.download(file, by=story.fay, at=story.now)
    return proposed(story, "void_file", file, reason="The wrong day.")


def an_arrival(story: Story) -> Proposal:
    file = a_file(story)
    files.void(file, by=story.finn, at=story.now)
    line = file.lines.get()
    return proposed(story, "payment_arrived", line.payout, line=line.pk, reason="On the bank's statement.")


IN_DOUBT = {
    "payout_was_sent": "SENT",
    "payout_was_not_sent": "FAILED",
    "file_was_taken": "SENT",
    "file_was_not_taken": "FAILED",
}


def a_reissue(action: str) -> Callable[[Story], Proposal]:
    def propose(story: Story) -> Proposal:
        file = a_file(story)
        files.mark_uploaded(file, by=story.finn, at=story.now)
        payout = file.lines.get().payout
        reports.tell(payout, result=Result.FAILED, detail="AC04", by=story.fay, at=story.now)
        seen = reissues.summary(Payout.objects.filter(pk=payout.pk))
        target = file if action == "reissue_file" else payout
        return proposed(story, action, target, reason="Another account.", payments=seen)

    return propose


def a_coming_back(story: Story) -> Proposal:
    story.earn()
    story.pass_to(payments.DUE)
    story.method = payments.pays_by(story, Rail.PAYPAL_API)
    payments.is_paid_to(story, rail=Rail.PAYPAL_API)
    withdrawals.withdraw(story.enrollment(), amount_minor=4_000, at=story.now)
    order = payments.arrived_over_network(story)
    return proposed(story, "payout_came_back", order.payout, reason="It stands in their account.")


def a_closing(story: Story) -> Proposal:
    story.earn()
    story.pass_to("2026-03-16T00:05Z")
    return proposed(story, "close_month", story.program, month="2026-02")


def a_reopening(story: Story) -> Proposal:
    story.earn()
    story.pass_to("2026-03-16T00:05Z")
    two = {"by": story.fay, "confirmed_by": story.finn, "at": story.now}
    closed = closing.close(story.program, month=date(2026, 2, 1), **two)
    return proposed(story, "reopen_month", closed, reason="A late invoice.")


EVERY_ACTION = {
    "revoke": a_revocation,
    "waive": a_waiver,
    "attribute": an_attribution,
    "reverse": a_reversal,
    "void_event": an_event,
    **{action: in_doubt(action) for action in IN_DOUBT},
    "void_file": a_voiding,
    "payment_arrived": an_arrival,
    "payout_came_back": a_coming_back,
    "reissue_payout": a_reissue("reissue_payout"),
    "reissue_file": a_reissue("reissue_file"),
    "close_month": a_closing,
    "reopen_month": a_reopening,
}


def ready(action: str) -> tuple[Story, Proposal]:
    """A story in which that step has been proposed by Cara."""
    story = Story("smartcat", {"terms.clawback": "BY_STAFF"})
    proposal = EVERY_ACTION[action](story)
    story.now += timedelta(hours=1)
    return story, proposal


def test_these_are_the_steps_that_can_be_proposed():
    assert list(steps.STEPS) == list(EVERY_ACTION)


@pytest.mark.parametrize("action", EVERY_ACTION)
def test_a_proposal_alone_does_nothing(action):
    _, proposal = ready(action)

    assert (proposal.confirmed_by, proposal.confirmed_at, proposal.withdrawn_at) == (None, None, None)
    assert not ReferredAccount.objects.exclude(attributed_by=None).exists()
    assert not Bonus.objects.filter(status="REVERSED").exists()


@pytest.mark.parametrize("action", EVERY_ACTION)
def test_who_proposed_a_step_does_not_confirm_it(action):
    story, proposal = ready(action)

    with refused("same_person"):
        confirm(story, proposal, by=story.cara)


@pytest.mark.parametrize("action", EVERY_ACTION)
def test_a_step_is_confirmed_once(action):
    story, proposal = ready(action)
    confirm(story, proposal)

    assert (proposal.confirmed_by, proposal.confirmed_at) == (story.sam, story.now)
    with refused("not_open"):
        confirm(story, proposal, by=story.fay)
    with refused("not_open"):
        proposals.withdraw(proposal, at=story.now)


@pytest.mark.parametrize("action", EVERY_ACTION)
def test_a_proposal_that_was_taken_back_is_not_confirmed(action):
    story, proposal = ready(action)
    proposals.withdraw(proposal, at=story.now)

    assert (proposal.withdrawn_at, proposal.confirmed_at) == (story.now, None)
    with refused("not_open"):
        confirm(story, proposal)
    with refused("not_open"):
        proposals.withdraw(proposal, at=story.now)


BECOMES = {
    **IN_DOUBT,
    "void_file": "PREPARED",
    "payment_arrived": "CONFIRMED",
    "payout_came_back": "RETURNED",
    "reissue_payout": "REISSUED",
    "reissue_file": "REISSUED",
}


@pytest.mark.parametrize("action", BECOMES)
def test_what_two_people_say_of_a_payment_is_so(action):
    story, proposal = ready(action)
    confirm(story, proposal)

    payout = Payout.objects.get(withdrawal__isnull=False, attempt=1)
    assert payout.status == BECOMES[action]
    step = payout.changes.last()
    assert (step.changed_by, step.approved_by) == (story.cara, story.sam)


def test_what_is_tried_again_is_what_was_proposed_and_no_more():
    story, proposal = ready("reissue_file")
    first = Payout.objects.get(withdrawal__isnull=False)
    other = {**proposal.arguments, "payments": "2 payments of USD 80.00 in all"}
    Proposal.objects.filter(pk=proposal.pk).update(arguments=other)
    proposal.refresh_from_db()

    with refused("not_what_was_seen") as refusal:
        confirm(story, proposal)

    assert "by now it is about 1 payment of USD 40.00 in all" in str(refusal.value)
    assert Payout.objects.get(pk=first.pk).status == "FAILED"


def test_a_confirmed_revocation_is_one_of_both():
    story, proposal = ready("revoke")

    confirm(story, proposal)

    account = ReferredAccount.objects.get()
    change = account.status_changes.last()
    assert (account.status, change.cause) == ("IN_REVIEW", "REVOKED")
    assert (change.changed_by, change.approved_by, change.changed_at) == (story.cara, story.sam, story.now)
    assert [note.text for note in account.notes.all()] == ["A double."]


def test_a_confirmed_waiver_is_one_of_both():
    story, proposal = ready("waive")

    confirm(story, proposal)

    row = ReferredAccount.objects.get().criterion_results.get(result="WAIVED")
    assert (row.criterion.code, row.found_by, row.approved_by) == ("not_lsp", story.cara, story.sam)


def test_a_confirmed_attribution_is_one_of_both():
    story, proposal = ready("attribute")

    confirm(story, proposal)

    account = ReferredAccount.objects.get()
    assert (account.enrollment, account.attribution_method) == (story.enrollment(), "MANUAL")
    assert (account.attributed_by, account.attribution_approved_by) == (story.cara, story.sam)


def test_a_confirmed_reversal_is_one_of_both():
    story, proposal = ready("reverse")

    confirm(story, proposal)

    bonus = Bonus.objects.get()
    change = bonus.changes.last()
    assert (bonus.status, change.new_status) == ("REVERSED", "REVERSED")
    assert (change.changed_by, change.approved_by) == (story.cara, story.sam)


def test_a_confirmed_void_is_one_of_both():
    story, proposal = ready("void_event")

    confirm(story, proposal)

    void = story.client.events.get().void
    assert (void.voided_by, void.approved_by, void.voided_at) == (story.cara, story.sam, story.now)


def test_a_step_that_is_refused_confirms_nothing():
    story, proposal = ready("revoke")
    account = ReferredAccount.objects.get()
    qualification.revoke(account, by=story.fay, at=story.now, reason="Another reason.")

    with refused("not_qualified"):
        confirm(story, proposal)
    proposal.refresh_from_db()
    assert proposal.confirmed_at is None


@pytest.mark.parametrize(
    ("action", "happened", "code"),
    [
        ("waive", {"criterion": "nonsense"}, "unknown_criterion"),
        ("attribute", {"host_account": "nobody"}, "not_signed_up"),
    ],
)
def test_a_step_is_judged_when_it_is_confirmed(action, happened, code):
    story, proposal = ready(action)
    Proposal.objects.filter(pk=proposal.pk).update(arguments={**proposal.arguments, **happened})
    proposal.refresh_from_db()

    with refused(code):
        confirm(story, proposal)


def test_a_reversal_that_the_terms_do_not_allow_is_refused_at_its_confirmation(story):
    bonus = story.earn()
    story.pass_to("2026-03-16T00:05Z")

    proposal = proposed(story, "reverse", bonus, note="Refunded.")

    with refused("clawback_not_allowed"):
        confirm(story, proposal)


def test_the_same_event_proposed_twice_is_voided_once():
    story, proposal = ready("void_event")
    again = proposed(story, "void_event", story.client.events.get())
    confirm(story, proposal)

    with refused("already_voided"):
        confirm(story, again, by=story.fay)


@pytest.mark.parametrize(
    "changed", [{"confirmed_by": "cara"}, {"confirmed_at": "now", "withdrawn_at": "now"}], ids=str
)
def test_the_database_knows_too_that_it_takes_two_people_and_ends_once(story, changed):
    proposal = proposed(story, "waive", story.sign_up(), criterion="not_lsp", note="")
    values = {"cara": story.cara, "now": story.now}

    with nothing_changes(), pytest.raises(IntegrityError), transaction.atomic():
        Proposal.objects.filter(pk=proposal.pk).update(**{name: values[v] for name, v in changed.items()})


@pytest.mark.django_db(transaction=True)
def test_of_two_who_confirm_at_once_one_takes_the_step():
    story, proposal = ready("waive")
    tabs = [Proposal.objects.get(pk=proposal.pk) for _ in range(2)]

    met = at_once(
        lambda: confirm(story, tabs[0], by=story.sam), lambda: confirm(story, tabs[1], by=story.fay)
    )

    assert sorted(type(each).__name__ for each in met) == ["NoneType", "NotOpen"]
    assert ReferredAccount.objects.get().criterion_results.filter(result="WAIVED").count() == 1


@pytest.mark.django_db(transaction=True)
def test_without_the_swap_both_take_the_step(monkeypatch):
    """Negative control: the race above is real."""
    story, proposal = ready("waive")
    tabs = [Proposal.objects.get(pk=proposal.pk) for _ in range(2)]
    monkeypatch.setattr(proposals, "_open", lambda tab: Proposal.objects.filter(pk=tab.pk))

    at_once(lambda: confirm(story, tabs[0], by=story.sam), lambda: confirm(story, tabs[1], by=story.fay))

    assert ReferredAccount.objects.get().criterion_results.filter(result="WAIVED").count() == 2
