"""
What will be paid when: from the windows that bonuses were given, and by trying a run of any date.

Windows are frozen at activation, so what is activated is known to the day. What may come besides, month by
month, is told apart: it rests on every account staying as it is. The dry run is the run itself, taken back.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.db import transaction
from django.db.models import Count, Exists, F, Max, OuterRef, Q, QuerySet, Sum

from payouts import attention, due, sweeps
from payouts.models import Bonus, BonusChange, PayoutSchedule, Reward
from payouts.program_files import schedule_of
from payouts.rules.lifecycle import BonusStatus
from payouts.rules.schedule import Window, window, window_of_month
from referrals.models import MilestoneReached, Program, ReferredAccount
from referrals.rules.facts import Activity
from referrals.rules.lifecycle import AccountStatus
from referrals.rules.refusal import Refused
from referrals.rules.words import Anchor, Beneficiary, Recurrence, Word
from referrals.rules.zones import day_of_months, first_instant, local_date

MONTHS = 12
AHEAD = timedelta(days=366)
MOST = 5_000
"""So many bonuses and accounts a dry run looks at on a page; more of them are the command line's."""


class TooMany(Refused):
    """A dry run of that date would take longer than a page should."""

    code = "too_many"


# --- windows ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Coming:
    """What is to be paid in one window of a program, of one kind and currency; amounts in minor units."""

    program_id: int
    slug: str
    opens_on: date
    closes_on: date
    kind: str
    currency: str
    bonuses: int
    referrers: int
    amount_minor: int
    approved: int
    approved_minor: int
    held: int
    held_minor: int


def calendar(bonuses: QuerySet[Bonus], *, as_of: datetime) -> list[Coming]:
    """
    The windows of these bonuses that open within twelve months, or are open, the first one first.

    :param bonuses: of whatever status: the unpaid ones count
    """
    is_held, is_approved = Q(on_hold=True), Q(on_hold=False, status=BonusStatus.APPROVED)
    group = ("terms__program", "terms__program__slug", "window_opens_on", "window_closes_on")
    rows: Any = (
        bonuses.filter(attention.UNPAID_ONE, window_opens_on__lte=as_of.date() + AHEAD)
        .order_by()
        .values(*group, "kind", "currency")
        .annotate(
            bonuses=Count("pk"),
            referrers=Count("enrollment", distinct=True),
            total=Sum("amount_minor"),
            approved=Count("pk", filter=is_approved),
            approved_minor=Sum("amount_minor", filter=is_approved, default=0),
            held=Count("pk", filter=is_held),
            held_minor=Sum("amount_minor", filter=is_held, default=0),
        )
        .order_by("terms__program__slug", "terms__program", *group[2:], "kind", "currency")
    )
    return [
        Coming(
            program_id=row["terms__program"],
            slug=row["terms__program__slug"],
            opens_on=row["window_opens_on"],
            closes_on=row["window_closes_on"],
            kind=row["kind"],
            currency=row["currency"],
            bonuses=row["bonuses"],
            referrers=row["referrers"],
            amount_minor=row["total"],
            approved=row["approved"],
            approved_minor=row["approved_minor"],
            held=row["held"],
            held_minor=row["held_minor"],
        )
        for row in rows
    ]


@dataclass(frozen=True, slots=True)
class Recurring:
    """A monthly reward: what each month brings if every account stays as it is today."""

    reward: Reward
    accounts: int
    windows: tuple[Window, ...]
    """Of the next twelve months; these are certain, the amounts are not."""

    @property
    def amount_minor(self) -> int:
        return self.accounts * (self.reward.amount_minor or 0)


def recurring(programs: Iterable[int], *, as_of: datetime) -> list[Recurring]:
    """
    The monthly rewards of these programs under which some account earns today.

    Where a cap ends them, or a window hangs on each account's first payment, nothing is said: it would be a
    guess.
    """
    rewards = Reward.objects.filter(
        terms__program__in=programs,
        recurrence=Recurrence.MONTHLY,
        beneficiary=Beneficiary.REFERRER,
        cap__isnull=True,
    ).exclude(terms__payout_schedule__anchor=Anchor.FIRST_PAYMENT)
    found = []
    joined = rewards.select_related("terms__program", "terms__payout_schedule")
    for reward in joined.prefetch_related("requires").order_by("pk"):
        accounts = _earning(reward).count()
        if accounts:
            found.append(Recurring(reward, accounts, tuple(_windows(reward, as_of=as_of))))
    return found


def _earning(reward: Reward) -> QuerySet[ReferredAccount]:
    """Accounts to which the next month's day would bring this reward, if it were now."""
    reached = MilestoneReached.objects.filter(account=OuterRef("pk"), holds=True)
    accounts = ReferredAccount.objects.filter(
        terms=reward.terms_id, status=AccountStatus.QUALIFIED, activity=Activity.ACTIVE
    )
    for required in reward.requires.all():
        accounts = accounts.filter(Exists(reached.filter(milestone=required.milestone_id)))
    return accounts


def _windows(reward: Reward, *, as_of: datetime) -> Iterator[Window]:
    schedule, zone = schedule_of(reward.terms), ZoneInfo(reward.terms.time_zone)
    today = local_date(as_of, zone)
    days = day_of_months(reward.each_month_on or 1, since=today, until=today + AHEAD)
    for day in [day for day in days if day > today][:MONTHS]:
        if reward.terms.payout_schedule.anchor == Anchor.MONTH_END:
            yield window_of_month(schedule, day.year, day.month)
        else:
            yield window(schedule, first_instant(day, zone))


# --- a run of any date --------------------------------------------------------------------------------------


