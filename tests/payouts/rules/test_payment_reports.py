"""Reports of banks: read line by line, and refused by name where they are none."""

import pytest

from payouts.rules.lifecycle import PAYOUT_SOURCES, REPORTED, PayoutStatus, Result
from payouts.rules.payment_reports import MOST_BYTES, Told, read
from referrals.rules.refusal import WrongField


@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("begins", ["", "\ufeff"])
def test_every_line_is_read_whatever_stands_between(begins, separator):
    rows = [
        ["Amount", "Reference", "RESULT", "Detail"],
        ["1.00", " P1 ", "paid", "ok"],
        ["2.00", "P2", "FAILED"],
    ]
    text = begins + "\r\n".join(separator.join(row) for row in rows)

    assert read(text.encode()) == [Told(2, "P1", "paid", "ok"), Told(3, "P2", "FAILED", "")]


def test_lines_keep_their_numbers_where_some_are_empty():
    assert [told.number for told in read(b"reference,result\n\nP1,PAID\n,,\nP2,PAID\n")] == [3, 5]


def test_a_line_that_says_nothing_of_use_is_not_lost():
    assert read(b"reference,result\n,PAID\nP1\n") == [Told(2, "", "PAID"), Told(3, "P1", "")]


@pytest.mark.parametrize(
    ("word", "result"),
    [
        ("CONFIRMED", Result.CONFIRMED),
        ("completed", Result.CONFIRMED),
        ("Rejected", Result.FAILED),
        ("returned", Result.RETURNED),
        ("PENDING", None),
        ("", None),
    ],
)
def test_words_for_results(word, result):
    assert Told(1, "P1", word).result == result


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "names no column 'reference'"),
        (b"reference,amount\nP1,1\n", "names no column 'result'"),
        (b"reference,result\n", "no line below"),
        (b"reference,result\nP1,\xff\n", "no text in UTF-8"),
        (b"reference,result\nP1,\0\n", "zero bytes"),
        (b"r" * (MOST_BYTES + 1), "larger than"),
        (b'reference,result\n"P1,' + b"x" * 200_000, "no CSV"),
    ],
)
def test_what_is_no_report_says_why(content, told):
    with pytest.raises(WrongField, match=told):
        read(content)


@pytest.mark.parametrize("result", Result)
def test_what_is_reported_of_a_payment_is_a_step_from_sent(result):
    assert PayoutStatus.SENT in PAYOUT_SOURCES[REPORTED[result]]
