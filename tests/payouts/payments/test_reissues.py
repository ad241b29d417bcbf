"""What failed or came back is tried again by a payout of its own; nothing is tried twice by accident."""

import pytest
from django.db import IntegrityError, transaction

from payouts import signing, withdrawals
from payouts.models import Bonus, Payout, Transfer
from payouts.payments import files, reissues, reports
from payouts.rules.lifecycle import PayoutStatus, Result
from referrals.models import Program
from tests.payments import is_paid_to, make, pays_by, sent, statuses, trail, with_cash
from tests.story import Story, at_once, refused

pytestmark = pytest.mark.django_db


def failed(story, result=Result.FAILED):
    sent(story)
    for payout in Payout.objects.all():
        reports.tell(payout, result=result, detail="AC04", by=story.fay, at=story.now)


def reissue(story):
    return reissues.reissue(Payout.objects.all(), by=story.fay, approved_by=story.finn, at=story.now)


def alone(story, payouts=None):
    mine = Payout.objects.all() if payouts is None else payouts
    return reissues.reissue(mine, by=story.fay, at=story.now)


@pytest.mark.parametrize("result", [Result.FAILED, Result.RETURNED])
def test_a_new_attempt_follows_with_the_same_amount_and_takes_the_bonuses_along(result):
    story = with_cash("acme")
    failed(story, result)
    (old,) = Payout.objects.all()

    assert reissue(story) == 1

    old, new = Payout.objects.order_by("pk")
    assert (old.status, old.attempt) == ("REISSUED", 1)
    assert (new.status, new.attempt, new.amount_minor, new.batch, new.enrollment) == (
        "PREPARED",
        2,
        old.amount_minor,
        old.batch,
        old.enrollment,
    )
    assert Bonus.objects.get().payout == new
    assert (trail(old)[-1], trail(new)) == ("REISSUED", ["PREPARED"])


@pytest.mark.parametrize("result", [Result.FAILED, Result.RETURNED])
def test_one_person_lets_nothing_be_paid_once_more(result):
    story = with_cash("acme")
    failed(story, result)

    with refused("second_person_needed"):
        alone(story)
    with refused("same_person"):
        reissues.reissue(Payout.objects.all(), by=story.fay, approved_by=story.fay, at=story.now)

    reissue(story)
    change = Payout.objects.get(attempt=1).changes.last()
    assert (change.changed_by, change.approved_by) == (story.fay, story.finn)


@pytest.mark.plants_breaches
@pytest.mark.parametrize("status", [each for each in PayoutStatus if each not in reissues.CAN_BE_REISSUED])
def test_of_no_other_status_anything_is_tried_again(status):
    story = with_cash("acme")
    Payout.objects.update(status=status)

    with refused("nothing_to_reissue"):
        reissue(story)


def test_where_one_person_is_enough_two_are_needed_from_a_tier_on():
    story = with_cash()
    failed(story)
    Program.objects.filter(pk=story.program.pk).update(people_needed=1)
    # Each is 100.00, so that it takes both to reach the tier.
    signing.set_rules(story.program, limit_minor=None, tiers={3: 20_000})

    with refused("second_person_needed"):
        alone(story)

    first = Payout.objects.order_by("pk")[:1]
    assert alone(story, Payout.objects.filter(pk__in=list(first))) == 1
    signing.set_rules(story.program, limit_minor=None, tiers={3: 10_000})
    with refused("second_person_needed"):
        alone(story)


def test_a_sum_is_of_payouts_and_not_of_the_files_they_were_in():
    story = with_cash("acme")
    (voided,) = make(story)
    files.void(voided, by=story.finn, at=story.now)
    failed(story)

    of_its_lines = Payout.objects.filter(lines__isnull=False)

    assert of_its_lines.count() == 2
    assert reissues.summary(of_its_lines) == "1 payment of USD 100.00 in all"


def test_it_goes_out_in_another_file_and_is_booked_once():
    story = with_cash("acme")
    failed(story, Result.RETURNED)
    reissue(story)

    (file,) = make(story)
    files.mark_uploaded(file, by=story.finn, at=story.now)
    new = Payout.objects.get(attempt=2)
    reports.tell(new, result=Result.CONFIRMED, detail="", by=story.fay, at=story.now)

    assert file.lines.get().reference == f"P{new.pk}"
    assert statuses() == ["REISSUED", "CONFIRMED"]
    assert Transfer.objects.filter(kind="CONFIRMED").count() == 1


def test_a_third_attempt_follows_the_second():
    story = with_cash("acme")
    for _ in range(2):
        sent(story)
        latest = Payout.objects.latest("attempt")
        reports.tell(latest, result=Result.FAILED, detail="", by=story.fay, at=story.now)
        reissue(story)

    assert list(Payout.objects.order_by("attempt").values_list("attempt", "status")) == [
        (1, "REISSUED"),
        (2, "REISSUED"),
        (3, "PREPARED"),
    ]
    assert Bonus.objects.get().payout.attempt == 3


def test_a_withdrawal_is_tried_again_too():
    story = Story()
    story.earn()
    story.method = pays_by(story)
    is_paid_to(story)
    story.pass_to("2026-03-16T00:05Z")
    withdrawal = withdrawals.withdraw(story.enrollment(), amount_minor=4_000, at=story.now)
    sent(story)
    payout = Payout.objects.get(withdrawal=withdrawal)
    reports.tell(payout, result=Result.RETURNED, detail="", by=story.fay, at=story.now)

    reissue(story)

    assert list(withdrawal.payouts.order_by("attempt").values_list("attempt", "status", "amount_minor")) == [
        (1, "REISSUED", 4_000),
        (2, "PREPARED", 4_000),
    ]


def test_what_is_under_way_is_not_tried_again():
    story = with_cash()
    sent(story)

    with refused("nothing_to_reissue"):
        reissue(story)


def test_of_many_only_those_that_failed():
    story = with_cash()
    sent(story)
    first = Payout.objects.order_by("pk")[0]
    reports.tell(first, result=Result.FAILED, detail="", by=story.fay, at=story.now)

    assert reissue(story) == 1
    assert statuses() == ["REISSUED", "SENT", "PREPARED"]


@pytest.mark.django_db(transaction=True)
def test_of_two_who_reissue_at_once_one_does():
    story = with_cash("acme")
    failed(story)

    done = at_once(lambda: reissue(story), lambda: reissue(story))

    assert 1 in done
    assert Payout.objects.count() == 2


def test_without_the_swap_the_attempt_is_unique_all_the_same():
    story = with_cash("acme")
    failed(story)
    numbers = list(Payout.objects.values_list("pk", flat=True))
    reissue(story)

    with pytest.raises(IntegrityError), transaction.atomic():
        reissues._follow(numbers, by=story.fay, at=story.now)
