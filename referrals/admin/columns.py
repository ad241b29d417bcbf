"""Columns of lists and pages that more than one model has."""

from decimal import Decimal
from operator import attrgetter
from typing import Any

from django.db.models import Model
from django.utils.html import format_html
from django.utils.safestring import SafeString

from referrals.admin.base import display, link_to
from referrals.admin.base import person_at as person_at
from referrals.rules.money import to_text
from referrals.templatetags.staff import in_words, status_color, status_sign

NOTHING = "-"


def amount_of(minor: str = "amount_minor", currency: str = "currency", *, label: str = "amount") -> Any:
    """
    A column that writes an amount with its currency.

    :param minor: the field that holds the minor units
    :param currency: where from the row its currency is found, such as ``terms.currency``
    """

    @display(description=label, ordering=minor)
    def money(row: Model) -> str:
        units, code = getattr(row, minor), attrgetter(currency)(row)
        return NOTHING if units is None or not code else f"{code} {grouped(units, code)}"

    return money


def grouped(minor: int, currency: str) -> str:
    """An amount as people read it: 1,200.00."""
    return f"{Decimal(to_text(minor, currency)):,}"


def found_at(path: str, *, label: str) -> Any:
    """
    A column that shows what a row points to; the list joins it.

    :param path: where from the row it is found, such as ``enrollment.referrer``; may end on the way
    """

    @display(description=label, ordering=_field(path))
    def column(row: Model) -> Any:
        found: Any = row
        for name in path.split("."):
            found = getattr(found, name, None)
        return NOTHING if found is None else found() if callable(found) else found

    return column


def sentence(code: str) -> str:
    """A code of the host, as a person reads it: Top rated."""
    return in_words(code).capitalize()


def _field(path: str) -> str:
    """The field by which a path is sorted: ``debit.get_kind_display`` by ``debit__kind``."""
    return path.replace("get_", "").replace("_display", "").replace(".", "__")


def chip_of(field: str = "status", *, label: str = "status") -> Any:
    """A column that shows a status by word, sign and colour."""

    @display(description=label, ordering=field)
    def column(row: Any) -> SafeString:
        return chip(getattr(row, field), getattr(row, f"get_{field}_display")())

    return column


def chip(status: str, word: str) -> SafeString:
    return format_html(
        '<span class="staff-chip {}">{} {}</span>', status_color(status), status_sign(status), word
    )


@display(description="", ordering="pk")
def opened(row: Model) -> SafeString:
    """A link to the row's own page."""
    return link_to(row)


status = chip_of()
became = chip_of("new_status", label="became")
amount = amount_of()
AMOUNT_COLUMNS = ["amount_minor", "currency"]
"""What ``amount`` stands for on a page."""

company = found_at("account", label="company")
referrer = found_at("enrollment.referrer", label="referrer")
