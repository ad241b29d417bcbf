"""
Payment files: made from what waits, downloaded, uploaded by a person, voided, or in doubt.

A file is wholly made or not at all: its rows, its totals and the hash of its bytes stand before anybody can
download it, and its payouts are being sent from then on. The bytes are not kept: they are made again from the
rows each time, and compared with the hash.
"""

from datetime import date, datetime

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Sum

from payouts import failpoints
from payouts.insertion import listed
from payouts.models import Destination, PaymentFile, PaymentFileChange, PaymentLine, Payout, PayoutMethod
from payouts.payments import planning, steps
from payouts.rails import RAILS
from payouts.rules import payment_files
from payouts.rules.lifecycle import FILE_SOURCES, FileStatus, PayoutStatus
from payouts.rules.payees import Rail
from referrals.rules.refusal import Refused, WrongField, require_two_people

AT_ONCE = 500


class NothingToPay(Refused):
    """No payout waits that this method can pay now."""

    code = "nothing_to_pay"


class MethodClosed(Refused):
    """The program does not pay by this method any more."""

    code = "method_closed"


class NotByFile(Refused):
    """The method pays over the network."""

    code = "not_by_file"


class StepNotAllowed(Refused):
    """The file has moved on since it was looked at."""

    code = "step_not_allowed"


class NotTheSame(Refused):
    """The file cannot be made again as it was."""

    code = "not_the_same"


class WasDownloaded(Refused):
    """Somebody has the file: one person cannot know that it was not uploaded."""

    code = "was_downloaded"


@transaction.atomic
def make(method: PayoutMethod, *, pay_on: date, by: User, at: datetime) -> list[PaymentFile]:
    """
    Put everything that this method can pay now into files; what does not fit into one goes into the next.

    Its payouts are being sent from now on: no other file can hold them.

    :raises MethodClosed: if the program does not pay by it any more
    :raises NotByFile: if it pays over the network
    :raises NothingToPay: if nothing is left that can be paid
    :raises PayoutMoved: if a payout or a destination has just changed
    :raises WrongField: if the day has gone by, or the company's own account cannot be written
    """
    # Two people who make files of one method at once take turns: the second finds what the first has left.
    locked = PayoutMethod.objects.select_for_update(of=("self",)).select_related("program")
    method = locked.get(pk=method.pk)
    if method.closed_at is not None:
        raise MethodClosed(f"{method} is closed: choose a way to pay that is open.")
    if method.code not in RAILS:
        raise NotByFile(f"{method} pays over the network: what waits is sent by itself.")
    parts = planning.parts(method, pay_on=pay_on, at=at, unwritable=planning.Unwritable(named=0))
    made = [_store(part, by=by, at=at) for part in parts]
    if not made:
        raise NothingToPay(f"No payout of {method.program} waits that {Rail(method.code).label} can pay now.")
    failpoints.reach("before_file")
    return made


@transaction.atomic
def download(file: PaymentFile, *, by: User, at: datetime) -> payment_files.PaymentFile:
    """
    The file, made again from its rows; who took it, and when, is kept.

    :raises StepNotAllowed: if it is void
    :raises NotTheSame: if its bytes are not those that were stored
    """
    # Voiding and downloading take turns: who voids must know that somebody has it.
    _lock(file)
    if file.status == FileStatus.VOIDED:
        raise StepNotAllowed(f"{file} is void: its payments are in another file, or wait for one.")
    written = remade(file)
    _log(file, old=file.status, at=at, by=by)
    return written


def remade(file: PaymentFile) -> payment_files.PaymentFile:
    """
    The file, made again from its rows.

    :raises NotTheSame: if its bytes, count or total are not those that were stored
    """
    try:
        written = planning.written_again(file)
    except WrongField as problem:
        raise NotTheSame(f"{file} cannot be made again: {problem} Do not upload it.") from problem
    if (written.sha256, written.count, written.total_minor) != (file.sha256, file.count, file.total_minor):
        raise NotTheSame(
            f"{file} does not come out as it was made: {written.count} payments, fingerprint"
            f" {written.sha256[:12]} instead of {file.sha256[:12]}. Do not upload it."
        )
    return written


@transaction.atomic
def mark_uploaded(file: PaymentFile, *, by: User, at: datetime) -> None:
    """
    Say that the bank or payment service has the file: its payouts are sent.

    :raises SamePerson: if the program wants two people, and this one made it
    :raises StepNotAllowed: if it does not wait to be uploaded
    """
    _lock(file)
    _refuse_unless_made(file, "it waits for no upload")
    if file.program.people_needed >= 2:
        require_two_people(file.made_by, by)
    take(file, by=by, at=at)
    failpoints.reach("before_mark")


@transaction.atomic
def void(file: PaymentFile, *, by: User, at: datetime, approved_by: User | None = None) -> None:
    """
    Take a file back that nobody uploaded: its payouts wait for another one.

    Who has downloaded it may have uploaded it: then it takes two people to say that nobody did.

    :raises WasDownloaded: if somebody has it and nobody confirms
    :raises SamePerson: if both people are one
    :raises StepNotAllowed: if it does not wait to be uploaded
    """
    _lock(file)
    _refuse_unless_made(file, "it cannot be voided")
    if approved_by is not None:
        require_two_people(by, approved_by)
    elif was_downloaded(file):
        raise WasDownloaded(f"{file} was downloaded: a second person confirms that nobody uploaded it.")
    numbers = payouts_in(file, status=PayoutStatus.SENDING)
    file.lines.update(is_void=True)
    steps.move(
        numbers,
        old=PayoutStatus.SENDING,
        new=PayoutStatus.PREPARED,
        at=at,
        by=by,
        approved_by=approved_by,
    )
    _move(file, to=FileStatus.VOIDED, at=at, by=by, approved_by=approved_by)


