"""
Wise batch payments: the template that Wise gives for a currency, filled in.

Columns differ by currency, so the template says which there are; a column that we cannot fill and that is not
known to be optional is refused by name. At most 1,000 rows.
"""

import csv
import io
from collections.abc import Callable, Sequence

from payouts.rules.payment_files.instructions import (
    CannotBePaid,
    Instruction,
    PaymentFile,
    look_through,
    made,
)
from referrals.rules.refusal import WrongField

MOST_PAYMENTS = 1_000
OF_FORMULAS = tuple("=+-@\t\r")

COLUMNS: dict[str, Callable[[Instruction, str], str]] = {
    "recipientId": lambda each, source: "",
    "name": lambda each, source: each.name,
    "recipientEmail": lambda each, source: each.recipient,
    "paymentReference": lambda each, source: each.reference,
    "receiverType": lambda each, source: "PERSON",
    "amountCurrency": lambda each, source: "target",
    "amount": lambda each, source: each.amount,
    "sourceCurrency": lambda each, source: source,
    "targetCurrency": lambda each, source: each.currency,
    "IBAN": lambda each, source: each.iban,
    "BIC": lambda each, source: each.bic,
    "abartn": lambda each, source: each.routing_number,
    "accountNumber": lambda each, source: each.account_number,
    "accountType": lambda each, source: "SAVINGS" if each.is_savings else "CHECKING",
    "address.country": lambda each, source: each.country,
    "address.city": lambda each, source: each.town,
}
"""What stands in each column of Wise's templates that we know."""
MAY_BE_EMPTY = {"recipientId", "recipientEmail", "BIC", "address.country", "address.city"}


def write(
    instructions: Sequence[Instruction], *, identification: str, template: str, source_currency: str
) -> PaymentFile:
    """
    A file of these payments in the columns of a template.

    :param template: the text of the template, its first line the names of the columns
    :param source_currency: of the balance that pays
    :raises CannotBePaid: naming the field and the payment
    :raises WrongField: if the template has columns that we cannot fill, or too many payments are asked for
    """
    look_through(instructions)
    if len(instructions) > MOST_PAYMENTS:
        raise WrongField("instructions", f"a file holds at most {MOST_PAYMENTS} payments.")
    header = columns_of(template)
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(header)
    rows.writerows([_cell(each, column, source_currency) for column in header] for each in instructions)
    return made(f"{identification}.csv", text.getvalue().encode("utf-8"), instructions)


def columns_of(template: str) -> list[str]:
    """
    The columns of a template.

    :raises WrongField: if it is empty, names one twice, or has one that we do not know
    """
    header = next(csv.reader(io.StringIO(template.removeprefix("\ufeff"))), [])
    columns = [column.strip() for column in header]
    if not columns:
        raise WrongField("template", "it is empty.")
    if twice := sorted({column for column in columns if columns.count(column) > 1}):
        raise WrongField("template", f"it names {', '.join(twice)} twice.")
    if unknown := [column for column in columns if column not in COLUMNS]:
        raise WrongField("template", f"we cannot fill {', '.join(unknown)}.")
    if missing := {"amount", "name", "targetCurrency"} - set(columns):
        raise WrongField("template", f"it has no {', '.join(sorted(missing))}.")
    return columns


def _cell(each: Instruction, column: str, source: str) -> str:
    told = " ".join(COLUMNS[column](each, source).split())
    if not told and column not in MAY_BE_EMPTY:
        raise CannotBePaid(each, column, "it is missing")
    if told.startswith(OF_FORMULAS):
        raise CannotBePaid(each, column, f"it must not begin with {told[0]!r}")
    return told
