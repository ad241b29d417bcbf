"""Payments: each breach between payouts, their files, what banks said and the books is named."""

from datetime import timedelta

import pytest

from payouts import withdrawals
from payouts.models import (
    Arrival,
    Destination,
    PaymentLine,
    PaymentReport,
    PaymentReportLine,
    Payout,
    PayoutChange,
    SetOff,
    Transfer,
    Withdrawal,
)
from payouts.payments import arrivals, doubts, files, reissues, reports
from payouts.rules.lifecycle import Result
from tests.payments import is_paid_to, make, pays_by, sent, with_cash
from tests.payouts.verification.plant import alter, found, guards_down
from tests.story import Story

pytestmark = pytest.mark.django_db

SUMS = "payouts with another amount than their bonuses together, less what was set off"

NOT_IN_ONE = "payouts told to a bank that are not in exactly one file that is not void, or one order"
IN_ONE = "payouts in a file that is not void although they wait for one, or need none"
TOTALS = "payment files with another count or total than their lines"
DIFFER = "lines of payment files that differ from their payout, file or destination"
VOID = "lines that are void although their file is not, or the other way round"
OTHERWISE = "payouts that stand otherwise than their file"
BOOKED = "payouts whose booking by the bank does not suit their status"
TRANSFERS = "transfers with another amount, currency or program than their payout"
CHAIN = "payouts whose attempts form no chain"
CLEARING = "clearing accounts that hold another amount than the payouts under way"
LATE = "payments that arrived late and are not in the books with what was too much, or of another payout"
TWO = "payouts of which nothing was known, and of which fewer than two people or no bank said what it was"


def move(payout, status):
    """Move a payout without its file, its booking or anything but its trail."""
    payout.refresh_from_db()
    PayoutChange.objects.create(
        payout=payout, old_status=payout.status, new_status=status, changed_at=payout.created_at
    )
    Payout.objects.filter(pk=payout.pk).update(status=status)


def first():
    return Payout.objects.order_by("pk")[0]


def test_everything_that_may_happen_to_payments_is_right():
    story = with_cash("acme", "beta")
    sent(story)
    for payout, result in zip(Payout.objects.order_by("pk"), Result, strict=False):
        reports.tell(payout, result=result, detail="", by=story.fay, at=story.now)
    reissues.reissue(Payout.objects.all(), by=story.fay, approved_by=story.finn, at=story.now)
    (again,) = make(story)
    files.put_in_doubt(again, by=story.fay, at=story.now)
    doubts.settle_file(again, was_taken=False, by=story.fay, approved_by=story.finn, at=story.now)
    reissues.reissue(Payout.objects.all(), by=story.fay, approved_by=story.finn, at=story.now)
    reports.tell(first(), result=Result.RETURNED, detail="", by=story.fay, at=story.now)

    assert found() == []


def test_a_payout_that_was_sent_without_a_file():
    with_cash("acme")
    move(first(), "SENDING")

    assert found() == [("I9", NOT_IN_ONE, [first().pk])]


def test_a_payout_in_two_files():
    story = with_cash("acme")
    (file,) = make(story)
    line = file.lines.get()
    with guards_down(PaymentLine, "payment_line_payout_in_one_live_file"):
        line.pk, line.reference = None, "P0"
        line.save(force_insert=True)

    assert found() == [("I9", NOT_IN_ONE, [first().pk]), ("I9", TOTALS, [file.pk])]


def test_a_payout_that_waits_although_it_is_in_a_file():
    story = with_cash("acme")
    sent(story)
    for status in ("FAILED", "PREPARED"):
        move(first(), status)

    assert found() == [("I9", IN_ONE, [first().pk])]


@pytest.mark.parametrize("changes", [{"count": 3}, {"total_minor": 1}])
def test_a_file_with_other_totals(changes):
    story = with_cash("acme")
    (file,) = make(story)
    alter(file, **changes)

    assert found() == [("I9", TOTALS, [file.pk])]


def test_a_line_with_another_amount():
    story = with_cash("acme")
    (file,) = make(story)
    line = file.lines.get()
    alter(line, amount_minor=1)
    alter(file, total_minor=1)

    assert found() == [("I9", DIFFER, [line.pk])]


