"""
PayPal mass payments: a CSV without header, one currency, at most 5,000 rows.

Columns: recipient, amount, currency, our id, note, wallet.
"""

import csv
import io
import string
from collections.abc import Sequence

from payouts.rules.payment_files.instructions import (
    CannotBePaid,
    Instruction,
    PaymentFile,
    look_through,
    made,
)
from referrals.rules.refusal import WrongField

MOST_PAYMENTS = 5_000
CURRENCIES = [
    "AUD",
    "BRL",
    "CAD",
    "CHF",
    "CZK",
    "DKK",
    "EUR",
    "GBP",
    "HKD",
    "HUF",
    "ILS",
    "JPY",
    "MXN",
    "MYR",
    "NOK",
    "NZD",
    "PHP",
    "PLN",
    "SEK",
    "SGD",
    "THB",
    "TWD",
    "USD",
]
WALLETS = ["PayPal", "Venmo"]
LONGEST_NOTE = 4_000
LONGEST_RECIPIENT = 127
OF_FORMULAS = "=+-@\t\r"
"""A cell that begins so is calculated by the program in which somebody opens the file."""
OF_RECIPIENTS = string.ascii_letters + string.digits + "@.!#$%&'*+/=?^_`{|}~-"


def write(instructions: Sequence[Instruction], *, identification: str) -> PaymentFile:
    """
    A file of these payments.

    :raises CannotBePaid: naming the field and the payment
    :raises WrongField: if there are more payments than a file may hold
    """
    look_through(instructions, currencies=CURRENCIES)
    if len(instructions) > MOST_PAYMENTS:
        raise WrongField("instructions", f"a file holds at most {MOST_PAYMENTS} payments.")
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\r\n")
    rows.writerows(_row(each) for each in instructions)
    return made(f"{identification}.csv", text.getvalue().encode("utf-8"), instructions)


def _row(each: Instruction) -> list[str]:
    recipient = each.recipient.strip()
    if not recipient or len(recipient) > LONGEST_RECIPIENT or set(recipient) - set(OF_RECIPIENTS):
        raise CannotBePaid(each, "recipient", "it needs an address or number of at most 127 plain signs")
    wallet = each.wallet or WALLETS[0]
    if wallet not in WALLETS:
        raise CannotBePaid(each, "wallet", f"'{wallet}' is neither {' nor '.join(WALLETS)}")
    note = " ".join(each.note.split())
    if len(note) > LONGEST_NOTE:
        raise CannotBePaid(each, "note", f"it is longer than {LONGEST_NOTE} characters")
    for field, told in (("recipient", recipient), ("note", note)):
        if told.startswith(tuple(OF_FORMULAS)):
            raise CannotBePaid(each, field, f"it must not begin with {told[0]!r}")
    return [recipient, each.amount, each.currency, each.reference, note, wallet]
