"""What a rail is: which currencies it takes, how much fits into one file, and how the file is written."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from payouts.rules.payment_files import Instruction, Payer, PaymentFile


@dataclass(frozen=True, slots=True)
class Sending:
    """What a file says of itself and of the company; the payments come beside it."""

    identification: str
    made_at: datetime
    """On the clock of the program."""
    pay_on: date
    of_the_day: str
    payer: Payer
    template: str
    currency: str


@dataclass(frozen=True, slots=True)
class Writer:
    """One rail."""

    currencies: Sequence[str]
    """The only ones that it takes; empty: any."""
    most_payments: int
    """In one file."""
    write: Callable[[Sequence[Instruction], Sending], PaymentFile]
    """
    Writes a file.

    :raises CannotBePaid: naming the field and the payment
    :raises WrongField: if something of the company or the file itself cannot be written
    """
