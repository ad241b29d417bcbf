"""What may be told of a destination, and what is left of it on pages."""

import pytest

from payouts.rules.payees import NEEDED, TAKEN, Payee, Rail, checked, masked
from referrals.rules.refusal import WrongField


@pytest.mark.parametrize(
    ("account", "shown"),
    [
        ("FR1420041010050500013M02606", "…2606"),
        ("123456789", "…6789"),
        ("1234", "…34"),
        ("12", "…2"),
        ("1", "…"),
        ("", "-"),
        ("rosa@mail.example", "r…@mail.example"),
    ],
)
def test_an_account_is_shown_by_its_last_signs(account, shown):
    assert masked(account) == shown
    assert account == "" or account not in shown


def test_what_was_told_is_kept_as_rails_want_it():
    payee = Payee(holder_name="  Rosa   Referrer ", iban="fr14 2004 1010 0505 0001 3m02 606", country="fr")

    assert checked(payee, rail=Rail.SEPA) == Payee(
        holder_name="Rosa Referrer", iban="FR1420041010050500013M02606", country="FR"
    )


def test_what_a_rail_does_not_take_is_dropped():
    payee = Payee(holder_name="Rosa", recipient="rosa@mail.example", iban="not looked at")

    assert checked(payee, rail=Rail.PAYPAL) == Payee(holder_name="Rosa", recipient="rosa@mail.example")


@pytest.mark.parametrize("rail", Rail)
def test_what_a_rail_needs_it_takes(rail):
    assert set(NEEDED[rail]) <= set(TAKEN[rail])
    for field in NEEDED[rail]:
        with pytest.raises(WrongField, match=f"{field}: {rail.label} needs it"):
            checked(Payee(holder_name="Rosa"), rail=rail)
        break


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("iban", "DE89370400440532013001"),
        ("iban", "XX00"),
        ("bic", "DEUT"),
        ("routing_number", "111000026"),
        ("account_number", "1" * 18),
        ("account_number", "12/34"),
        ("recipient", "@mail.example"),
        ("recipient", "rosa@mail"),
        ("country", "DEU"),
        ("country", "1A"),
    ],
)
def test_what_cannot_be_right_names_its_field(field, value):
    with pytest.raises(WrongField) as refusal:
        checked(Payee(holder_name="Rosa", **{field: value}), rail=Rail.WISE)

    assert refusal.value.field == field
