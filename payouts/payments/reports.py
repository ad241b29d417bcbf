"""
What banks and payment services say about payments: confirmed, failed or returned.

Every line of a report ends in a verdict and is kept with it. What was said before changes nothing; what
contradicts the books is refused and told, so that a person looks.
"""

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.contrib.auth.models import User
from django.db import transaction

from payouts.models import Arrival, PaymentFile, PaymentLine, PaymentReport, PaymentReportLine, Payout
from payouts.payments import files, steps
from payouts.payments.planning import reference_of
from payouts.rules import payment_reports
from payouts.rules.lifecycle import (
    REPORTED,
    REPORTED_FROM,
    FileStatus,
    PayoutStatus,
    Result,
    Verdict,
)
from payouts.rules.payment_reports import Told
from referrals.models import Program
from referrals.rules.refusal import Refused

AT_ONCE = 500
BY_HAND = "told by hand"
ON_THE_WAY = (PayoutStatus.SENDING, PayoutStatus.UNKNOWN)
"""What the bank knows of was sent, whatever is known here."""


class NothingDone(Refused):
    """What was told changes nothing."""

    code = "nothing_done"


class FileNotUploaded(Refused):
    """Nobody knows, or has said, that the bank has the file of a payment."""

    code = "file_not_uploaded"


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a report, and what it comes to."""

    told: Told
    verdict: Verdict
    because: str = ""
    payout: Payout | None = None
    file: PaymentFile | None = None


def look(program: Program, *, content: bytes) -> list[Line]:
    """
    What ``read_in`` would do with a report; nothing is written.

    :raises WrongField: if it is no report
    """
    return _judged(program, payment_reports.read(content))


@transaction.atomic
def read_in(program: Program, *, name: str, content: bytes, by: User, at: datetime) -> PaymentReport:
    """
    Take in a report: each of its lines becomes a verdict, and what is new moves its payout.

    The same report once more changes nothing.

    :raises WrongField: if it is no report
    :raises PayoutMoved: if a payout was moved by somebody else meanwhile; read it in once more
    """
    lines = _judged(program, payment_reports.read(content))
    sha256 = hashlib.sha256(content).hexdigest()
    return _take_in(program, lines, name=name, sha256=sha256, by=by, at=at)


@transaction.atomic
def tell(payout: Payout, *, result: Result, detail: str, by: User, at: datetime) -> PaymentReport:
    """
    Take in what somebody read elsewhere about one payout, as a report of one line.

    One person's word neither settles a doubt nor stands for an upload: that takes two people, or a report.

    :raises NothingDone: if it is known already, or contradicts what is known
    :raises FileNotUploaded: if nobody knows whether its file was taken, or has said so
    """
    program = payout.enrollment.program
    told = Told(number=1, reference=reference_of(payout.pk), word=result.value, detail=detail)
    lines = _judged(program, [told])
    if lines[0].verdict != Verdict.DONE:
        raise NothingDone(f"{payout}: {lines[0].because}")
    file = lines[0].file
    if file is not None and file.status != FileStatus.UPLOADED:
        raise FileNotUploaded(
            f"{file} is {FileStatus(file.status).label.lower()}: read in the bank's report, or say first what"
            " became of the file; of one in doubt, two people do."
        )
    sha256 = hashlib.sha256(f"{told.reference},{told.word},{detail}".encode()).hexdigest()
    return _take_in(program, lines, name=BY_HAND, sha256=sha256, by=by, at=at)


def _take_in(
    program: Program, lines: Sequence[Line], *, name: str, sha256: str, by: User, at: datetime
) -> PaymentReport:
    done = [line for line in lines if line.verdict == Verdict.DONE]
    _let_be_sent(done, by=by, at=at)
    moving: dict[tuple[PayoutStatus, PayoutStatus], list[int]] = {}
    for line in done:
        if line.payout is not None and line.told.result is not None:
            step = _as_sent(line.payout), REPORTED[line.told.result]
            moving.setdefault(step, []).append(line.payout.pk)
    for (old, new), numbers in moving.items():
        steps.move(numbers, old=old, new=new, at=at, by=by)
    counted = Counter(line.verdict for line in lines)
    report = PaymentReport.objects.create(
        program=program,
        name=name,
        sha256=sha256,
        read_at=at,
        read_by=by,
        done=counted[Verdict.DONE],
        unchanged=counted[Verdict.UNCHANGED],
        refused=counted[Verdict.REFUSED],
    )
    PaymentReportLine.objects.bulk_create(
        [
            PaymentReportLine(
                report=report,
                number=line.told.number,
                reference=line.told.reference,
                result=line.told.word,
                detail=line.told.detail,
                verdict=line.verdict,
                because=line.because[:200],
                payout=line.payout,
            )
            for line in lines
        ],
        batch_size=AT_ONCE,
    )
    return report


def _let_be_sent(done: Sequence[Line], *, by: User, at: datetime) -> None:
    """Whoever reports about a payment of a file has taken the file, and files are taken as a whole."""
    open_ones = {
        line.file.pk: line.file
        for line in done
        if line.file is not None and line.file.status in {FileStatus.MADE, FileStatus.IN_DOUBT}
    }
    for _, file in sorted(open_ones.items()):
        files.take(file, by=by, at=at)


def _judged(program: Program, told: Sequence[Told]) -> list[Line]:
    """Every line with its verdict, in the order of the report."""
    lines = _lines_of(program, {each.reference for each in told})
    said: dict[str, list[Told]] = {}
    for each in told:
        said.setdefault(each.reference, []).append(each)
    return [_judge(each, lines.get(each.reference), said[each.reference]) for each in told]


def _lines_of(program: Program, references: set[str]) -> Mapping[str, PaymentLine]:
    """The line of each reference that was the last to be in a file."""
    found: dict[str, PaymentLine] = {}
    wanted = sorted(references)
    for start in range(0, len(wanted), AT_ONCE):
        rows = PaymentLine.objects.filter(
            reference__in=wanted[start : start + AT_ONCE], file__program=program
        )
        # A payout may have been in a void file before: the living line is the one that counts.
        joined = rows.select_related("payout", "file", "arrival__payout")
        for line in joined.order_by("-is_void", "pk"):
            found[line.reference] = line
    return found


def _judge(told: Told, line: PaymentLine | None, said: Sequence[Told]) -> Line:
    if line is None:
        return Line(told, Verdict.REFUSED, "No file of this program has a payment with this reference.")
    # What two people said to have arrived is the payment of the latest attempt.
    arrival: Arrival | None = getattr(line, "arrival", None)
    payout, result = arrival.payout if arrival else line.payout, told.result
    if result is None:
        known = ", ".join(Result.values())
        return Line(told, Verdict.REFUSED, f"'{told.word}' is none of {known}.", payout)
    if len({each.result for each in said}) > 1:
        numbers = ", ".join(str(each.number) for each in said)
        return Line(told, Verdict.REFUSED, f"Lines {numbers} say different things of it.", payout)
    if told is not said[0]:
        return Line(told, Verdict.UNCHANGED, f"Said in line {said[0].number} already.", payout)
    now, new = PayoutStatus(payout.status), REPORTED[result]
    if line.is_void and arrival is None and now not in {PayoutStatus.FAILED, PayoutStatus.REISSUED}:
        return Line(
            told,
            Verdict.REFUSED,
            f"File {line.file} is void, and yet somebody has it. Make sure that nobody pays {payout} again.",
            payout,
        )
    if now == new or (now == PayoutStatus.REISSUED and new != PayoutStatus.CONFIRMED):
        return Line(told, Verdict.UNCHANGED, f"It is {now.label.lower()} already.", payout)
    if _as_sent(payout) not in REPORTED_FROM[result]:
        return Line(
            told,
            Verdict.REFUSED,
            f"{payout} is {now.label.lower()} here. Find out which is right before anything is paid again.",
            payout,
        )
    return Line(told, Verdict.DONE, payout=payout, file=line.file)


def _as_sent(payout: Payout) -> PayoutStatus:
    """The status of a payout of which the bank knows."""
    now = PayoutStatus(payout.status)
    return PayoutStatus.SENT if now in ON_THE_WAY else now
