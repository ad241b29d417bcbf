"""What is due together is put up by one person, approved by another, and then fixed."""

from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction

from payouts import batches, cancellations, holds, release
from payouts.models import BatchChange, Bonus, BonusChange, PayoutBatch
from payouts.rules.lifecycle import BATCH_SOURCES, BONUS_SOURCES, BatchStatus, BonusStatus
from referrals.models import Program
from tests.story import Story, nothing_changes, refused

pytestmark = pytest.mark.django_db

AFTER_APPROVAL = {"payout_schedule.release": "AFTER_APPROVAL", "terms.clawback": "BY_STAFF"}
DUE = "2026-03-16T00:05Z"


def story_with_a_draft(*names, people_needed=2, **changes):
    """Bonuses of these accounts, due and drafted."""
    story = Story(changes={**AFTER_APPROVAL, **changes})
    Program.objects.update(people_needed=people_needed)
    for name in names or ("acme",):
        story.earn(name)
    story.pass_to(DUE)
    return story


def draft():
    return PayoutBatch.objects.in_draft().get()


def put_up(story, batch=None):
    batch = batch or draft()
    batches.put_up(batch, by=story.fay, at=story.now)
    return batch


def approved(story):
    batch = put_up(story)
    batches.approve(batch, by=story.finn, at=story.now)
    return batch


def steps(batch):
    return [(change.new_status, change.changed_by) for change in batch.changes.all()]


def statuses():
    return list(Bonus.objects.order_by("pk").values_list("status", flat=True))


def test_a_run_drafts_what_is_due_and_pays_nothing():
    story = story_with_a_draft("acme", "beta")

    batch = draft()
    assert (batch.kind, batch.currency, batch.people_needed) == ("ACCOUNT_BALANCE", "USD", 2)
    assert (batch.run_on.isoformat(), batch.sequence, batch.automatic) == ("2026-03-16", 1, False)
    assert list(Bonus.objects.values_list("batch", "status")) == [(batch.pk, "ACTIVATED")] * 2
    assert steps(batch) == [("DRAFT", None)]
    with nothing_changes():
        story.pass_to(story.now)


def test_a_later_run_adds_to_the_open_draft():
    story = story_with_a_draft("acme")
    late = story.earn("late")
    story.pass_to("2026-04-16T00:05Z")

    late.refresh_from_db()
    assert late.batch == draft()
    assert draft().bonuses.count() == 2


def test_what_two_people_approved_is_paid_by_the_next_run():
    story = story_with_a_draft("acme", "beta")
    batch = approved(story)

    assert statuses() == ["APPROVED", "APPROVED"]
    story.pass_to("2026-03-17T00:05Z")

    batch.refresh_from_db()
    assert (statuses(), batch.status) == (["PAID", "PAID"], "RELEASED")
    assert (batch.prepared_by, batch.approved_by) == (story.fay, story.finn)
    assert steps(batch) == [
        ("DRAFT", None),
        ("AWAITING_APPROVAL", story.fay),
        ("APPROVED", story.finn),
        ("RELEASED", None),
    ]
    change = BonusChange.objects.filter(new_status="APPROVED").first()
    assert (change.changed_by, change.approved_by, change.changed_at) == (
        story.fay,
        story.finn,
        story.now - timedelta(days=1),
    )


def test_what_is_approved_while_new_bonuses_come_goes_into_two_batches():
    story = story_with_a_draft("acme")
    batch = put_up(story)
    late = story.earn("late")
    story.pass_to("2026-04-16T00:05Z")

    late.refresh_from_db()
    assert late.batch == draft()
    assert late.batch != batch


