"""Two people at one batch in the same moment: of two names both count, and each of them once."""

import time
from functools import partial

import pytest
from django.db import connection, models

from payouts import batch_lines, batches, signing
from payouts.models import BatchApproval, BatchNote, Bonus, PayoutBatch
from tests.story import Story, at_once

pytestmark = pytest.mark.django_db(transaction=True)

DUE = "2026-03-16T00:05Z"


def drafted(**tiers):
    story = Story(changes={"payout_schedule.release": "AFTER_APPROVAL"})
    signing.set_rules(story.program, limit_minor=None, tiers={3: 1})
    for name in ("one", "two"):
        story.earn(name)
    story.pass_to(DUE)
    return story


def approving(story):
    """Finn and Sam, each with the batch before them."""
    return [
        partial(batches.approve, PayoutBatch.objects.get(), by=by, at=story.now)
        for by in (story.finn, story.sam)
    ]


def stands():
    batch = PayoutBatch.objects.get()
    return batch.status, BatchApproval.objects.count(), set(Bonus.objects.values_list("status", flat=True))


@pytest.mark.parametrize("attempt", range(5))
def test_of_two_who_approve_at_once_the_second_is_the_last_one_needed(attempt):
    story = drafted()
    batches.put_up(PayoutBatch.objects.get(), by=story.fay, at=story.now)

    assert at_once(*approving(story)) == [None, None]

    assert stands() == ("APPROVED", 2, {"APPROVED"})


@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has one writer at a time anyway")
def test_without_the_lock_both_sign_and_neither_is_the_last_one(monkeypatch):
    """Negative control: each counts only its own name, and the batch waits for ever."""
    story = drafted()
    batches.put_up(PayoutBatch.objects.get(), by=story.fay, at=story.now)
    sign = batches._sign

    def sign_and_linger(batch, *, by, at):
        count = sign(batch, by=by, at=at)
        time.sleep(0.3)
        return count

    monkeypatch.setattr(models.QuerySet, "select_for_update", lambda rows, **_: rows)
    monkeypatch.setattr(batches, "_sign", sign_and_linger)

    assert at_once(*approving(story)) == [None, None]

    assert stands() == ("AWAITING_APPROVAL", 2, {"ACTIVATED"})


def test_a_line_is_either_put_up_or_left_out_never_both():
    story = drafted()
    batch = PayoutBatch.objects.get()
    chosen = Bonus.objects.earliest("pk")
    leave = partial(
        batch_lines.exclude,
        PayoutBatch.objects.get(),
        [chosen.pk],
        reason="Later.",
        by=story.sam,
        at=story.now,
    )
    put_up = partial(batches.put_up, PayoutBatch.objects.get(), by=story.fay, at=story.now)

    left, _ = at_once(leave, put_up)

    batch.refresh_from_db()
    put_up_lines = set(batch.lines.values_list("bonus", flat=True))
    is_left = left is None
    assert batch.status == "AWAITING_APPROVAL"
    assert (chosen.pk in put_up_lines) != is_left
    assert BatchNote.objects.exists() == is_left
