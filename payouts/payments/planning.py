"""
From rows to the bytes of payment files: which payments the next files hold, and what each file looks like.

A file that was made is written from its own rows by the same code, so that it comes out the same.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.db.models import Max, QuerySet

from payouts.models import Destination, PaymentFile, Payout, PayoutMethod
from payouts.payments import candidates, fees
from payouts.payments.candidates import Why
from payouts.payments.fees import Charges
from payouts.rails import BY_NETWORK, RAILS, Sending, sender_of
from payouts.rules import payment_files
from payouts.rules.lifecycle import FileStatus
from payouts.rules.payees import Rail
from payouts.rules.payment_files import CannotBePaid, Instruction, Payer
from referrals.models import Program
from referrals.rules.refusal import WrongField
from referrals.rules.zones import local_date

OF_THE_DAY = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
"""NACHA tells the files of one day apart by one of these."""


@dataclass(frozen=True, slots=True)
class Part:
    """One file to be: its row, not saved yet, its bytes, and its payouts with where they go."""

    row: PaymentFile
    written: payment_files.PaymentFile
    payouts: Sequence[Payout]
    destinations: Mapping[int, Destination]
    """By the number of the payout."""
    charges: Charges
    """What of it the referrers bear."""

    @property
    def fees_minor(self) -> int:
        return sum(self.charges[each.pk].fee_minor for each in self.payouts if each.pk in self.charges)


@dataclass(frozen=True, slots=True)
class Plan:
    """What the next files of a method hold, and what drops out and why."""

    parts: Sequence[Part]
    left_out: Mapping[Why, Sequence[Payout]]
    problems: Mapping[int, str]
    """What is wrong with payouts that the rail cannot write, by their numbers."""

    @property
    def count(self) -> int:
        return sum(part.written.count for part in self.parts)

    @property
    def total_minor(self) -> int:
        return sum(part.written.total_minor for part in self.parts)

    @property
    def fees_minor(self) -> int:
        return sum(part.fees_minor for part in self.parts)


def plan(method: PayoutMethod, *, pay_on: date, at: datetime) -> Plan:
    """
    What the next files of a method would hold; nothing is stored.

    :raises WrongField: if the day has gone by, or the company's own account cannot be written
    """
    if pay_on < local_date(at, _zone(method.program)):
        raise WrongField("pay_on", "this day has gone by.")
    left_out: dict[Why, list[Payout]] = {}
    payable: dict[int, Any] = {}
    for payout in candidates.waiting(method, at=at).select_related("enrollment__referrer"):
        if payout.why:
            left_out.setdefault(Why(payout.why), []).append(payout)
        else:
            payable[payout.pk] = payout
    charges = fees.stated(method, list(payable))
    if eaten := [number for number, charge in charges.items() if charge.net_minor <= 0]:
        left_out[Why.FEE_EATS_IT] = [payable.pop(number) for number in eaten]
    found = Destination.objects.in_bulk({payout.to for payout in payable.values()})
    destinations = {number: found[payout.to] for number, payout in payable.items()}

    drafts = _Drafts(method, pay_on=pay_on, at=at)
    instructions = {
        number: instruction(
            fees.net_minor(payout, charges), payout.currency, destinations[number], number, drafts.note
        )
        for number, payout in payable.items()
    }
    problems: dict[int, str] = {}
    try:
        written = drafts.written(list(instructions.values()))
    except CannotBePaid:
        # One that cannot be written does not stop the others.
        problems = {number: told for number, each in instructions.items() if (told := drafts.problem(each))}
        left_out[Why.CANNOT_BE_WRITTEN] = [payable[number] for number in problems]
        written = drafts.written([each for number, each in instructions.items() if number not in problems])
    parts = [
        Part(
            row, file, [payable[payout_of(reference)] for reference in file.references], destinations, charges
        )
        for row, file in written
    ]
    return Plan(parts, left_out, problems)


def written_again(file: PaymentFile) -> payment_files.PaymentFile:
    """
    A file from the rows that were stored when it was made.

    :raises CannotBePaid: also WrongField: if its rail would not write it any more
    """
    instructions = [
        instruction(line.amount_minor, line.currency, line.destination, line.payout_id, file.note)
        for line in file.lines.select_related("destination")
    ]
    return _write(file, sorted(instructions, key=lambda each: each.reference))


def instruction(
    amount_minor: int, currency: str, destination: Destination, payout: int, note: str
) -> Instruction:
    """One payment, as every rail understands it."""
    return Instruction(
        reference=reference_of(payout),
        name=destination.holder_name,
        amount_minor=amount_minor,
        currency=currency,
        note=note,
        iban=destination.iban,
        bic=destination.bic,
        town=destination.town,
        country=destination.country,
        routing_number=destination.routing_number,
        account_number=destination.account_number,
        is_savings=destination.is_savings,
        recipient=destination.recipient,
    )


def trial(method: PayoutMethod, each: Instruction, *, at: datetime) -> None:
    """
    Write one payment to see whether its rail takes it.

    :raises CannotBePaid: also WrongField: if it does not
    """
    if Rail(method.code) in BY_NETWORK:
        sender_of(method, at=at).check(each)
        return
    drafts = _Drafts(method, pay_on=local_date(at, _zone(method.program)), at=at)
    drafts.written([each])


def note_of(method: PayoutMethod) -> str:
    """What a referrer reads on the statement."""
    return f"Referral program {method.program.slug.replace('_', '-')}"[:140]


def reference_of(payout: int) -> str:
    """
    Under which a payout comes back from the bank.

    The same in every file that it may be in, so that a bank that is given it twice may notice.
    """
    return f"P{payout}"


def payout_of(reference: str) -> int:
    """The number of the payout with that reference."""
    return int(reference.removeprefix("P"))


def _zone(program: Program) -> ZoneInfo:
    return ZoneInfo(program.time_zone)


class _Drafts:
    """The next files of a method: how they are numbered and what they say of themselves."""

    def __init__(self, method: PayoutMethod, *, pay_on: date, at: datetime) -> None:
        self.method, self.pay_on, self.at = method, pay_on, at
        self.program = method.program
        self.rail = RAILS[Rail(method.code)]
        self.note = note_of(method)
        mine = PaymentFile.objects.filter(program=self.program)
        self.last = mine.aggregate(last=Max("sequence"))["last"] or 0
        today = local_date(at, _zone(self.program))
        lately = self._of_payer().select_related("program").order_by("-made_at", "-pk")[: len(OF_THE_DAY)]
        self.today = sum(local_date(file.made_at, _zone(file.program)) == today for file in lately)

    def _of_payer(self) -> QuerySet[PaymentFile]:
        """The files among which one of a day is told apart: a bank knows the company, not its programs."""
        files = PaymentFile.objects.filter(method__code=self.method.code)
        if self.method.code != Rail.NACHA:
            return files.filter(program=self.program)
        return files.filter(
            method__payer_identification=self.method.payer_identification,
            method__payer_routing_number=self.method.payer_routing_number,
        )

    def written(
        self, instructions: Sequence[Instruction]
    ) -> list[tuple[PaymentFile, payment_files.PaymentFile]]:
        """The files that hold these payments, each no larger than its rail takes."""
        parts = payment_files.split(instructions, most=self.rail.most_payments)
        return [self._one(turn, part) for turn, part in enumerate(parts)]

    def problem(self, each: Instruction) -> str:
        """What the rail has against one payment; empty: nothing."""
        try:
            self._one(0, [each])
        except CannotBePaid as problem:
            return str(problem)
        return ""

    def _one(self, turn: int, part: Sequence[Instruction]) -> tuple[PaymentFile, payment_files.PaymentFile]:
        if self.today + turn >= len(OF_THE_DAY):
            raise WrongField("pay_on", f"no more than {len(OF_THE_DAY)} files are made on one day.")
        row = PaymentFile(
            program=self.program,
            method=self.method,
            sequence=self.last + 1 + turn,
            identification=f"PAY-{self.program.pk}-{self.last + 1 + turn}",
            pay_on=self.pay_on,
            of_the_day=OF_THE_DAY[self.today + turn],
            note=self.note,
            status=FileStatus.MADE,
            currency=self.program.currency,
            made_at=self.at,
        )
        written = _write(row, part)
        row.count, row.total_minor, row.sha256 = written.count, written.total_minor, written.sha256
        return row, written


def _write(file: PaymentFile, instructions: Sequence[Instruction]) -> payment_files.PaymentFile:
    method = file.method
    payer = Payer(
        name=method.payer_name,
        identification=method.payer_identification,
        iban=method.payer_iban,
        bic=method.payer_bic,
        routing_number=method.payer_routing_number,
        bank_name=method.payer_bank_name,
    )
    sending = Sending(
        identification=file.identification,
        made_at=file.made_at.astimezone(_zone(file.program)),
        pay_on=file.pay_on,
        of_the_day=file.of_the_day,
        payer=payer,
        template=method.template,
        currency=file.currency,
    )
    return RAILS[Rail(method.code)].write(instructions, sending)
