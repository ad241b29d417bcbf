"""
American bank payments: a NACHA file of credits to people (PPD), in dollars.

Lines of 94 characters, in blocks of ten; sums and hashes of the batch and of the file stand at their ends.
"""

import string
from collections.abc import Sequence
from datetime import date, datetime

from stdnum.exceptions import ValidationError
from stdnum.us import rtn

from payouts.rules.payment_files.instructions import (
    CannotBePaid,
    Instruction,
    Payer,
    PaymentFile,
    fitted,
    look_through,
    made,
    plain,
)
from referrals.rules.refusal import WrongField

LINE = 94
BLOCK = 10
MOST_PAYMENTS = 10_000
MOST_MINOR = 10**10 - 1
"""Ten digits of cents in an entry."""
MOST_IN_ALL_MINOR = 10**12 - 1
"""Twelve in the totals."""
CREDITS_ONLY = "220"
CHECKING, SAVINGS = "22", "32"
ALLOWED = string.ascii_letters + string.digits + " .,-&/'()+#:*"


def write(
    instructions: Sequence[Instruction],
    *,
    payer: Payer,
    identification: str,
    made_at: datetime,
    pay_on: date,
    of_the_day: str = "A",
) -> PaymentFile:
    """
    A file of these payments in one batch.

    :param identification: of the file, ours; the name of the file, not in it
    :param made_at: on the clock of the company; minutes are kept
    :param of_the_day: ``A`` for the first file of a day, then ``B`` and so on
    :raises CannotBePaid: naming the field and the payment
    :raises WrongField: if something of the payer or the file itself cannot be written
    """
    look_through(instructions, currencies=["USD"])
    if len(instructions) > MOST_PAYMENTS:
        raise WrongField("instructions", f"a file holds at most {MOST_PAYMENTS} payments.")
    if len(of_the_day) != 1 or of_the_day not in string.ascii_uppercase + string.digits:
        raise WrongField("of_the_day", "it is one capital letter or digit.")
    bank = _routing_number(payer.routing_number)
    company = _of_payer("identification", payer.identification, 10).ljust(10)
    total = sum(each.amount_minor for each in instructions)
    if total > MOST_IN_ALL_MINOR:
        raise WrongField("instructions", "together they are more than a file can tell.")

    entries = [_entry(each, bank=bank, number=number) for number, each in enumerate(instructions, start=1)]
    # Of each bank the first eight digits, and of their sum the last ten.
    entry_hash = sum(int(each.routing_number[:8]) for each in instructions) % 10**10
    sums = f"{len(entries):06d}{entry_hash:010d}{0:012d}{total:012d}"
    file_header = (
        f"101 {bank}{company}{made_at:%y%m%d}{made_at:%H%M}{of_the_day}094101"
        f"{_of_payer('bank_name', payer.bank_name, 23):<23}{_of_payer('name', payer.name, 23):<23}{'':8}"
    )
    batch_header = (
        f"5{CREDITS_ONLY}{_of_payer('name', payer.name, 16):<16}{'':20}{company}PPD{'REFERRAL':<10}"
        f"{pay_on:%y%m%d}{pay_on:%y%m%d}{'':3}1{bank[:8]}{1:07d}"
    )
    lines = [
        file_header,
        batch_header,
        *entries,
        f"8{CREDITS_ONLY}{sums}{company}{'':25}{bank[:8]}{1:07d}",
    ]
    blocks = -(-(len(lines) + 1) // BLOCK)
    lines.append(f"9{1:06d}{blocks:06d}{len(entries):08d}{entry_hash:010d}{0:012d}{total:012d}{'':39}")
    lines += ["9" * LINE] * (blocks * BLOCK - len(lines))
    content = "".join(f"{line}\n" for line in lines).encode("ascii")
    return made(f"{identification}.ach", content, instructions)


def _entry(each: Instruction, *, bank: str, number: int) -> str:
    try:
        routing_number = rtn.validate(each.routing_number)
    except ValidationError as problem:
        raise CannotBePaid(each, "routing_number", f"it is no routing number: {problem}") from None
    account = each.account_number.replace(" ", "").replace("-", "")
    if not (account.isascii() and account.isalnum() and len(account) <= 17):
        raise CannotBePaid(each, "account_number", "it needs 1 to 17 letters and digits")
    if each.amount_minor > MOST_MINOR:
        raise CannotBePaid(each, "amount", "it has more digits than an entry can hold")
    code = SAVINGS if each.is_savings else CHECKING
    name = fitted(each, "name", allowed=ALLOWED, most=22)
    return (
        f"6{code}{routing_number}{account:<17}{each.amount_minor:010d}{each.reference:<15}{name:<22}"
        f"{'':2}0{bank[:8]}{number:07d}"
    )


def _routing_number(text: str) -> str:
    try:
        return str(rtn.validate(text))
    except ValidationError as problem:
        raise WrongField("payer routing_number", f"it is no routing number: {problem}") from None


def _of_payer(field: str, text: str, most: int) -> str:
    told = " ".join(plain(text).split())[:most].rstrip()
    if not told or set(told) - set(ALLOWED):
        raise WrongField(
            f"payer {field}", f"'{text}' is missing, or holds signs that the format does not know."
        )
    return told
