"""Taking back: a qualification on which a bonus rests, and a bonus that was paid. Two people each."""

import pytest
from django.contrib.auth.models import Group
from django.core.management import call_command
from django.db import IntegrityError, transaction
from django.urls import reverse

from payouts import ledger, reversals, withdrawals
from payouts import proposals as steps_of_two
from payouts.models import Bonus, BonusChange, LedgerAccount, PaymentOrder, Transfer
from payouts.payments import notices
from payouts.rules.lifecycle import AccountKind, Outcome
from referrals.models import Note, Proposal, StatusChange
from tests.admin_pages import just_logged_in, page
from tests.payments import is_paid_to, pays_by, sent, told_to_host
from tests.story import Story, refused

pytestmark = pytest.mark.django_db

DUE = "2026-03-16T00:05Z"
CLAWBACK = {"terms.clawback": "BY_STAFF"}


def balance_minor(story, kind=AccountKind.BALANCE):
    return ledger.balance_minor(LedgerAccount.objects.get(enrollment=story.enrollment(), kind=kind))


def paid(changes=CLAWBACK):
    story = Story(changes=changes)
    story.earn()
    story.pass_to(DUE)
    return story, Bonus.objects.get()


def test_a_paid_bonus_is_taken_back_by_two_people_and_by_a_new_row():
    story, bonus = paid()
    story.reverse(bonus)

    bonus.refresh_from_db()
    released, back = Transfer.objects.order_by("pk")[1:]
    assert bonus.status == "REVERSED"
    assert (back.kind, back.debit.kind, back.credit.kind) == ("REVERSED", "BALANCE", "EXPENSE")
    assert (back.reverses, back.amount_minor, back.posted_at) == (released, 10_000, story.now)
    change = bonus.changes.last()
    assert (change.old_status, change.new_status, change.changed_by, change.approved_by) == (
        "PAID",
        "REVERSED",
        story.fay,
        story.finn,
    )
    note = Note.objects.get(about="reversed")
    assert (note.account, note.text, note.written_by) == (bonus.account, "a refund", story.fay)
    assert balance_minor(story) == 0


def test_where_the_host_keeps_the_balance_it_takes_the_credit_out_first():
    story, bonus = paid()
    order = told_to_host(story.client, story.enrollment(), by=story.finn, at=story.now)

    with refused("host_has_credit") as refusal:
        story.reverse(bonus)
    assert "Let the host take the credit out, and tell that it is returned" in str(refusal.value)
    with refused("host_has_credit"):
        reversals.propose_reversal(bonus, by=story.fay, at=story.now, note="a refund")

    notices.tell(story.client, key=order.key, outcome=Outcome.RETURNED, detail="refunded", at=story.now)
    story.reverse(bonus)

    assert (balance_minor(story), PaymentOrder.objects.get().status) == (0, "RETURNED")


@pytest.mark.plants_breaches
@pytest.mark.parametrize("status", ["WAITING", "CALLING", "ACCEPTED", "UNKNOWN", "CONFIRMED", "REFUSED"])
def test_while_the_host_has_or_may_yet_get_the_credit_it_stands(status):
    story, bonus = paid()
    told_to_host(story.client, story.enrollment(), by=story.finn, at=story.now)
    PaymentOrder.objects.update(status=status)

    with refused("host_has_credit"):
        story.reverse(bonus)


def test_a_balance_below_zero_is_made_up_by_later_bonuses():
    story, bonus = paid()
    withdrawals.spend(story.enrollment(), amount_minor=10_000, service="a subscription", at=story.now)
    story.reverse(bonus)
    assert balance_minor(story) == -10_000

    story.earn("beta")
    story.earn("gamma")
    story.pass_to("2026-04-16T00:05Z")
    assert balance_minor(story) == 10_000


def test_cash_that_was_sent_is_owed():
    story, bonus = paid(
        {**CLAWBACK, "rewards.new_customer.kind": "CASH", "rewards.new_customer.withdrawable": False}
    )
    story.method = pays_by(story)
    is_paid_to(story)
    sent(story)
    story.reverse(bonus)

    assert Transfer.objects.get(kind="REVERSED").debit.kind == "CASH_OWED"
    assert balance_minor(story, AccountKind.CASH_OWED) == -10_000


def test_where_the_terms_forbid_it_nothing_is_taken_back():
    story, bonus = paid(changes=None)

    with refused("clawback_not_allowed"):
        reversals.reverse(bonus, by=story.fay, approved_by=story.fay, at=story.now, note="")


def test_one_person_alone_takes_nothing_back():
    story, bonus = paid()

    with refused("same_person"):
        reversals.reverse(bonus, by=story.fay, approved_by=story.fay, at=story.now, note="")


def test_one_person_is_refused_before_the_bonus_is_looked_at():
    story = Story(changes=CLAWBACK)
    bonus = story.earn()

    with refused("same_person"):
        reversals.reverse(bonus, by=story.fay, approved_by=story.fay, at=story.now, note="")


def test_only_what_is_paid_can_be_taken_back_and_only_once():
    story = Story(changes=CLAWBACK)
    same_bonus_in_another_tab = story.earn()
    with refused("not_paid"):
        story.reverse(same_bonus_in_another_tab)

    story.pass_to(DUE)
    story.reverse(Bonus.objects.get())
    with refused("not_paid"):
        story.reverse(same_bonus_in_another_tab)


