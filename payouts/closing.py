"""
Closing a month of a program's books, and opening it again: each by two people.

Months are closed in order. What is posted is posted now, so a fact that is told late books into the open
month: nothing is refused that way. Until a closed month is opened again, the database refuses transfers into
it. Only this module writes closed months.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

from django.contrib.auth.models import User
from django.db import connection, transaction
from django.db.models import Count, Exists, Min, OuterRef, Q, QuerySet, Sum

from payouts import due, ledger, trial_balance, triggers
from payouts.models import Bonus, ClosedBalance, MonthClose, Payout, PayoutBatch, Transfer
from payouts.rules.lifecycle import UNPAID, BatchStatus, PayoutStatus
from payouts.trial_balance import INSTANT, Sides
from referrals import proposals
from referrals.models import Program, Proposal
from referrals.rules.refusal import Refused, require_two_people
from referrals.rules.zones import first_instant, local_date, months_back

OPEN_BATCH = (BatchStatus.DRAFT, BatchStatus.AWAITING_APPROVAL, BatchStatus.APPROVED)
NOT_KNOWN = (PayoutStatus.SENDING, PayoutStatus.UNKNOWN)


class NotTheNextMonth(Refused):
    """Months are closed in order."""

    code = "not_the_next_month"


class MonthNotOver(Refused):
    """The month goes on."""

    code = "month_not_over"


class NotReadyToClose(Refused):
    """Something of the month has to be done first."""

    code = "not_ready_to_close"


class NotTheLastClosed(Refused):
    """Only the last closed month can be opened again, and once."""

    code = "not_the_last_closed"


@dataclass(frozen=True, slots=True)
class Unsettled:
    """What is to be done, or to be known, before a month is closed."""

    code: str
    count: int
    amount_minor: int
    blocks: bool
    """The month cannot be closed before."""


@dataclass(frozen=True, slots=True)
class Difference:
    """A kind of account that no longer is what it was when the month was closed."""

    kind: str
    currency: str
    closed: Sides
    now: Sides


def next_month(program: Program) -> date | None:
    """The first day of the month that is closed next; nothing where nothing was ever posted."""
    last = MonthClose.objects.standing().filter(program=program).order_by("month").last()
    if last is not None:
        return _month_after(last.month)
    posted_at = Transfer.objects.filter(debit__program=program).aggregate(first=Min("posted_at"))["first"]
    return None if posted_at is None else local_date(posted_at, ZoneInfo(program.time_zone)).replace(day=1)


def end_of(program: Program, month: date) -> datetime:
    """The instant at which the month after it begins, in the time zone of the program."""
    return first_instant(_month_after(month), ZoneInfo(program.time_zone))


def unsettled(program: Program, month: date) -> list[Unsettled]:
    """What is open of a month: batches, payouts of which nothing is known, and bonuses that are overdue."""
    ends_at = end_of(program, month)
    ready, waiting = overdue(program, month, can_be_paid=True), overdue(program, month, can_be_paid=False)
    batches = open_batches(program, month).aggregate(
        count=Count("pk", distinct=True), amount=Sum("bonuses__amount_minor", default=0)
    )
    payouts = Payout.objects.filter(
        enrollment__program=program, status__in=NOT_KNOWN, created_at__lt=ends_at
    ).aggregate(count=Count("pk"), amount=Sum("amount_minor", default=0))
    late, held = (
        rows.aggregate(count=Count("pk"), amount=Sum("amount_minor", default=0)) for rows in (ready, waiting)
    )
    found = [
        Unsettled("open_batches", batches["count"], batches["amount"], blocks=True),
        Unsettled("unknown_payouts", payouts["count"], payouts["amount"], blocks=True),
        Unsettled("overdue", late["count"], late["amount"], blocks=True),
        Unsettled("waiting", held["count"], held["amount"], blocks=False),
    ]
    return [each for each in found if each.count]


def open_batches(program: Program, month: date) -> QuerySet[PayoutBatch]:
    """
    Batches of a month, or of one before it, that finance has to see through first.

    A draft is none, if all its lines are held or wait for something: nobody can put it up, and what it holds
    is paid in a later month.
    """
    rows = PayoutBatch.objects.filter(program=program, status__in=OPEN_BATCH, run_on__lt=_month_after(month))
    ready = Bonus.objects.filter(_payable(program, end_of(program, month)), batch=OuterRef("pk"))
    return rows.filter(~Q(status=BatchStatus.DRAFT) | Exists(ready))


def overdue(program: Program, month: date, *, can_be_paid: bool) -> QuerySet[Bonus]:
    """Unpaid bonuses whose window closed within a month: what the next run would pay, or what waits."""
    rows = Bonus.objects.filter(
        terms__program=program, status__in=UNPAID, window_closes_on__lt=_month_after(month)
    )
    ready = _payable(program, end_of(program, month))
    return rows.filter(ready if can_be_paid else ~ready)


def refuse_closing(program: Program, *, month: date, at: datetime) -> None:
    """
    Stop whoever would close a month that cannot be closed.

    :raises NotTheNextMonth: if another one comes first, or nothing was ever posted
    :raises MonthNotOver: if it goes on
    :raises NotReadyToClose: if something of it has to be done first
    """
    following = next_month(program)
    if following is None:
        raise NotTheNextMonth(f"Nothing was ever posted in {program}: there is no month to close.")
    if month != following:
        raise NotTheNextMonth(f"Months are closed in order: {following:%B %Y} is next.")
    if at < end_of(program, month):
        raise MonthNotOver(f"{month:%B %Y} is not over in {program.time_zone}. Close it afterwards.")
    if blocking := [each for each in unsettled(program, month) if each.blocks]:
        said = ", ".join(f"{each.count} {each.code.replace('_', ' ')}" for each in blocking)
        raise NotReadyToClose(f"{month:%B %Y} has {said}. Settle these, then close it.")


@transaction.atomic
def propose_closing(program: Program, *, month: date, by: User, at: datetime) -> Proposal:
    """
    Ask another person to close a month.

    :raises AlreadyProposed: if somebody has asked
    :raises Refused: what ``refuse_closing`` does
    """
    refuse_closing(program, month=month, at=at)
    asked = {"month": f"{month:%Y-%m}"}
    _refuse_twice(open_proposals("close_month", target=program.pk).filter(arguments__month=asked["month"]))
    return proposals.propose("close_month", target=str(program.pk), arguments=asked, by=by, at=at)


@transaction.atomic
def propose_reopening(closed: MonthClose, *, by: User, at: datetime, reason: str) -> Proposal:
    """
    Ask another person to open a closed month again.

    :raises AlreadyProposed: if somebody has asked
    """
    _refuse_twice(open_proposals("reopen_month", target=closed.pk))
    return proposals.propose(
        "reopen_month", target=str(closed.pk), arguments={"reason": reason}, by=by, at=at
    )


def open_proposals(action: str, *, target: int) -> QuerySet[Proposal]:
    """What somebody has asked for and nobody has answered."""
    rows = Proposal.objects.filter(action=action, target=str(target))
    return rows.filter(confirmed_at__isnull=True, withdrawn_at__isnull=True)


@transaction.atomic
def close(program: Program, *, month: date, by: User, confirmed_by: User, at: datetime) -> MonthClose:
    """
    Close a month: what its accounts held is kept, and no transfer is posted into it any more.

    :param month: its first day
    :raises SamePerson: if both are one person
    :raises NotTheNextMonth: if another one comes first, or nothing was ever posted
    :raises MonthNotOver: if it goes on
    :raises NotReadyToClose: if something of it has to be done first
    """
    require_two_people(by, confirmed_by)
    _alone()
    refuse_closing(program, month=month, at=at)
    ends_at = end_of(program, month)
    transfers = trial_balance.posted(program, as_of=ends_at - INSTANT)
    closed = MonthClose.objects.create(
        program=program,
        month=month,
        ends_at=ends_at,
        closed_at=at,
        closed_by=by,
        confirmed_by=confirmed_by,
        transfers=transfers.count(),
        balances_sha256=fingerprint(transfers),
    )
    ClosedBalance.objects.bulk_create(
        ClosedBalance(
            close=closed,
            kind=kind,
            currency=currency,
            debits_minor=sides.debits_minor,
            credits_minor=sides.credits_minor,
        )
        for (kind, currency), sides in sorted(_by_kind(transfers).items())
    )
    return closed


@transaction.atomic
def reopen(closed: MonthClose, *, by: User, confirmed_by: User, at: datetime, reason: str) -> None:
    """
    Open the last closed month again; what it held when it was closed stays written down.

    :raises SamePerson: if both are one person
    :raises NotTheLastClosed: if a later month is closed, or this one was opened again already
    """
    require_two_people(by, confirmed_by)
    _alone()
    standing = MonthClose.objects.standing().filter(program=closed.program_id)
    if standing.filter(month__gt=closed.month).exists():
        raise NotTheLastClosed(f"A later month is closed: open that one again before {closed}.")
    opened = standing.filter(pk=closed.pk).update(
        reopened_at=at, reopened_by=by, reopening_confirmed_by=confirmed_by, reopened_because=reason
    )
    if not opened:
        raise NotTheLastClosed(f"{closed} was opened again already.")
    closed.refresh_from_db()


def differences(closed: MonthClose) -> list[Difference]:
    """Which kinds of account no longer are what they were when the month was closed."""
    rows = closed.balances.all()
    then = {(row.kind, row.currency): Sides(row.debits_minor, row.credits_minor) for row in rows}
    now = _by_kind(_up_to(closed))
    return [
        Difference(kind, currency, then.get((kind, currency), Sides()), now.get((kind, currency), Sides()))
        for kind, currency in sorted({*then, *now})
        if then.get((kind, currency)) != now.get((kind, currency))
    ]


def is_as_closed(closed: MonthClose) -> bool:
    """Does every account still hold what it held when the month was closed?"""
    return fingerprint(_up_to(closed)) == closed.balances_sha256


def taken_back_since(closed: MonthClose) -> QuerySet[Transfer]:
    """What was booked after the month and takes back a transfer of it, or of a month before."""
    return Transfer.objects.filter(
        debit__program=closed.program_id,
        posted_at__gte=closed.ends_at,
        reverses__posted_at__lt=closed.ends_at,
    )


def fingerprint(transfers: QuerySet[Transfer]) -> str:
    """SHA-256 over what these transfers debited and credited, account by account."""
    sides = trial_balance.sides_of(transfers, "pk")
    written = hashlib.sha256()
    for account in sorted(sides):
        each = sides[account]
        written.update(f"{account} {each.debits_minor} {each.credits_minor}\n".encode())
    return written.hexdigest()


def _refuse_twice(asked: QuerySet[Proposal]) -> None:
    if earlier := asked.first():
        raise proposals.AlreadyProposed(f"{earlier} asks for the same: another person confirms it.")


def _by_kind(transfers: QuerySet[Transfer]) -> Mapping[tuple[str, str], Sides]:
    return trial_balance.sides_of(transfers, "kind", "currency")


def _up_to(closed: MonthClose) -> QuerySet[Transfer]:
    return trial_balance.posted(closed.program, as_of=closed.ends_at - INSTANT)


def _alone() -> None:
    """
    Wait for whoever is posting, and let nobody post until the transaction ends.

    SQLite needs no more than its transaction: every writing one is the only one.
    """
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [triggers.LOCK])


def _payable(program: Program, ends_at: datetime) -> Q:
    """What the next run would pay of what was due at the end of the month."""
    as_of = ends_at - INSTANT
    ready = Q(pk__in=[])
    for schedule in due.schedules(as_of=as_of, program=program):
        bonuses = due.due(schedule, as_of=as_of)
        for kind in ledger.PAID_TO:
            ready |= Q(pk__in=due.payable(bonuses, schedule, kind=kind).order_by().values("pk"))
    return ready


def _month_after(month: date) -> date:
    return months_back(month, -1)
