"""
A bank that keeps its own book: what it accepted, paid, refused and sent back, read from the bytes of files.

It knows references, amounts and currencies, and no table of ours. It takes whatever it is given: that nobody
is paid twice is not its business. What has become of payments it reports late, twice, in any order.
"""

import csv
import io
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from payouts.rules.payees import Rail

IN_XML = re.compile(
    r"<EndToEndId>P(\d+)</EndToEndId>.*?<InstdAmt Ccy=\"([A-Z]{3})\">([0-9.]+)</InstdAmt>", re.DOTALL
)


@dataclass(slots=True)
class Instruction:
    """A payment that the bank was told to make."""

    payout: int
    amount_minor: int
    currency: str
    file: int
    program: int
    state: str = "ACCEPTED"

    @property
    def is_living(self) -> bool:
        """The money is on its way, or there."""
        return self.state in {"ACCEPTED", "PAID"}

    @property
    def reference(self) -> str:
        return f"P{self.payout}"


@dataclass(frozen=True, slots=True)
class Report:
    """What the bank gave out at one time about the payments of one program."""

    program: int
    lines: tuple[tuple[str, str], ...]
    """Reference and result."""

    @property
    def content(self) -> bytes:
        return "\n".join(["reference,result", *(",".join(line) for line in self.lines), ""]).encode()


@dataclass(slots=True)
class Provider:
    """The bank and its book."""

    book: list[Instruction] = field(default_factory=list)
    news: list[tuple[Instruction, str]] = field(default_factory=list)
    """What it has not reported yet."""
    reports: list[Report] = field(default_factory=list)
    accepts_twice: bool = False
    """A negative control: what is sent once is taken twice."""

    def take(self, content: bytes, *, rail: Rail, file: int, program: int) -> list[Instruction]:
        """Accept a file, as a whole."""
        accepted = [
            Instruction(payout, amount_minor, currency, file, program)
            for _ in range(2 if self.accepts_twice else 1)
            for payout, amount_minor, currency in read(content, rail=rail)
        ]
        self.book += accepted
        return accepted

    def has(self, file: int) -> bool:
        """Did it take that file? This is what it answers when it is asked."""
        return any(each.file == file for each in self.book)

    def pays(self, each: Instruction) -> None:
        self._becomes(each, "PAID", "CONFIRMED")

    def refuses(self, each: Instruction) -> None:
        self._becomes(each, "FAILED", "FAILED")

    def sends_back(self, each: Instruction) -> None:
        self._becomes(each, "RETURNED", "RETURNED")

    def in_state(self, state: str) -> list[Instruction]:
        return [each for each in self.book if each.state == state]

    def report(self, chosen: Sequence[tuple[Instruction, str]]) -> list[Report]:
        """Give out some of the news, one report for each program."""
        self.news = [each for each in self.news if each not in chosen]
        made = _reports((each.program, each.reference, word) for each, word in chosen)
        self.reports += made
        return made

    def whole_truth(self) -> list[Report]:
        """What became of every payment at last; nothing is said of what is under way."""
        words = {"PAID": "CONFIRMED", "FAILED": "FAILED", "RETURNED": "RETURNED"}
        return _reports(
            (each.program, each.reference, words[each.state]) for each in self.book if each.state in words
        )

    def _becomes(self, each: Instruction, state: str, word: str) -> None:
        each.state = state
        self.news.append((each, word))


def read(content: bytes, *, rail: Rail) -> list[tuple[int, int, str]]:
    """Payout, amount in minor units and currency of every payment in a file."""
    if rail == Rail.PAYPAL:
        rows = csv.reader(io.StringIO(content.decode()))
        return [(int(row[3].removeprefix("P")), _minor(row[1]), row[2]) for row in rows]
    found = IN_XML.findall(content.decode())
    return [(int(payout), _minor(amount), currency) for payout, currency, amount in found]


def _minor(amount: str) -> int:
    whole, _, cents = amount.partition(".")
    return int(whole) * 100 + int(f"{cents:0<2}")


def _reports(told: Iterable[tuple[int, str, str]]) -> list[Report]:
    lines: dict[int, list[tuple[str, str]]] = {}
    for program, reference, word in told:
        lines.setdefault(program, []).append((reference, word))
    return [Report(program, tuple(each)) for program, each in lines.items()]
