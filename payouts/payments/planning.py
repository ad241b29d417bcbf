"""
From rows to the bytes of payment files: which payments the next files hold, and what each file looks like.

A file that was made is written from its own rows by the same code, so that it comes out the same.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.db.models import Count, Max, QuerySet

from payouts.insertion import listed
from payouts.models import Destination, PaymentFile, Payout, PayoutMethod
from payouts.payments import candidates
from payouts.payments.candidates import Why
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


@dataclass(frozen=True, slots=True)
class Left:
    """Payouts that drop out for one reason: how many, and the first of them."""

    count: int
    first: Sequence[Payout]


@dataclass(frozen=True, slots=True)
class Plan:
    """How much the next files of a method hold, and what drops out and why."""

    files: int
    count: int
    total_minor: int
    left_out: Mapping[Why, Left]
    problems: Sequence[str]
    """What is wrong with the first payouts that the rail cannot write."""


@dataclass(slots=True)
class Unwritable:
    """Payouts that a rail cannot write: how many, and the first of them with what is wrong."""

    named: int
    """So many are kept with what is wrong."""
    count: int = 0
    problems: dict[int, str] = field(default_factory=dict)

    def add(self, number: int, problem: str) -> None:
        """Count one, and keep what is wrong with it, if it is one of the first."""
        self.count += 1
        if len(self.problems) < self.named:
            self.problems[number] = problem


def plan(method: PayoutMethod, *, pay_on: date, at: datetime, named: int) -> Plan:
    """
    What the next files of a method would hold; nothing is stored, and one file at a time is looked at.

    :param named: so many payouts that drop out are named for each reason
    :raises WrongField: if the day has gone by, or the company's own account cannot be written
    """
    files = count = total_minor = 0
    unwritable = Unwritable(named)
    for part in parts(method, pay_on=pay_on, at=at, unwritable=unwritable):
        files, count = files + 1, count + part.written.count
        total_minor += part.written.total_minor
    left_out = _left_out(method, at=at, named=named)
    if unwritable.count:
        these = Payout.objects.filter(pk__in=unwritable.problems).select_related("enrollment__referrer")
        left_out[Why.CANNOT_BE_WRITTEN] = Left(unwritable.count, list(these.order_by("pk")))
    return Plan(files, count, total_minor, left_out, list(unwritable.problems.values()))


def parts(method: PayoutMethod, *, pay_on: date, at: datetime, unwritable: Unwritable) -> Iterator[Part]:
    """
    The next files of a method, one after the other: no more is read at once than one of them holds.

    In the order of their references, so that the same payouts are always split alike. One that the rail
    cannot write does not stop the others.

    :raises WrongField: if the day has gone by, or the company's own account cannot be written
    """
    if pay_on < local_date(at, _zone(method.program)):
        raise WrongField("pay_on", "this day has gone by.")
    payable = candidates.waiting(method, at=at).filter(why="")
    numbers = sorted(payable.order_by().values_list("pk", flat=True), key=reference_of)
    drafts = _Drafts(method, pay_on=pay_on, at=at)
    most, turn, read = drafts.rail.most_payments, 0, 0
    held: dict[int, Any] = {}
    while held or read < len(numbers):
        chosen = numbers[read : read + most - len(held)]
        read += len(chosen)
        for payout in payable.filter(pk__in=listed(chosen)) if chosen else ():
            held[payout.pk] = payout
        found = Destination.objects.in_bulk({payout.to for payout in held.values()})
        destinations = {number: found[payout.to] for number, payout in held.items()}
        instructions = [
            instruction(payout.amount_minor, payout.currency, destinations[number], number, drafts.note)
            for number, payout in sorted(held.items(), key=lambda each: reference_of(each[0]))
        ]
        if not instructions:
            continue
        try:
            row, written = drafts.one(turn, instructions)
        except CannotBePaid:
            problems = {payout_of(each.reference): drafts.problem(each) for each in instructions}
            if not any(problems.values()):
                # None of them alone: left to another round, it would be so again.
                raise
            for number in [number for number, problem in problems.items() if problem]:
                unwritable.add(number, problems[number])
                del held[number]
            continue
        payouts = [held[payout_of(reference)] for reference in written.references]
        yield Part(row, written, payouts, destinations)
        held, turn = {}, turn + 1


def _left_out(method: PayoutMethod, *, at: datetime, named: int) -> dict[Why, Left]:
    """What drops out by reason, without what the rail cannot write."""
    rows = candidates.waiting(method, at=at).exclude(why="")
    counted = dict(rows.order_by().values("why").annotate(count=Count("pk")).values_list("why", "count"))
    joined = rows.select_related("enrollment__referrer")
    return {why: Left(counted[why], list(joined.filter(why=why)[:named])) for why in Why if why in counted}


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
    drafts.one(0, [each])


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

    def problem(self, each: Instruction) -> str:
        """What the rail has against one payment; empty: nothing."""
        try:
            self.one(0, [each])
        except CannotBePaid as problem:
            return str(problem)
        return ""

    def one(self, turn: int, part: Sequence[Instruction]) -> tuple[PaymentFile, payment_files.PaymentFile]:
        """
        The file that comes after so many others, with its bytes.

        :raises CannotBePaid: if the rail would not write one of these payments
        """
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
