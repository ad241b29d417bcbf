"""Fees: each breach between what ways to pay state, what is free of fees, payments and the books is named."""

import pytest

from payouts import withdrawals
from payouts.models import Fee, LedgerAccount, Payout, Transfer
from payouts.payments import files, reports
from tests.fees import BOTH, DUE, cash, document, earn
from tests.payments import is_paid_to, pays_by
from tests.payouts.verification.plant import alter, found, guards_down
from tests.payouts.verification.test_payments import CLEARING, DIFFER, TRANSFERS, clearing, move
from tests.story import Story

pytestmark = pytest.mark.django_db

FREE = "fees on more of a payout than its bonuses that are not free of fees"
FREE_OF_BALANCE = "fees on more of a withdrawal than goes beyond what is free of fees"
NOT_STATED = "fees that their way to pay does not state"
BOOKED = "fees not booked with their amount, currency and program, or of a payment of another payout"
BORNE = "payouts that bear a fee although nobody was told to pay them, or more than one"
GIVEN_BACK = "fees given back although their payment stands"


@pytest.fixture
def story():
    """100.00 that bear a fee of 4.00 and 40.00 free of it, in an uploaded file."""
    story = cash(free=4_000, **BOTH)
    files.mark_uploaded(next_file(story), by=story.finn, at=story.now)
    assert found() == []
    return story


def next_file(story):
    (file,) = files.make(story.method, pay_on=story.now.date(), by=story.fay, at=story.now)
    return file


def test_a_fee_on_what_is_free_of_fees(story):
    fee = Fee.objects.get()
    alter(fee, charged_minor=14_000)

    assert found() == [("I8", FREE, [fee.pk]), ("I9", NOT_STATED, [fee.pk])]


def test_a_fee_on_what_is_withdrawn_free_of_fees():
    story = Story(changes=document(free=4_000, kind="ACCOUNT_BALANCE"))
    earn(story, "acme")
    story.pass_to(DUE)
    story.method = pays_by(story, **BOTH)
    is_paid_to(story)
    withdrawals.withdraw(story.enrollment(), amount_minor=6_000, at=story.now)
    next_file(story)
    fee = Fee.objects.get()
    assert (found(), fee.charged_minor) == ([], 2_000)
    alter(fee, charged_minor=6_000)

    assert found() == [("I8", FREE_OF_BALANCE, [fee.pk]), ("I9", NOT_STATED, [fee.pk])]


def test_a_fee_that_is_not_what_was_kept(story):
    fee = Fee.objects.get()
    alter(fee, amount_minor=1)

    assert found() == [
        ("I9", DIFFER, [fee.line_id]),
        ("I9", CLEARING, [clearing(story).pk]),
        ("I9", NOT_STATED, [fee.pk]),
        ("I9", BOOKED, [fee.pk]),
    ]


def test_a_fee_that_is_booked_otherwise(story):
    fee = Fee.objects.get()
    alter(Transfer.objects.get(kind="FEE"), amount_minor=1)

    assert found() == [("I9", CLEARING, [clearing(story).pk]), ("I9", BOOKED, [fee.pk])]


def test_a_payment_that_was_booked_with_its_fee(story):
    payout = Payout.objects.get()
    content = f"reference,result\n{payout.lines.get().reference},confirmed".encode()
    reports.read_in(story.program, name="bank.csv", content=content, by=story.fay, at=story.now)
    assert found() == []
    confirmed = Transfer.objects.get(kind="CONFIRMED")
    alter(confirmed, amount_minor=14_000)

    assert found() == [("I9", TRANSFERS, [confirmed.pk]), ("I9", CLEARING, [clearing(story).pk])]


def test_a_fee_that_was_not_given_back(story):
    payout = Payout.objects.get()
    move(payout, "FAILED")

    assert found() == [("I9", BORNE, [payout.pk])]


def test_two_fees_of_one_payout():
    story = cash(**BOTH)
    files.void(next_file(story), by=story.finn, at=story.now)
    next_file(story)
    assert found() == []
    with guards_down(Transfer):
        Transfer.objects.filter(kind="FEE_BACK")._raw_delete("default")

    assert found() == [("I9", BORNE, [Payout.objects.get().pk])]


def test_a_fee_given_back_of_a_payment_that_stands(story):
    kept = Transfer.objects.get(kind="FEE")
    Transfer.objects.create(
        debit=LedgerAccount.objects.get(kind="FEES"),
        credit=clearing(story),
        amount_minor=kept.amount_minor,
        currency=kept.currency,
        kind="FEE_BACK",
        posted_at=story.now,
        fee=kept.fee,
        reverses=kept,
    )

    assert found() == [("I9", GIVEN_BACK, [kept.fee_id])]
