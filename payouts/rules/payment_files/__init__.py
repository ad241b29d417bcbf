"""
Payment files: what a bank or a payment service takes in, written from instructions.

Every file is determined by what it is made of: the same instructions give the same bytes. Nothing here knows
a clock, a database or a folder.
"""

from payouts.rules.payment_files import nacha, paypal, sepa, wise
from payouts.rules.payment_files.instructions import (
    CannotBePaid,
    Instruction,
    Payer,
    PaymentFile,
)

__all__ = [
    "CannotBePaid",
    "Instruction",
    "Payer",
    "PaymentFile",
    "nacha",
    "paypal",
    "sepa",
    "wise",
]
