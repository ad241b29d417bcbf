"""SEPA credit transfers: a pain.001 file for the bank, in euros."""

from collections.abc import Sequence

from payouts.rails.rail import Sending, Writer
from payouts.rules.payment_files import Instruction, PaymentFile, sepa


def _write(instructions: Sequence[Instruction], sending: Sending) -> PaymentFile:
    return sepa.write(
        instructions,
        payer=sending.payer,
        identification=sending.identification,
        made_at=sending.made_at,
        pay_on=sending.pay_on,
    )


WRITER = Writer(currencies=["EUR"], most_payments=sepa.MOST_PAYMENTS, write=_write)