BATCH_AT = {
    BatchStatus.DRAFT: lambda story: draft(),
    BatchStatus.AWAITING_APPROVAL: put_up,
    BatchStatus.APPROVED: approved,
    BatchStatus.RELEASED: lambda story: released(story),
    BatchStatus.VOIDED: lambda story: voided(story),
}
BATCH_STEP = {
    BatchStatus.DRAFT: lambda story, batch: batches.refuse(batch, by=story.finn, at=story.now),
    BatchStatus.AWAITING_APPROVAL: lambda story, batch: batches.put_up(batch, by=story.sam, at=story.now),
    BatchStatus.APPROVED: lambda story, batch: batches.approve(batch, by=story.finn, at=story.now),
    BatchStatus.VOIDED: lambda story, batch: batches.void(batch, by=story.sam, at=story.now),
}


def released(story):
    batch = approved(story)
    release.release_due(as_of=story.now, program=story.program)
    batch.refresh_from_db()
    return batch


def voided(story):
    batch = approved(story)
    batches.void(batch, by=story.sam, at=story.now)
    return batch


@pytest.mark.parametrize("target", BATCH_STEP)
@pytest.mark.parametrize("source", BatchStatus)
def test_every_pair_of_statuses_of_a_batch(source, target):
    story = story_with_a_draft()
    batch = BATCH_AT[source](story)
    assert batch.status == source

    if source in BATCH_SOURCES[target]:
        BATCH_STEP[target](story, batch)
        batch.refresh_from_db()
        assert batch.status == target
        assert list(batch.changes.values_list("old_status", "new_status"))[-1] == (source, target)
    else:
        with refused("step_not_allowed"):
            BATCH_STEP[target](story, batch)


@pytest.mark.parametrize("source", BatchStatus)
def test_only_a_run_that_paid_an_approved_batch_releases_it(source):
    story = story_with_a_draft()
    batch = BATCH_AT[source](story)

    release.release_due(as_of=story.now, program=story.program)
    batch.refresh_from_db()
    assert batch.status == (BatchStatus.RELEASED if source == BatchStatus.APPROVED else source)


BONUS_AT = {
    BonusStatus.ACTIVATED: lambda story: None,
    BonusStatus.APPROVED: approved,
    BonusStatus.PAID: released,
    BonusStatus.REVERSED: lambda story: reversed_(story),
    BonusStatus.CANCELLED: lambda story: cancelled(story),
}


def reversed_(story):
    released(story)
    story.reverse(Bonus.objects.get())


def cancelled(story):
    return cancellations.cancel_each(Bonus.objects.unpaid(), reason="for_a_test", at=story.now)


BONUS_STEP = {
    BonusStatus.ACTIVATED: lambda story, batch: batches.void(batch, by=story.sam, at=story.now),
    BonusStatus.APPROVED: lambda story, batch: story.approve_all(),
    BonusStatus.PAID: lambda story, batch: release.release_due(as_of=story.now, program=story.program).done,
    BonusStatus.REVERSED: lambda story, batch: story.reverse(Bonus.objects.get()),
    BonusStatus.CANCELLED: lambda story, batch: cancelled(story),
}
# How people are refused; a run of the jobs just finds nothing to pay or to cancel.
BONUS_REFUSAL = {
    BonusStatus.ACTIVATED: "step_not_allowed",
    BonusStatus.APPROVED: "nothing_to_approve",
    BonusStatus.REVERSED: "not_paid",
}


@pytest.mark.parametrize("target", BonusStatus)
@pytest.mark.parametrize("source", BonusStatus)
def test_every_pair_of_statuses_of_a_bonus(source, target):
    story = story_with_a_draft()
    batch = draft()
    BONUS_AT[source](story)
    batch.refresh_from_db()
    bonus = Bonus.objects.get()
    assert bonus.status == source

    if source in BONUS_SOURCES[target]:
        BONUS_STEP[target](story, batch)
        bonus.refresh_from_db()
        assert bonus.status == target
        assert list(bonus.changes.values_list("old_status", "new_status"))[-1] == (source, target)
    elif target in BONUS_REFUSAL:
        with refused(BONUS_REFUSAL[target]):
            BONUS_STEP[target](story, batch)
    else:
        with nothing_changes():
            assert BONUS_STEP[target](story, batch) == 0


