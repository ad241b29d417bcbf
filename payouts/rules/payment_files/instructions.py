"""What is paid to whom, before it takes the form of any file."""

import hashlib
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from anyascii import anyascii

from referrals.rules.money import to_text
from referrals.rules.refusal import WrongField

# What these letters are written as where only plain ones are taken; anyascii would write a single one.
_TWO_LETTERS = str.maketrans(
    {
        "ä": "ae",
        "ö": "oe",
        "ü": "ue",
        "Ä": "Ae",
        "Ö": "Oe",
        "Ü": "Ue",
        "å": "aa",
        "Å": "Aa",
        "ø": "oe",
        "Ø": "Oe",
    }
)


class CannotBePaid(WrongField):
    """One instruction cannot be written into the file; its field and reference are named."""

    code = "cannot_be_paid"

    def __init__(self, instruction: "Instruction", field: str, message: str) -> None:
        super().__init__(field, f"{message} (payment {instruction.reference})")
        self.reference = instruction.reference


@dataclass(frozen=True, slots=True)
class Payer:
    """The company that pays, as its bank knows it; what a format does not need stays empty."""

    name: str
    identification: str = ""
    """SEPA: the initiating party's own id. NACHA: the company id, ten characters."""
    iban: str = ""
    bic: str = ""
    routing_number: str = ""
    """NACHA: of the bank that takes the file in, nine digits."""
    bank_name: str = ""


@dataclass(frozen=True, slots=True)
class Instruction:
    """One payment: to whom, how much, and the reference under which it comes back."""

    reference: str
    """Ours, unique for ever: at most 15 plain letters and digits, so that every format can carry it."""
    name: str
    amount_minor: int
    currency: str
    note: str = ""
    iban: str = ""
    bic: str = ""
    town: str = ""
    country: str = ""
    routing_number: str = ""
    account_number: str = ""
    is_savings: bool = False
    recipient: str = ""
    """An e-mail address, phone or number by which a payment service knows the person."""
    wallet: str = ""

    @property
    def amount(self) -> str:
        """The amount with the decimals of its currency."""
        return to_text(self.amount_minor, self.currency)


@dataclass(frozen=True, slots=True)
class PaymentFile:
    """A file ready to be offered, with the totals that are stored before it is."""

    name: str
    content: bytes
    references: tuple[str, ...]
    total_minor: int
    currency: str

    @property
    def sha256(self) -> str:
        """The fingerprint of its bytes."""
        return hashlib.sha256(self.content).hexdigest()

    @property
    def count(self) -> int:
        """How many payments it holds."""
        return len(self.references)


def made(name: str, content: bytes, instructions: Sequence[Instruction]) -> PaymentFile:
    """A file of these instructions; all are of one currency."""
    return PaymentFile(
        name=name,
        content=content,
        references=tuple(each.reference for each in instructions),
        total_minor=sum(each.amount_minor for each in instructions),
        currency=instructions[0].currency,
    )


def look_through(instructions: Sequence[Instruction], *, currencies: Sequence[str] = ()) -> None:
    """
    What holds for every file: one currency, positive amounts, references that tell payments apart.

    :param currencies: the only ones that the format takes; empty: any
    :raises CannotBePaid: naming the field and the payment
    :raises WrongField: if there is nothing to pay
    """
    if not instructions:
        raise WrongField("instructions", "there is nothing to pay.")
    seen: set[str] = set()
    for each in instructions:
        if not (each.reference.isascii() and each.reference.isalnum() and len(each.reference) <= 15):
            raise CannotBePaid(each, "reference", "it needs 1 to 15 plain letters and digits")
        if each.reference in seen:
            raise CannotBePaid(each, "reference", "two payments have it")
        seen.add(each.reference)
        if each.amount_minor <= 0:
            raise CannotBePaid(each, "amount", f"{each.amount} is not above zero")
        if each.currency != instructions[0].currency:
            raise CannotBePaid(each, "currency", f"the file is in {instructions[0].currency}")
        if currencies and each.currency not in currencies:
            raise CannotBePaid(each, "currency", f"this kind of file takes {' or '.join(currencies)} only")


def plain(text: str) -> str:
    """A text in plain Latin letters: accents are dropped, other scripts spelled; signs stay as they are."""
    composed = unicodedata.normalize("NFC", text).translate(_TWO_LETTERS)
    return "".join(
        anyascii(sign) if unicodedata.category(sign)[0] in "LM" and not sign.isascii() else sign
        for sign in composed
    )


def fitted(instruction: Instruction, field: str, *, allowed: str, most: int) -> str:
    """
    A field in plain letters, cut to its length.

    :param allowed: the signs that the format knows
    :raises CannotBePaid: if another sign is left, or nothing
    """
    told = " ".join(plain(getattr(instruction, field)).split())
    if not told:
        raise CannotBePaid(instruction, field, "it is missing")
    if wrong := sorted({sign for sign in told if sign not in allowed}):
        raise CannotBePaid(instruction, field, f"this kind of file knows no {' '.join(map(repr, wrong))}")
    return told[:most].rstrip()