def asking(story, bonus):
    return reversals.propose_reversal(bonus, by=story.fay, at=story.now, note="A refund.")


def test_somebody_asks_to_take_a_bonus_back_and_only_another_person_does_it():
    story, bonus = paid()
    proposal = asking(story, bonus)
    assert reversals.open_proposal(bonus) == proposal

    with refused("already_proposed"):
        asking(story, bonus)
    with refused("same_person"):
        steps_of_two.confirm(proposal, by=story.fay, at=story.now)
    bonus.refresh_from_db()
    assert bonus.status == "PAID"

    steps_of_two.confirm(proposal, by=story.finn, at=story.now)
    bonus.refresh_from_db()
    assert (bonus.status, reversals.open_proposal(bonus)) == ("REVERSED", None)
    with refused("not_paid"):
        asking(story, bonus)


def test_where_it_cannot_be_taken_back_nobody_is_asked():
    story, bonus = paid(changes=None)
    with refused("clawback_not_allowed"):
        asking(story, bonus)

    early = Story(changes=CLAWBACK, host="other")
    not_due = early.earn()
    with refused("not_paid"):
        asking(early, not_due)


@pytest.mark.parametrize(("changes", "offered"), [(CLAWBACK, True), (None, False)])
def test_its_page_offers_it_where_the_terms_allow_it(changes, offered):
    story, bonus = paid(changes)
    call_command("make_groups", verbosity=0)
    story.fay.groups.set([Group.objects.get(name="Finance preparers")])
    address = reverse("admin:payouts_bonus_take-back", args=[bonus.pk])
    fay = just_logged_in(story.fay)

    assert ("Take back USD 100.00" in fay.get(page(bonus)).content.decode()) is offered
    answer = fay.post(address, {"reason": "A refund."})
    assert (answer.status_code, Proposal.objects.exists()) == ((302, True) if offered else (409, False))
    if offered:
        assert "to take it back waits for another person" in fay.get(page(bonus)).content.decode()
        assert fay.post(address, {"reason": "A refund."}).status_code == 409
        assert Proposal.objects.get().arguments == {"note": "A refund."}


def test_the_database_itself_wants_two_people_for_a_reversal():
    story, bonus = paid()
    step = {"bonus": bonus, "old_status": "PAID", "new_status": "REVERSED", "changed_at": story.now}

    for people in ({}, {"changed_by": story.fay}, {"changed_by": story.fay, "approved_by": story.fay}):
        with pytest.raises(IntegrityError), transaction.atomic():
            BonusChange.objects.create(**step, **people)


def revoke(story, account, **more):
    reversals.revoke(account, by=story.cara, at=story.now, reason="a mistake", **more)


def test_a_qualification_without_a_bonus_is_revoked_by_one_person():
    story = Story()
    acme = story.sign_up()
    story.decide(acme)
    story.wait(minutes=11)
    revoke(story, acme)

    acme.refresh_from_db()
    step = StatusChange.objects.latest("pk")
    assert (acme.status, step.cause, step.changed_by, step.approved_by) == (
        "IN_REVIEW",
        "REVOKED",
        story.cara,
        None,
    )


def test_without_a_bonus_the_same_person_twice_is_one_person():
    story = Story()
    acme = story.sign_up()
    story.decide(acme)
    story.wait(minutes=11)
    revoke(story, acme, approved_by=story.cara)

    assert StatusChange.objects.latest("pk").approved_by is None


def resting(status):
    """A story with a bonus in that status, and its account."""
    story = Story(changes={**CLAWBACK, "payout_schedule.release": "AFTER_APPROVAL"})
    bonus = story.earn()
    if status != "ACTIVATED":
        story.pass_to(DUE)
        story.approve_all()
    if status in ("PAID", "REVERSED"):
        story.pass_to("2026-03-17T00:05Z")
    if status == "REVERSED":
        story.reverse(Bonus.objects.get())
    return story, bonus


@pytest.mark.parametrize("status", ["ACTIVATED", "APPROVED", "PAID"])
def test_a_qualification_on_which_a_bonus_rests_is_revoked_by_two_people(status):
    story, bonus = resting(status)
    with refused("second_person_needed"):
        revoke(story, bonus.account)
    with refused("same_person"):
        revoke(story, bonus.account, approved_by=story.cara)

    revoke(story, bonus.account, approved_by=story.sam)

    bonus.refresh_from_db()
    step = StatusChange.objects.latest("pk")
    assert (bonus.status, bonus.account.status) == (status, "IN_REVIEW")
    assert (step.cause, step.changed_by, step.approved_by) == ("REVOKED", story.cara, story.sam)


def test_a_reversed_bonus_rests_on_nothing():
    story, bonus = resting("REVERSED")
    revoke(story, bonus.account)

    bonus.account.refresh_from_db()
    assert bonus.account.status == "IN_REVIEW"


def test_what_is_not_qualified_cannot_be_revoked():
    story = Story()
    acme = story.sign_up()

    with refused("not_qualified"):
        revoke(story, acme)
    with refused("not_qualified"):
        revoke(story, acme, approved_by=story.cara)


def test_a_paid_bonus_of_a_revoked_account_is_an_exception_that_people_see():
    story, bonus = paid()
    assert not Bonus.objects.paid_exceptions().exists()
    story.revoke(bonus.account)
    story.wait(minutes=1)

    assert list(Bonus.objects.paid_exceptions()) == [bonus]