def test_the_same_batch_in_another_tab_cannot_be_moved_again():
    story = story_with_a_draft()
    same_batch_in_another_tab = draft()
    batch = put_up(story)
    with refused("step_not_allowed"):
        batches.put_up(same_batch_in_another_tab, by=story.sam, at=story.now)

    also_in_another_tab = PayoutBatch.objects.get(pk=batch.pk)
    batches.approve(batch, by=story.finn, at=story.now)
    for step in (batches.approve, batches.refuse):
        with refused("step_not_allowed"):
            step(also_in_another_tab, by=story.sam, at=story.now)


def test_one_person_cannot_both_put_up_and_approve():
    story = story_with_a_draft()
    batch = put_up(story)

    with refused("same_person"):
        batches.approve(batch, by=story.fay, at=story.now)
    with refused("same_person"):
        batches.approve_all(story.program, put_up_by=story.fay, approved_by=story.fay, at=story.now)


def test_where_one_person_is_enough_one_person_is():
    story = story_with_a_draft(people_needed=1)
    batch = put_up(story)
    batches.approve(batch, by=story.fay, at=story.now)
    story.pass_to("2026-03-17T00:05Z")

    bonus = Bonus.objects.get()
    assert (bonus.status, bonus.prepared_by, bonus.approved_by) == ("PAID", story.fay, story.fay)


@pytest.mark.parametrize(("put_up_by", "approved_by"), [("cara", "finn"), ("fay", "cara")])
def test_where_three_are_needed_who_qualified_an_account_can_neither_put_up_nor_approve(
    put_up_by, approved_by
):
    story = story_with_a_draft(people_needed=3)
    batch = draft()
    batches.put_up(batch, by=getattr(story, put_up_by), at=story.now)

    with refused("qualified_by_the_same"):
        batches.approve(batch, by=getattr(story, approved_by), at=story.now)


def test_where_three_are_needed_three_can():
    story = story_with_a_draft(people_needed=3)
    approved(story)

    assert statuses() == ["APPROVED"]


def test_approving_all_at_once_changes_nothing_if_one_batch_is_refused():
    story = story_with_a_draft(people_needed=3)

    with refused("qualified_by_the_same"):
        batches.approve_all(story.program, put_up_by=story.cara, approved_by=story.finn, at=story.now)


SAME_PERSON = {
    2: [{"prepared_by": "fay", "approved_by": "fay"}],
    3: [
        {"prepared_by": "fay", "approved_by": "fay"},
        {"qualified_by": "fay", "approved_by": "fay"},
        {"qualified_by": "fay", "prepared_by": "fay"},
    ],
}


@pytest.mark.parametrize(
    ("people_needed", "roles"), [(n, roles) for n, several in SAME_PERSON.items() for roles in several]
)
def test_the_database_itself_refuses_one_person_in_two_roles_of_a_bonus(people_needed, roles):
    story = story_with_a_draft(people_needed=people_needed)
    assert Bonus.objects.get().people_needed == people_needed

    with pytest.raises(IntegrityError), transaction.atomic():
        Bonus.objects.update(**{role: getattr(story, name) for role, name in roles.items()})


@pytest.mark.parametrize("people_needed", [2, 3])
def test_the_database_itself_refuses_one_person_in_two_roles_of_a_batch(people_needed):
    story = story_with_a_draft(people_needed=people_needed)

    with pytest.raises(IntegrityError), transaction.atomic():
        PayoutBatch.objects.update(prepared_by=story.fay, approved_by=story.fay)


def test_the_database_itself_refuses_an_approved_batch_that_nobody_put_up():
    story = story_with_a_draft()

    with pytest.raises(IntegrityError), transaction.atomic():
        PayoutBatch.objects.update(approved_by=story.finn)
    with pytest.raises(IntegrityError), transaction.atomic():
        PayoutBatch.objects.update(status="APPROVED")


