"""PayPal: a mass payment file, uploaded on PayPal's own page."""

from collections.abc import Sequence

from payouts.rails.rail import Sending, Writer
from payouts.rules.payment_files import Instruction, PaymentFile, paypal


def _write(instructions: Sequence[Instruction], sending: Sending) -> PaymentFile:
    return paypal.write(instructions, identification=sending.identification)


WRITER = Writer(currencies=paypal.CURRENCIES, most_payments=paypal.MOST_PAYMENTS, write=_write)
