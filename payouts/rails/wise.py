"""Wise: the company's own template, filled in, paid from the balance of the program's currency."""

from collections.abc import Sequence

from payouts.rails.rail import Sending, Writer
from payouts.rules.payment_files import Instruction, PaymentFile, wise


def _write(instructions: Sequence[Instruction], sending: Sending) -> PaymentFile:
    return wise.write(
        instructions,
        identification=sending.identification,
        template=sending.template,
        source_currency=sending.currency,
    )


WRITER = Writer(currencies=[], most_payments=wise.MOST_PAYMENTS, write=_write)