def test_where_one_is_enough_the_database_lets_one_person_do_it_all():
    story = story_with_a_draft(people_needed=1)

    with transaction.atomic():
        Bonus.objects.update(prepared_by=story.cara, approved_by=story.cara, qualified_by=story.cara)
        transaction.set_rollback(True)


def test_how_many_people_it_takes_is_frozen_with_the_bonus_and_its_batch():
    story = story_with_a_draft(people_needed=3)
    Program.objects.update(people_needed=1)
    batch = draft()
    batches.put_up(batch, by=story.cara, at=story.now)

    with refused("qualified_by_the_same"):
        batches.approve(batch, by=story.finn, at=story.now)


def hold(story, name):
    bonus = Bonus.objects.get(account__host_account=name)
    holds.place(bonus, reason="a question", by=story.fay, at=story.now)
    return bonus


def test_what_is_held_leaves_the_draft_that_is_put_up_and_waits_for_a_later_one():
    story = story_with_a_draft("acme", "beta")
    held = hold(story, "acme")
    batch = approved(story)
    story.pass_to("2026-03-17T00:05Z")

    held.refresh_from_db()
    assert statuses() == ["ACTIVATED", "PAID"]
    assert held.batch != batch

    holds.lift(held, by=story.fay, at=story.now)
    story.pass_to("2026-03-18T00:05Z")
    story.approve_all()
    story.pass_to("2026-03-19T00:05Z")
    assert statuses() == ["PAID", "PAID"]


def test_a_draft_of_which_nothing_can_be_approved_is_not_put_up():
    story = story_with_a_draft()
    batch = draft()
    hold(story, "acme")

    with refused("nothing_to_approve"):
        batches.put_up(batch, by=story.fay, at=story.now)
    with refused("nothing_to_approve"):
        story.approve_all()


def test_without_a_draft_nothing_can_be_approved():
    story = Story(changes=AFTER_APPROVAL)
    story.earn()

    with refused("nothing_to_approve"):
        story.approve_all()


def cancel(story, name):
    bonuses = Bonus.objects.unpaid().filter(account__host_account=name)
    cancellations.cancel_each(bonuses, reason="for_a_test", at=story.now)


def suspend(story, name):
    """The account is in review again: its bonus waits."""
    story.revoke(Bonus.objects.get(account__host_account=name).account)
    story.evaluate()


@pytest.mark.parametrize("change", [hold, cancel, suspend])
def test_what_changed_after_it_was_put_up_is_not_approved_but_a_draft_again(change):
    story = story_with_a_draft("acme", "beta")
    batch = put_up(story)
    change(story, "acme")

    with pytest.raises(batches.ContentChanged) as refusal:
        batches.approve(batch, by=story.finn, at=story.now)

    batch.refresh_from_db()
    assert refusal.value.code == "content_changed"
    assert (batch.status, batch.content_sha256, batch.prepared_by) == ("DRAFT", "", None)
    assert Bonus.objects.filter(status="APPROVED").count() == 0
    assert steps(batch)[-1] == ("DRAFT", story.finn)

    put_up(story, batch)
    batches.approve(batch, by=story.finn, at=story.now)
    assert list(batch.bonuses.filter(status="APPROVED").values_list("account__host_account", flat=True)) == [
        "beta"
    ]


def test_what_fails_its_condition_is_approved_by_nobody():
    """It is in no sum that anybody signed: the next run cancels it."""
    story = story_with_a_draft("acme", "beta")
    Bonus.objects.filter(account__host_account="acme").update(milestones_hold=False)

    batch = approved(story)

    rows = Bonus.objects.order_by("pk").values_list("status", "batch", "approved_by")
    assert list(rows) == [("ACTIVATED", None, None), ("APPROVED", batch.pk, story.finn.pk)]
    story.pass_to(story.now)
    assert statuses() == ["CANCELLED", "PAID"]


