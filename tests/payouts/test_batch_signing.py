"""Who signs for a batch: its condition is looked at again, larger sums take a third name, lines are held."""

from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction

from payouts import batch_content, batch_lines, batches, holds, release, signing
from payouts.models import (
    ApprovalTier,
    BatchApproval,
    BatchLine,
    BatchNote,
    Bonus,
    Hold,
    Payout,
    PayoutBatch,
    Transfer,
)
from referrals.models import Program
from referrals.rules.refusal import WrongField
from tests.story import Story, nothing_changes, refused

pytestmark = pytest.mark.django_db

AFTER_APPROVAL = {"payout_schedule.release": "AFTER_APPROVAL"}
DUE = "2026-03-16T00:05Z"
NEXT_DAY = "2026-03-17T00:05Z"


def story_with_a_draft(*names, people_needed=2, tiers=None, **changes):
    """Bonuses of 100.00 of these accounts, due and drafted."""
    story = Story(changes={**AFTER_APPROVAL, **changes})
    Program.objects.update(people_needed=people_needed)
    story.program.refresh_from_db()
    if tiers:
        signing.set_rules(story.program, limit_minor=None, tiers=tiers)
    for name in names or ("acme", "beta"):
        story.earn(name)
    story.pass_to(DUE)
    return story


def draft():
    return PayoutBatch.objects.in_draft().earliest("pk")


def put_up(story, by="fay"):
    batch = draft()
    batches.put_up(batch, by=getattr(story, by), at=story.now)
    return batch


def approve(story, batch, by):
    batches.approve(batch, by=getattr(story, by), at=story.now)
    batch.refresh_from_db()
    return batch.status


def statuses():
    return dict(Bonus.objects.order_by("pk").values_list("account__host_account", "status"))


def number(name):
    return Bonus.objects.get(account__host_account=name).pk


def minor(rows):
    return sum(rows.values_list("amount_minor", flat=True))


# --- what is put up -----------------------------------------------------------------------------------------


def test_what_is_put_up_is_written_down():
    story = story_with_a_draft()
    batch = put_up(story)

    rows = BatchLine.objects.order_by("bonus").values_list("batch", "turn", "bonus", "amount_minor")
    assert list(rows) == [(batch.pk, 1, pk, 10_000) for pk in sorted([number("acme"), number("beta")])]

    batches.refuse(batch, by=story.finn, at=story.now)
    put_up(story)
    assert list(BatchLine.objects.values_list("turn", flat=True).order_by("turn")) == [1, 1, 2, 2]


def test_lines_are_what_release_then_books_to_the_cent():
    story = story_with_a_draft("acme", "beta", "core")
    holds.place(Bonus.objects.earliest("pk"), reason="a question", by=story.fay, at=story.now)
    batch = put_up(story)
    approve(story, batch, "finn")

    release.release_due(as_of=story.now, program=story.program)

    sums = [
        minor(BatchLine.objects.filter(batch=batch)),
        minor(Bonus.objects.filter(batch=batch, status="PAID")),
        minor(Transfer.objects.filter(kind="RELEASED", bonus__batch=batch)),
        minor(Payout.objects.filter(batch=batch)),
    ]
    assert sums == [20_000] * 4


ACTIVE = {"payout_schedule.condition": "REFERRED_ACCOUNT_ACTIVE"}


def test_what_no_longer_holds_when_it_is_approved_makes_it_a_draft_again():
    story = story_with_a_draft(**ACTIVE)
    batch = put_up(story)
    story.tell("acme", "account.cancelled")
    story.evaluate()

    with pytest.raises(batches.ContentChanged, match=r"\(\+0 -1\)"):
        batches.approve(batch, by=story.finn, at=story.now)

    batch.refresh_from_db()
    assert (batch.status, batch.approvals_needed, statuses()["acme"]) == ("DRAFT", 1, "ACTIVATED")
    assert not BatchApproval.objects.exists()
    story.pass_to(NEXT_DAY)
    assert statuses() == {"acme": "CANCELLED", "beta": "ACTIVATED"}

    put_up(story)
    assert approve(story, batch, "finn") == "APPROVED"
    assert statuses() == {"acme": "CANCELLED", "beta": "APPROVED"}


def test_what_holds_again_since_is_a_change_too():
    story = story_with_a_draft(**ACTIVE)
    story.tell("acme", "account.cancelled")
    story.evaluate()
    batch = put_up(story)
    assert minor(BatchLine.objects.all()) == 10_000
    story.now += timedelta(minutes=5)
    story.tell("acme", "account.activated")
    story.evaluate()

    with pytest.raises(batches.ContentChanged, match=r"\(\+1 -0\)"):
        batches.approve(batch, by=story.finn, at=story.now)


def test_what_does_not_hold_when_it_is_put_up_is_in_no_sum_and_is_cancelled_by_the_next_run():
    """cases/README.md: what is not held or waiting is approved; the run cancels what fails."""
    story = story_with_a_draft(**ACTIVE)
    story.tell("acme", "account.cancelled")
    story.evaluate()
    batch = put_up(story)
    approve(story, batch, "finn")

    story.pass_to(NEXT_DAY)

    assert statuses() == {"acme": "CANCELLED", "beta": "PAID"}
    assert minor(Payout.objects.all()) == minor(BatchLine.objects.all()) == 10_000


