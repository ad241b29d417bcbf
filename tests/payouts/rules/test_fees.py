"""The fee of a payment: fixed, by percent, half up, never more than what is charged."""

from decimal import ROUND_HALF_UP, Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from payouts.rules import fees


@pytest.mark.parametrize(
    ("charged", "fixed", "points", "fee"),
    [
        (10_000, 0, 0, 0),
        (10_000, 150, 0, 150),
        (10_000, 0, 250, 250),
        (10_000, 150, 250, 400),
        # Half a minor unit is rounded up, less than half down.
        (50, 0, 100, 1),
        (49, 0, 100, 0),
        (150, 0, 100, 2),
        (10_050, 0, 100, 101),
        (10_049, 0, 100, 100),
        # Nothing is charged, and so the fixed part is not, either.
        (0, 150, 250, 0),
        (-5, 150, 250, 0),
        # Never more than what is charged.
        (100, 150, 250, 100),
        (7, 0, 10_000, 7),
        (7, 1, 10_000, 7),
    ],
)
def test_the_fee_on_what_is_charged(charged, fixed, points, fee):
    assert fees.fee_minor(charged, fixed_minor=fixed, basis_points=points) == fee


@given(st.integers(0, 10**15), st.integers(0, 10**9), st.integers(0, 10_000))
def test_it_is_what_accountants_work_out(charged, fixed, points):
    share = (Decimal(charged) * points / 10_000).quantize(Decimal(1), rounding=ROUND_HALF_UP)

    fee = fees.fee_minor(charged, fixed_minor=fixed, basis_points=points)

    assert fee == (min(int(share) + fixed, charged) if charged else 0)


@pytest.mark.parametrize(
    ("amount", "exempt", "charged"),
    [
        (10_000, 0, 10_000),
        (14_000, 4_000, 10_000),
        (10_000, 10_000, 0),
        # 6,000 of 14,000 were kept for what is owed: what is free of fees stays so.
        (8_000, 4_000, 4_000),
        (3_000, 4_000, 0),
    ],
)
def test_what_is_free_of_fees_is_not_charged(amount, exempt, charged):
    assert fees.charged_minor(amount, exempt_minor=exempt) == charged
