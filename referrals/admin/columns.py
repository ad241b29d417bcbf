"""Columns of lists and pages that more than one model has."""

from operator import attrgetter
from typing import Any

from django.db.models import Model

from referrals.admin.base import display
from referrals.rules import money

NOTHING = "-"


def amount_of(minor: str = "amount_minor", currency: str = "currency", *, label: str = "amount") -> Any:
    """
    A column that writes an amount with its currency.

    :param minor: the field that holds the minor units
    :param currency: where from the row its currency is found, such as ``terms.currency``
    """

    @display(description=label, ordering=minor)
    def column(row: Model) -> str:
        units, code = getattr(row, minor), attrgetter(currency)(row)
        return NOTHING if units is None or not code else f"{money.to_text(units, code)} {code}"

    return column


amount = amount_of()
AMOUNT_COLUMNS = ["amount_minor", "currency"]
"""What ``amount`` stands for on a page."""


@display(description="referrer", ordering="enrollment__referrer__name")
def referrer(row: Model) -> str:
    """The referrer to whom a row belongs, if any."""
    enrollment = attrgetter("enrollment")(row)
    return str(enrollment.referrer) if enrollment else NOTHING


@display(description="company", ordering="account__company_name")
def company(row: Model) -> str:
    """The referred account that a row is about."""
    return str(attrgetter("account")(row))