def told(batch):
    schedules = batch_content.schedules(batch)
    paying = batch_content.will_be_paid(batch, schedules, as_of=batch_now(batch))
    changed = batch_content.difference(batch, paying, most=20)
    return changed and (
        [bonus.account.host_account for bonus in changed.came],
        [bonus.account.host_account for bonus in changed.went],
        str(changed),
    )


def batch_now(batch):
    return batch.changes.latest("pk").changed_at


def test_the_difference_names_what_came_and_what_went():
    story = story_with_a_draft()
    assert told(draft()) is None
    batch = put_up(story)
    assert told(batch) == ([], [], "+0 -0")

    holds.place(Bonus.objects.get(pk=number("acme")), reason="a question", by=story.fay, at=story.now)
    assert told(batch) == ([], ["acme"], "+0 -1")

    batches.refuse(batch, by=story.finn, at=story.now)
    Bonus.objects.filter(pk=number("acme")).update(on_hold=False)
    story.now += timedelta(days=31)
    story.earn("core")
    story.pass_to("2026-05-16T00:05Z")
    batch.refresh_from_db()
    assert told(batch) == (["core"], [], "+1 -0")


# --- names --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("tiers", "needed"),
    [
        ({}, 1),
        ({3: 20_001}, 1),
        ({3: 20_000}, 2),
        ({3: 1, 4: 20_001}, 2),
        ({3: 1, 4: 20_000}, 3),
    ],
)
def test_the_sum_says_how_many_people_approve(tiers, needed):
    story = story_with_a_draft(tiers=tiers)

    assert put_up(story).approvals_needed == needed


def test_a_larger_sum_takes_a_third_name():
    story = story_with_a_draft(tiers={3: 20_000})
    batch = put_up(story)

    assert approve(story, batch, "finn") == "AWAITING_APPROVAL"
    assert set(statuses().values()) == {"ACTIVATED"}
    with refused("approved_already"):
        batches.approve(batch, by=story.finn, at=story.now)
    with refused("same_person"):
        batches.approve(batch, by=story.fay, at=story.now)
    assert approve(story, batch, "sam") == "APPROVED"

    assert list(batch.approvals.values_list("person", "prepared_by", "people_needed")) == [
        (story.finn.pk, story.fay.pk, 3),
        (story.sam.pk, story.fay.pk, 3),
    ]
    assert (batch.approved_by, set(statuses().values())) == (story.sam, {"APPROVED"})


def test_in_one_person_mode_too_a_larger_sum_takes_three_names():
    story = story_with_a_draft(people_needed=1, tiers={3: 1})
    batch = put_up(story)

    with refused("same_person"):
        batches.approve(batch, by=story.fay, at=story.now)
    approve(story, batch, "finn")
    assert approve(story, batch, "sam") == "APPROVED"


def test_where_the_qualifier_differs_none_of_several_approvers_qualified():
    story = story_with_a_draft(people_needed=3, tiers={3: 1})
    batch = put_up(story)
    approve(story, batch, "finn")

    with refused("qualified_by_the_same"):
        batches.approve(batch, by=story.cara, at=story.now)
    assert approve(story, batch, "sam") == "APPROVED"


def test_approvals_of_an_earlier_turn_count_no_more():
    story = story_with_a_draft(tiers={3: 1})
    batch = put_up(story)
    approve(story, batch, "finn")
    batches.refuse(batch, by=story.sam, at=story.now, reason="Ask Rosa first.")

    put_up(story)
    assert approve(story, batch, "finn") == "AWAITING_APPROVAL"
    assert approve(story, batch, "sam") == "APPROVED"
    assert list(batch.approvals.values_list("turn", flat=True)) == [1, 2, 2]


def test_what_is_put_up_keeps_what_it_was_put_up_with():
    story = story_with_a_draft(tiers={3: 1})
    batch = put_up(story)
    signing.set_rules(story.program, limit_minor=None, tiers={})

    assert approve(story, batch, "finn") == "AWAITING_APPROVAL"


def test_the_database_itself_refuses_a_batch_without_its_third_name():
    story = story_with_a_draft(tiers={3: 1})
    batch = put_up(story)
    approve(story, batch, "finn")

    with pytest.raises(IntegrityError, match="fewer people than it needs"), transaction.atomic():
        PayoutBatch.objects.filter(pk=batch.pk).update(status="APPROVED", approved_by=story.sam)


@pytest.mark.parametrize("person", ["fay", "finn"])
def test_the_database_itself_refuses_the_preparer_and_the_same_name_twice(person):
    story = story_with_a_draft(tiers={3: 1})
    batch = put_up(story)
    approve(story, batch, "finn")

    with pytest.raises(IntegrityError), transaction.atomic():
        BatchApproval.objects.create(
            batch=batch,
            turn=1,
            person=getattr(story, person),
            at=story.now,
            prepared_by=story.fay,
            people_needed=3,
        )