class Outcome(Word):
    """What a run does with a bonus that is due; each has one."""

    PAID = "PAID"
    AWAITING_APPROVAL = "AWAITING_APPROVAL"
    HELD = "HELD"
    CARRIED_OVER = "CARRIED_OVER"
    WAITS = "WAITS"
    CANCELLED = "CANCELLED"


@dataclass(frozen=True, slots=True)
class Group:
    """So many bonuses of one outcome and currency."""

    outcome: Outcome
    reason: str
    """Why they are cancelled."""
    currency: str
    bonuses: int
    referrers: int
    amount_minor: int


@dataclass(frozen=True, slots=True)
class Ran:
    """What came of a run of one program."""

    program: Program
    as_of: datetime
    sums: tuple[Group, ...]
    overdue: int
    """Of those that stay unpaid: beyond their window."""
    problem: str
    """What failed in it; the rest was done."""


def end_of(day: date, program: Program) -> datetime:
    """The last instant of a date in the program's zone: what a run of that date looks at."""
    return first_instant(day + timedelta(days=1), ZoneInfo(program.time_zone)) - timedelta(microseconds=1)


def run(program: Program, *, as_of: datetime) -> QuerySet[Bonus]:
    """
    Run the jobs of a program, as the workers do: what it has paid.

    :raises SomethingFailed: if a part of it failed; the rest is done
    """
    before = _last_change()
    sweeps.evaluate(program, as_of=as_of)
    sweeps.run_daily(program, as_of=as_of)
    # Another run at the same time pays others; each tells of its own.
    paid = BonusChange.objects.filter(pk__gt=before, new_status=BonusStatus.PAID, changed_at=as_of)
    return Bonus.objects.filter(terms__program=program, pk__in=paid.values("bonus"))


def dry_run(programs: Iterable[Program], *, day: date, most: int = MOST) -> list[Ran]:
    """
    What a run at the end of that date would do in each program; nothing of it stays.

    :raises TooMany: if it would look at more bonuses or accounts than that
    """
    asked = [(program, end_of(day, program)) for program in programs]
    number = sum(_looked_at(program, as_of=as_of) for program, as_of in asked)
    if number > most:
        command = f"manage.py release --dry-run --as-of {day.isoformat()}"
        raise TooMany(
            f"By then {number:,} bonuses and accounts are looked at: more than {most:,} take too long for a"
            f" page. Ask for one program, or have an operator run it: {command}"
        )
    return [_tried(program, as_of=as_of) for program, as_of in asked]


def _looked_at(program: Program, *, as_of: datetime) -> int:
    accounts = ReferredAccount.objects.to_evaluate(as_of=as_of).filter(program=program)
    return Bonus.objects.due(as_of=as_of).filter(terms__program=program).count() + accounts.count()


def _tried(program: Program, *, as_of: datetime) -> Ran:
    with transaction.atomic():
        before, problem = _last_change(), ""
        try:
            run(program, as_of=as_of)
        except sweeps.SomethingFailed as failed:
            problem = str(failed)
        seen = _seen(program, since=before, as_of=as_of, problem=problem)
        transaction.set_rollback(True)
    return seen


def _last_change() -> int:
    last: int | None = BonusChange.objects.aggregate(last=Max("pk"))["last"]
    return last or 0


def _seen(program: Program, *, since: int, as_of: datetime, problem: str) -> Ran:
    """What has become of the bonuses that were due."""
    mine = Bonus.objects.filter(terms__program=program)
    new = BonusChange.objects.filter(pk__gt=since)
    looked_at = attention.at(as_of)
    left = mine.due(as_of=as_of)
    waiting = left.filter(on_hold=False)
    to_pay = waiting.exclude(looked_at.carried_over)
    # Drafted, and not made to wait since.
    drafted = _approvable(to_pay, as_of=as_of)
    groups = [
        (Outcome.PAID, mine.filter(pk__in=new.filter(new_status=BonusStatus.PAID).values("bonus"))),
        (Outcome.AWAITING_APPROVAL, to_pay.filter(drafted)),
        (Outcome.HELD, left.filter(on_hold=True)),
        (Outcome.CARRIED_OVER, waiting.filter(looked_at.carried_over)),
        (Outcome.WAITS, to_pay.exclude(drafted)),
        (Outcome.CANCELLED, mine.filter(pk__in=new.filter(new_status=BonusStatus.CANCELLED).values("bonus"))),
    ]
    sums = tuple(each for outcome, bonuses in groups for each in _summed(outcome, bonuses))
    return Ran(program, as_of, sums, left.filter(looked_at.overdue).count(), problem)


def _approvable(bonuses: QuerySet[Bonus], *, as_of: datetime) -> Q:
    """Of these, what only an approval keeps from being paid."""
    ready = Q(pk__in=[])
    terms = bonuses.filter(batch__isnull=False).order_by().values("terms")
    for schedule in PayoutSchedule.objects.filter(terms__in=terms).select_related("terms"):
        ready |= Q(terms=schedule.terms_id) & ~due.BLOCKED & ~due.idle(schedule)
    return ready & Q(status=BonusStatus.ACTIVATED, batch__isnull=False)


def _summed(outcome: Outcome, bonuses: QuerySet[Bonus]) -> list[Group]:
    rows: Any = (
        bonuses.order_by()
        .values("currency", reason=F("cancel_reason"))
        .annotate(number=Count("pk"), referrers=Count("enrollment", distinct=True), total=Sum("amount_minor"))
        .order_by("reason", "currency")
    )
    return [
        Group(outcome, row["reason"], row["currency"], row["number"], row["referrers"], row["total"])
        for row in rows
    ]