def test_a_line_to_somebody_else():
    story = with_cash("acme")
    (file,) = make(story)
    line = file.lines.get()
    alter(line, destination=Destination.objects.get(enrollment=story.enrollment(story.ben)))

    assert found() == [("I9", DIFFER, [line.pk])]


def test_a_line_to_a_destination_that_was_still_cooling():
    story = with_cash("acme")
    (file,) = make(story)
    line = file.lines.get()
    alter(line.destination, usable_from=story.now + timedelta(seconds=1))

    assert found() == [("I9", DIFFER, [line.pk])]


def test_a_line_that_is_void_in_a_file_that_is_not():
    story = with_cash("acme")
    (file,) = make(story)
    file.lines.update(is_void=True)

    assert found() == [("I9", NOT_IN_ONE, [first().pk]), ("I9", VOID, [file.lines.get().pk])]


def test_a_payout_that_is_sent_while_its_file_waits():
    story = with_cash("acme")
    make(story)
    move(first(), "SENT")

    assert found() == [("I9", OTHERWISE, [first().pk])]


def test_a_payout_that_is_confirmed_and_not_booked():
    story = with_cash("acme")
    sent(story)
    move(first(), "CONFIRMED")

    assert found() == [
        ("I9", BOOKED, [first().pk]),
        ("I9", CLEARING, [clearing(story).pk]),
    ]


def clearing(story):
    return story.program.ledger_accounts.get(kind="CLEARING")


def confirmed():
    story = with_cash("acme")
    sent(story)
    reports.tell(first(), result=Result.CONFIRMED, detail="", by=story.fay, at=story.now)
    return story


def test_a_payout_that_is_booked_and_not_confirmed():
    story = confirmed()
    move(first(), "SENT")

    assert found() == [("I9", BOOKED, [first().pk]), ("I9", CLEARING, [clearing(story).pk])]


def test_a_booking_of_another_amount():
    story = confirmed()
    transfer = Transfer.objects.get(kind="CONFIRMED")
    alter(transfer, amount_minor=1)

    assert found() == [("I9", TRANSFERS, [transfer.pk]), ("I9", CLEARING, [clearing(story).pk])]


def test_a_return_that_reverses_nothing():
    story = confirmed()
    reports.tell(first(), result=Result.RETURNED, detail="", by=story.fay, at=story.now)
    back = Transfer.objects.get(kind="RETURNED")
    alter(back, reverses=None)

    assert found() == [("I2", "transfers that reverse another one than they should", [back.pk])]


def reissued():
    story = with_cash("acme")
    sent(story)
    reports.tell(first(), result=Result.FAILED, detail="", by=story.fay, at=story.now)
    reissues.reissue(Payout.objects.all(), by=story.fay, approved_by=story.finn, at=story.now)
    return story


def test_an_attempt_that_is_left_out():
    reissued()
    latest = Payout.objects.latest("attempt")
    alter(latest, attempt=3)

    assert found() == [("I9", CHAIN, [first().pk, latest.pk])]


def test_an_attempt_beside_one_that_goes_on():
    story = reissued()
    move(first(), "FAILED")

    assert [(each[1], each[2]) for each in found() if each[0] == "I9"] == [
        (CHAIN, [Payout.objects.latest("attempt").pk]),
        (CLEARING, [clearing(story).pk]),
    ]


def test_an_attempt_of_another_amount():
    story = reissued()
    latest = Payout.objects.latest("attempt")
    alter(latest, amount_minor=1)

    assert found() == [
        ("I8", SUMS, [latest.pk]),
        ("I9", CHAIN, [first().pk]),
        ("I9", CLEARING, [clearing(story).pk]),
    ]


def test_a_doubt_that_one_person_settled():
    story = with_cash("acme")
    (file,) = make(story)
    files.put_in_doubt(file, by=story.fay, at=story.now)
    files.take(file, by=story.fay, at=story.now)

    assert found() == [("I12", TWO, [first().pk])]