def test_four_names_are_for_more_than_three():
    story = Story()

    with nothing_changes(), pytest.raises(WrongField):
        signing.set_rules(story.program, limit_minor=None, tiers={3: 500, 4: 500})
    with pytest.raises(IntegrityError), transaction.atomic():
        ApprovalTier.objects.create(program=story.program, people=2, from_minor=1)


# --- lines --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("step", [None, "put_up", "approved"])
def test_lines_of_a_batch_are_held_whatever_was_done_with_it(step):
    story = story_with_a_draft()
    batch = put_up(story) if step else draft()
    if step == "approved":
        approve(story, batch, "finn")

    batch_lines.hold(batch, [number("acme")], reason="a question", by=story.fay, at=story.now)

    hold = Hold.objects.get()
    assert (hold.bonus_id, hold.reason, hold.placed_by) == (number("acme"), "a question", story.fay)
    if step == "put_up":
        with pytest.raises(batches.ContentChanged):
            batches.approve(batch, by=story.finn, at=story.now)
    story.pass_to(NEXT_DAY)
    assert statuses()["acme"] == ("APPROVED" if step == "approved" else "ACTIVATED")
    assert statuses()["beta"] == ("PAID" if step == "approved" else "ACTIVATED")


def test_an_excluded_line_goes_into_the_next_draft_with_its_reason():
    story = story_with_a_draft()
    batch = draft()

    batch_lines.exclude(
        batch, [number("acme")], reason="The contract is checked.", by=story.fay, at=story.now
    )

    moved = Bonus.objects.get(pk=number("acme"))
    assert (moved.batch != batch, moved.batch.status, moved.status) == (True, "DRAFT", "ACTIVATED")
    assert list(BatchNote.objects.values_list("batch", "bonus", "about", "text", "written_by")) == [
        (batch.pk, moved.pk, "EXCLUDED", "The contract is checked.", story.fay.pk)
    ]
    put_up(story)
    approve(story, batch, "finn")
    story.pass_to(NEXT_DAY)
    assert statuses() == {"acme": "ACTIVATED", "beta": "PAID"}
    story.approve_all()
    story.pass_to("2026-03-18T00:05Z")
    assert statuses() == {"acme": "PAID", "beta": "PAID"}


@pytest.mark.parametrize("is_approved", [False, True])
def test_nothing_is_taken_out_of_what_was_put_up(is_approved):
    story = story_with_a_draft()
    batch = put_up(story)
    if is_approved:
        approve(story, batch, "finn")

    with refused("no_draft"):
        batch_lines.exclude(batch, [number("acme")], reason="Later.", by=story.fay, at=story.now)


def test_a_line_of_another_batch_or_a_paid_one_is_not_chosen():
    story = story_with_a_draft()
    batch = draft()
    batch_lines.exclude(batch, [number("acme")], reason="Later.", by=story.fay, at=story.now)
    for step in (batch_lines.hold, batch_lines.exclude):
        with refused("not_in_batch"):
            step(batch, [number("acme"), number("beta")], reason="Later.", by=story.fay, at=story.now)

    put_up(story)
    approve(story, batch, "finn")
    story.pass_to(NEXT_DAY)
    with refused("not_in_batch"):
        batch_lines.hold(batch, [number("beta")], reason="Later.", by=story.fay, at=story.now)


def test_why_a_batch_was_refused_or_voided_is_kept():
    story = story_with_a_draft()
    batch = put_up(story)
    batches.refuse(batch, by=story.finn, at=story.now, reason="Ask Rosa first.")
    put_up(story)
    approve(story, batch, "finn")
    batches.void(batch, by=story.finn, at=story.now, reason="Ben left.")

    assert list(batch.notes.values_list("about", "text", "written_by", "bonus")) == [
        ("REFUSED", "Ask Rosa first.", story.finn.pk, None),
        ("VOIDED", "Ben left.", story.finn.pk, None),
    ]


# --- drafting on demand -------------------------------------------------------------------------------------


def due_story(**changes):
    story = Story(changes={**AFTER_APPROVAL, **changes})
    story.earn("acme")
    story.now = story.now.replace(month=3, day=16, hour=12)
    story.evaluate()
    return story


def test_what_is_due_is_drafted_on_demand_once():
    story = due_story()

    assert batches.draft(story.program, as_of=story.now, at=story.now) == 1

    assert (draft().bonuses.count(), draft().run_on) == (1, story.now.date())
    with refused("nothing_due"):
        batches.draft(story.program, as_of=story.now, at=story.now)


def test_a_day_before_the_window_opened_drafts_nothing():
    story = due_story()

    with refused("nothing_due"):
        batches.draft(story.program, as_of=story.now - timedelta(days=1), at=story.now)


def test_nothing_is_drafted_for_a_time_to_come():
    story = due_story()

    with refused("not_yet"):
        batches.draft(story.program, as_of=story.now + timedelta(seconds=1), at=story.now)


def test_a_program_that_pays_by_itself_drafts_nothing():
    story = due_story(**{"payout_schedule.release": "AUTOMATIC"})

    with refused("nothing_due"):
        batches.draft(story.program, as_of=story.now, at=story.now)
