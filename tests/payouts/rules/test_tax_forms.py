"""Which payments fit below the limit: the first one first, and what does not fit is passed over."""

import pytest

from payouts.rules.tax_forms import beyond

TABLE = {
    "nothing": ([], []),
    "just below": ([("a", "rosa", 599, 600)], []),
    "to the cent": ([("a", "rosa", 600, 600)], []),
    "a cent beyond": ([("a", "rosa", 601, 600)], ["a"]),
    "nothing is left": ([("a", "rosa", 1, 0)], ["a"]),
    "beyond already": ([("a", "rosa", 1, -5)], ["a"]),
    "a form is there": ([("a", "rosa", 10**12, None)], []),
    "each fits, both do not": ([("a", "rosa", 400, 600), ("b", "rosa", 300, 600)], ["b"]),
    "the other way round": ([("b", "rosa", 300, 600), ("a", "rosa", 400, 600)], ["a"]),
    "one is passed over": (
        [("a", "rosa", 400, 600), ("b", "rosa", 300, 600), ("c", "rosa", 200, 600)],
        ["b"],
    ),
    "everybody has room of their own": ([("a", "rosa", 600, 600), ("b", "ben", 600, 600)], []),
}


@pytest.mark.parametrize("case", TABLE)
def test_what_goes_beyond_the_limit(case):
    payments, expected = TABLE[case]

    assert beyond(payments) == expected