def test_a_destination_that_one_person_told_and_confirmed():
    story = with_cash("acme")
    destination = Destination.objects.first()
    alter(destination, confirmed_by=story.fay, without=["destination_confirmed_by_another"])

    assert found() == [
        ("I12", "destinations confirmed by the person who told them, where it takes two", [destination.pk])
    ]


def with_withdrawal():
    story = Story()
    story.earn()
    story.method = pays_by(story)
    is_paid_to(story)
    story.pass_to("2026-03-16T00:05Z")
    withdrawals.withdraw(story.enrollment(), amount_minor=4_000, at=story.now)
    return Payout.objects.get(withdrawal__isnull=False)


def test_a_withdrawal_of_another_amount_than_its_payout():
    payout = with_withdrawal()
    alter(payout, amount_minor=1)

    assert [each for each in found() if each[0] == "I8"] == [
        ("I8", "payouts with another amount, currency or referrer than their withdrawal", [payout.pk])
    ]


def test_a_withdrawal_that_nobody_pays_out():
    payout = with_withdrawal()
    with guards_down(PayoutChange):
        payout.changes.all()._raw_delete("default")
    payout.delete()

    assert [each for each in found() if each[0] == "I8"] == [
        ("I8", "withdrawals without a payout", [Withdrawal.objects.get().pk])
    ]


def test_two_people_who_are_one():
    story = reissued()
    step = first().changes.get(new_status="REISSUED")

    alter(step, approved_by=story.fay)

    said_by_one = "payouts of which two people are said to have taken a step, who are one"
    assert found() == [("I12", said_by_one, [step.payout_id])]


def kept_and_arrived():
    """Rosa was paid twice for acme; of her next payout that is kept."""
    story = with_cash("acme")
    sent(story)
    reports.tell(first(), result=Result.FAILED, detail="", by=story.fay, at=story.now)
    reissues.reissue(Payout.objects.all(), by=story.fay, approved_by=story.finn, at=story.now)
    sent(story)
    again = Payout.objects.latest("attempt")
    reports.tell(again, result=Result.CONFIRMED, detail="", by=story.fay, at=story.now)
    two = {"by": story.fay, "approved_by": story.finn}
    arrivals.settle(first().lines.get(), **two, at=story.now, reason="a statement")
    story.earn("beta")
    story.pass_to("2026-04-16T00:05Z")
    assert found() == []
    return SetOff.objects.get(), Arrival.objects.get()


def test_what_was_kept_and_arrived_and_is_otherwise_in_the_books():
    kept, arrived = kept_and_arrived()

    alter(kept, amount_minor=9_000, without=["set_off_no_more_than_is_owed"])
    alter(arrived, overpaid_minor=1)

    assert found() == [
        ("I1", "set-offs not booked with their amount, payout and referrer", [kept.pk]),
        ("I8", SUMS, [kept.payout_id]),
        (
            "I9",
            LATE,
            [arrived.pk],
        ),
    ]


def test_more_kept_than_was_owed():
    kept, arrived = kept_and_arrived()
    transfer = Transfer.objects.get(arrival=arrived)
    balance = kept.enrollment.ledger_accounts.get(kind="BALANCE")

    alter(transfer, debit=balance)

    owed = Transfer.objects.get(set_off=kept).credit
    assert ("I11", "referrers of whom more was kept than they owed", [owed.pk]) in found()


@pytest.mark.parametrize(("name", "stands"), [("told by hand", False), ("bank.csv", True)])
def test_what_one_person_told_by_hand_does_not_stand_for_two_people_or_the_bank(name, stands):
    story = with_cash("acme")
    (file,) = make(story)
    files.put_in_doubt(file, by=story.fay, at=story.now)
    files.take(file, by=story.fay, at=story.now)
    report = PaymentReport.objects.create(
        program=story.program,
        name=name,
        sha256="f" * 64,
        read_at=story.now,
        read_by=story.fay,
        done=1,
        unchanged=0,
        refused=0,
    )
    PaymentReportLine.objects.create(
        report=report, number=1, reference="P1", result="CONFIRMED", verdict="DONE", payout=first()
    )

    assert found() == ([] if stands else [("I12", TWO, [first().pk])])
