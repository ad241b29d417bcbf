"""The lives of bonuses, batches and payouts, as tables: nothing is out of reach, nothing is left hanging."""

import pytest

from payouts.rules.lifecycle import (
    BATCH_SOURCES,
    BONUS_SOURCES,
    FILE_SOURCES,
    LIVING,
    PAYOUT_SOURCES,
    UNPAID,
    AccountKind,
    BatchStatus,
    BenefitStatus,
    BonusStatus,
    FileStatus,
    PayoutStatus,
    Result,
    TransferKind,
    Verdict,
    WithdrawalStatus,
)

LIVES = [
    pytest.param(BonusStatus, BONUS_SOURCES, "ACTIVATED", {"REVERSED", "CANCELLED"}, id="bonus"),
    pytest.param(BatchStatus, BATCH_SOURCES, "DRAFT", {"RELEASED", "VOIDED"}, id="batch"),
    pytest.param(
        # What was confirmed may still come back.
        PayoutStatus,
        PAYOUT_SOURCES,
        "PREPARED",
        {"CANCELLED", "CREDITED", "REISSUED"},
        id="payout",
    ),
    pytest.param(FileStatus, FILE_SOURCES, "MADE", {"UPLOADED", "VOIDED"}, id="payment file"),
]


def reachable(sources, *, beginning):
    """The statuses to which steps lead from the beginning, itself among them."""
    reached = {beginning}
    while new := {status for status, before in sources.items() if before & reached} - reached:
        reached |= new
    return reached


@pytest.mark.parametrize(("statuses", "sources", "beginning", "ends"), LIVES)
def test_every_status_has_its_row_and_can_be_reached(statuses, sources, beginning, ends):
    assert set(sources) == set(statuses)
    assert reachable(sources, beginning=beginning) == set(statuses)


@pytest.mark.parametrize(("statuses", "sources", "beginning", "ends"), LIVES)
def test_no_step_leads_out_of_an_end_or_back_to_where_it_came_from(statuses, sources, beginning, ends):
    left = set().union(*sources.values())

    assert set(statuses) - left == ends
    assert [status for status, before in sources.items() if status in before] == []


def test_money_that_has_left_comes_back_only_by_a_reversal():
    after_paid = {status for status, before in BONUS_SOURCES.items() if BonusStatus.PAID in before}

    assert after_paid == {BonusStatus.REVERSED}
    assert BONUS_SOURCES[BonusStatus.PAID] == {BonusStatus.APPROVED}


def test_a_bonus_is_unpaid_until_it_is_paid_or_cancelled_and_lives_until_it_is_cancelled():
    assert BONUS_SOURCES[BonusStatus.CANCELLED] == UNPAID
    assert set(BonusStatus) - LIVING == {BonusStatus.CANCELLED}


@pytest.mark.parametrize(
    "words",
    [
        BonusStatus,
        BatchStatus,
        PayoutStatus,
        FileStatus,
        Result,
        Verdict,
        BenefitStatus,
        WithdrawalStatus,
        AccountKind,
        TransferKind,
    ],
)
def test_words_are_stored_as_they_are_written_and_read_as_people_say_them(words):
    assert [word.value for word in words] == [word.name for word in words]
    assert [word.label for word in words if word.label != word.label.capitalize() or "_" in word.label] == []