def test_another_amount_than_was_put_up_is_not_approved():
    story = story_with_a_draft()
    batch = put_up(story)
    PayoutBatch.objects.filter(pk=batch.pk).update(content_sha256="0" * 64)

    with pytest.raises(batches.ContentChanged):
        batches.approve(batch, by=story.finn, at=story.now)


def test_a_refused_batch_is_a_draft_again_and_can_be_put_up_by_another():
    story = story_with_a_draft()
    batch = put_up(story)
    batches.refuse(batch, by=story.finn, at=story.now)

    assert (batch.status, batch.prepared_by, batch.content_sha256) == ("DRAFT", None, "")
    batches.put_up(batch, by=story.finn, at=story.now)
    batches.approve(batch, by=story.fay, at=story.now)
    assert statuses() == ["APPROVED"]


def test_a_voided_batch_frees_its_bonuses_for_another_one():
    story = story_with_a_draft("acme", "beta")
    batch = voided(story)

    rows = Bonus.objects.values_list("status", "batch", "prepared_by", "approved_by")
    assert list(rows) == [("ACTIVATED", None, None, None)] * 2
    freed = BonusChange.objects.filter(old_status="APPROVED")
    assert [(c.new_status, c.changed_by, c.reason) for c in freed] == [
        ("ACTIVATED", story.sam, "batch_voided")
    ] * 2

    story.pass_to("2026-03-17T00:05Z")
    another = draft()
    assert (another.pk != batch.pk, another.bonuses.count()) == (True, 2)


def test_voiding_leaves_alone_what_is_paid():
    story = story_with_a_draft("acme", "beta")
    batch = approved(story)
    hold(story, "acme")
    story.pass_to("2026-03-17T00:05Z")
    batch.refresh_from_db()
    assert (statuses(), batch.status) == (["APPROVED", "PAID"], "APPROVED")

    batches.void(batch, by=story.sam, at=story.now)

    assert statuses() == ["ACTIVATED", "PAID"]


def test_an_approved_batch_whose_last_bonus_is_cancelled_is_released():
    story = story_with_a_draft("acme", "beta")
    batch = approved(story)
    held = hold(story, "acme")
    story.pass_to("2026-03-17T00:05Z")
    story.tell("acme", "subscription.refunded")
    holds.lift(held, by=story.fay, at=story.now)
    story.pass_to("2026-03-18T00:05Z")

    batch.refresh_from_db()
    assert (statuses(), batch.status) == (["CANCELLED", "PAID"], "RELEASED")


def test_drafts_of_two_kinds_are_approved_one_by_one():
    cash = {
        "code": "cash_too",
        "beneficiary": "REFERRER",
        "requires": ["qualified"],
        "kind": "CASH",
        "amount": "30.00",
    }
    story = Story(changes={**AFTER_APPROVAL, "rewards.cash_too": cash})
    account = story.sign_up()
    story.decide(account)
    story.tell(account, "subscription.started")
    story.wait(minutes=11)
    story.pass_to(DUE)

    assert list(PayoutBatch.objects.in_draft().order_by("kind").values_list("kind", "sequence")) == [
        ("ACCOUNT_BALANCE", 1),
        ("CASH", 1),
    ]
    story.approve_all()
    assert statuses() == ["APPROVED", "APPROVED"]
    assert BatchChange.objects.filter(new_status="APPROVED").count() == 2


def test_what_the_schedule_pays_by_itself_was_approved_by_nobody():
    story = Story()
    story.earn()
    story.pass_to(DUE)

    batch = PayoutBatch.objects.get()
    bonus = Bonus.objects.get()
    assert (batch.automatic, batch.status, batch.prepared_by, batch.approved_by) == (
        True,
        "RELEASED",
        None,
        None,
    )
    assert (bonus.batch, bonus.prepared_by, bonus.approved_by) == (batch, None, None)
    assert list(bonus.changes.values_list("new_status", flat=True)) == ["ACTIVATED", "APPROVED", "PAID"]
    with refused("step_not_allowed"):
        batches.approve(batch, by=story.finn, at=story.now)
