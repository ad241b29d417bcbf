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


def found_at(path: str, *, label: str) -> Any:
    """
    A column that shows what a row points to; the list joins it.

    :param path: where from the row it is found, such as ``enrollment.referrer``; may end on the way
    """

    @display(description=label, ordering=path.replace(".", "__"))
    def column(row: Model) -> Any:
        found: Any = row
        for name in path.split("."):
            found = getattr(found, name, None)
        return NOTHING if found is None else found

    return column


amount = amount_of()
AMOUNT_COLUMNS = ["amount_minor", "currency"]
"""What ``amount`` stands for on a page."""

company = found_at("account", label="company")
referrer = found_at("enrollment.referrer", label="referrer")
