"""American bank payments: a NACHA file for the bank, in dollars."""

from collections.abc import Sequence

from payouts.rails.rail import Sending, Writer
from payouts.rules.payment_files import Instruction, PaymentFile, nacha


def _write(instructions: Sequence[Instruction], sending: Sending) -> PaymentFile:
    return nacha.write(
        instructions,
        payer=sending.payer,
        identification=sending.identification,
        made_at=sending.made_at,
        pay_on=sending.pay_on,
        of_the_day=sending.of_the_day,
    )


WRITER = Writer(currencies=["USD"], most_payments=nacha.MOST_PAYMENTS, write=_write)