@transaction.atomic
def put_in_doubt(file: PaymentFile, *, by: User, at: datetime) -> None:
    """
    Say that nobody knows whether the file was taken: until it is known, nothing of it is tried again.

    :raises StepNotAllowed: if it does not wait to be uploaded
    """
    _lock(file)
    _refuse_unless_made(file, "it is known what became of it")
    numbers = payouts_in(file, status=PayoutStatus.SENDING)
    steps.move(numbers, old=PayoutStatus.SENDING, new=PayoutStatus.UNKNOWN, at=at, by=by)
    _move(file, to=FileStatus.IN_DOUBT, at=at, by=by)


@transaction.atomic
def take(file: PaymentFile, *, by: User, at: datetime, approved_by: User | None = None) -> None:
    """
    The file was taken, and a file is taken as a whole: what is in it is sent.

    :raises StepNotAllowed: if it is known already what became of it
    """
    for old in (PayoutStatus.SENDING, PayoutStatus.UNKNOWN):
        numbers = payouts_in(file, status=old)
        steps.move(numbers, old=old, new=PayoutStatus.SENT, at=at, by=by, approved_by=approved_by)
    _move(file, to=FileStatus.UPLOADED, at=at, by=by, approved_by=approved_by)


@transaction.atomic
def drop(file: PaymentFile, *, by: User, approved_by: User, at: datetime) -> None:
    """
    The file in doubt was not taken: its payouts have failed, and can be reissued.

    :raises StepNotAllowed: if some of its payments were sent, or it is not in doubt
    """
    not_sent = [PayoutStatus.UNKNOWN, PayoutStatus.FAILED, PayoutStatus.REISSUED]
    sent = Payout.objects.filter(lines__file=file).exclude(status__in=not_sent).count()
    if sent or file.status != FileStatus.IN_DOUBT:
        raise StepNotAllowed(f"{sent} payments of {file} were sent: say of the others one by one.")
    numbers = payouts_in(file, status=PayoutStatus.UNKNOWN)
    steps.move(
        numbers, old=PayoutStatus.UNKNOWN, new=PayoutStatus.FAILED, at=at, by=by, approved_by=approved_by
    )
    file.lines.update(is_void=True)
    _move(file, to=FileStatus.VOIDED, at=at, by=by, approved_by=approved_by)


def was_downloaded(file: PaymentFile) -> bool:
    """Somebody has its bytes."""
    return any(change.is_download for change in file.changes.all())


def payouts_in(file: PaymentFile, *, status: PayoutStatus) -> list[int]:
    """The numbers of its payouts in that status."""
    lines = file.lines.filter(payout__status=status).order_by("payout")
    return list(lines.values_list("payout", flat=True))


def _store(part: planning.Part, *, by: User, at: datetime) -> PaymentFile:
    file = part.row
    file.made_by = by
    file.save(force_insert=True)
    _refuse_ended(part)
    lines = [
        PaymentLine(
            file=file,
            payout=payout,
            destination=part.destinations[payout.pk],
            reference=planning.reference_of(payout.pk),
            amount_minor=payout.amount_minor,
            currency=payout.currency,
        )
        for payout in part.payouts
    ]
    PaymentLine.objects.bulk_create(lines, batch_size=AT_ONCE)
    failpoints.reach("after_lines")
    numbers = [payout.pk for payout in part.payouts]
    steps.move(numbers, old=PayoutStatus.PREPARED, new=PayoutStatus.SENDING, at=at, by=by)
    # From here on no payout in it changes any more; one may have since the file was planned.
    total = Payout.objects.filter(pk__in=listed(numbers)).aggregate(total=Sum("amount_minor"))["total"]
    if total != file.total_minor:
        raise steps.PayoutMoved("A payout has just changed. Nothing was done: look again.")
    _log(file, old="", at=at, by=by)
    return file


def _refuse_ended(part: planning.Part) -> None:
    """Of ending a destination and making a file that pays there one comes first, and the other sees it."""
    used = {part.destinations[payout.pk].pk for payout in part.payouts}
    living = Destination.objects.live().filter(pk__in=listed(sorted(used)))
    if len(living.order_by("pk").select_for_update(of=("self",)).values_list("pk")) != len(used):
        raise steps.PayoutMoved("A destination has just ended. Nothing was done: look again.")


def _lock(file: PaymentFile) -> None:
    """Let nobody else take a step with this file until the transaction ends; it is read anew."""
    PaymentFile.objects.select_for_update(of=("self",)).get(pk=file.pk)
    file.refresh_from_db()


def _refuse_unless_made(file: PaymentFile, why: str) -> None:
    if file.status != FileStatus.MADE:
        raise StepNotAllowed(f"{file} is {FileStatus(file.status).label.lower()}: {why}.")


def _move(
    file: PaymentFile, *, to: FileStatus, at: datetime, by: User, approved_by: User | None = None
) -> None:
    seen = FileStatus(file.status)
    mine = PaymentFile.objects.filter(pk=file.pk, status=seen)
    if seen not in FILE_SOURCES[to] or not mine.update(status=to):
        raise StepNotAllowed(f"{file} is {seen.label.lower()}: it cannot become {to.label.lower()}.")
    file.refresh_from_db()
    _log(file, old=seen, at=at, by=by, approved_by=approved_by)


def _log(file: PaymentFile, *, old: str, at: datetime, by: User, approved_by: User | None = None) -> None:
    PaymentFileChange.objects.create(
        file=file,
        old_status=old,
        new_status=file.status,
        changed_at=at,
        changed_by=by,
        approved_by=approved_by,
    )
