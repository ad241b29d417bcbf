"""Amounts: text of people on one side, whole minor units of the books on the other."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from referrals.rules import money

currencies = st.sampled_from(sorted(money.MINOR_UNITS))


@pytest.mark.parametrize(
    ("text", "currency", "minor"),
    [
        ("100.00", "USD", 10_000),
        ("0.00", "USD", 0),
        ("0.01", "USD", 1),
        ("5000.01", "EUR", 500_001),
        ("100", "JPY", 100),
        ("1.000", "KWD", 1_000),
        ("1.0000", "CLF", 10_000),
        ("92233720368547758.07", "USD", 2**63 - 1),
    ],
)
def test_an_amount_is_read_and_written_with_the_decimals_of_its_currency(text, currency, minor):
    assert money.to_minor(text, currency) == minor
    assert money.to_text(minor, currency) == text


@pytest.mark.parametrize(
    ("minor", "currency", "text"), [(-500, "USD", "-5.00"), (-5, "USD", "-0.05"), (-7, "JPY", "-7")]
)
def test_what_is_owed_the_other_way_is_written_with_a_minus(minor, currency, text):
    assert money.to_text(minor, currency) == text


@given(currency=currencies, minor=st.integers(min_value=0, max_value=money.LARGEST_MINOR))
@settings(deadline=None, max_examples=100)
def test_every_amount_comes_back_from_its_text(currency, minor):
    assert money.to_minor(money.to_text(minor, currency), currency) == minor


NO_AMOUNTS_OF_DOLLARS = [
    *["100", "100.0", "100.000", "100.", ".50", "1,00", "1.00.00", ""],
    *[" 1.00", "1.00 ", "1.00\n", "+1.00", "-1.00", "$1.00"],
    *["1,000.00", "1 000.00", "1_000.00", "1e2", "1E2.00", "0x1.00", "NaN", "Infinity"],
    *["\uff11.00", "\u0661.00", "\u00b2.00"],  # digits, but not ours
    *[100, 100.0, 0, True, False, None, b"1.00", ["1.00"]],
]


@pytest.mark.parametrize("text", NO_AMOUNTS_OF_DOLLARS)
def test_what_is_no_amount_of_dollars_is_refused_by_name(text):
    with pytest.raises(money.MoneyError) as refusal:
        money.to_minor(text, "USD")

    assert str(refusal.value) == (
        f"{text!r} is not an amount of USD: it must be text, digits with exactly 2 decimals, never negative, "
        'such as "100.00"'
    )


def test_yen_have_no_decimals():
    with pytest.raises(money.MoneyError) as refusal:
        money.to_minor("100.00", "JPY")

    assert str(refusal.value) == (
        "'100.00' is not an amount of JPY: it must be text, digits without decimals, never negative, "
        'such as "100"'
    )


@pytest.mark.parametrize("text", ["92233720368547758.08", "9" * 30 + ".00", "9" * 10_000 + ".00"])
def test_an_amount_that_no_column_can_hold_is_refused(text):
    with pytest.raises(money.MoneyError, match=r"too large an amount: at most 92233720368547758\.07 USD$"):
        money.to_minor(text, "USD")


def test_a_refusal_does_not_repeat_thousands_of_digits():
    with pytest.raises(money.MoneyError) as refusal:
        money.to_minor("9" * 10_000, "USD")

    assert len(str(refusal.value)) < 200


@given(text=st.text(alphabet="0123456789.,-+ eE\u0661", max_size=8), currency=currencies)
@settings(deadline=None, max_examples=200)
def test_whatever_is_accepted_is_written_back_as_the_same_number(text, currency):
    try:
        minor = money.to_minor(text, currency)
    except money.MoneyError:
        return

    whole, _, fraction = text.partition(".")
    assert len(fraction) == money.decimals(currency)
    assert money.to_text(minor, currency) == (whole.lstrip("0") or "0") + text[len(whole) :]


@pytest.mark.parametrize("currency", ["XYZ", "usd", "", "US", "XAU", "XXX", None, 840, ["USD"]])
def test_what_is_no_currency_is_refused_by_name(currency):
    for refused in (
        lambda: money.decimals(currency),
        lambda: money.to_minor("1.00", currency),
        lambda: money.to_text(1, currency),
    ):
        with pytest.raises(money.MoneyError) as refusal:
            refused()
        assert str(refusal.value) == f"{currency!r} is not an ISO 4217 currency code"


def test_the_exceptions_from_two_decimals_are_those_of_iso_4217():
    def written_with(places: int) -> str:
        return " ".join(sorted(code for code in money.MINOR_UNITS if money.decimals(code) == places))

    assert written_with(0) == "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF"
    assert written_with(3) == "BHD IQD JOD KWD LYD OMR TND"
    assert written_with(4) == "CLF UYW"
    assert len(money.MINOR_UNITS) == 165
    assert set(money.MINOR_UNITS.values()) == {0, 2, 3, 4}
