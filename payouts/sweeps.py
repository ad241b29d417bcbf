"""
The sweeps: everything that happens by itself, each step idempotent.

The database is the queue: a sweep finds the rows that are due and works them off; run
twice, late, or by two workers at once, it does no harm. Beat wakes each by its timetable
(payouts.rules.timetable); `manage.py tick` runs all of them.
"""

from collections.abc import Callable
from datetime import datetime
from functools import partial

from django.db.models import Exists, OuterRef

from payouts import (
    accrual,
    batches,
    cancellations,
    giving_up,
    money_months,
    release,
    verification,
    window_warnings,
)
from payouts.payments import sending
from payouts.rules import timetable
from referrals import (
    desk,
    escalation,
    funnel,
    jobs,
    messages,
    qualification,
    reviews,
    second_looks,
)
from referrals.jobs import Tally
from referrals.models import JobRun, Program, ReferredAccount, Terms
from referrals.rules.lifecycle import AccountStatus
from referrals.rules.words import ProgramStatus

Sweep = Callable[..., Tally]


class SomethingFailed(Exception):
    """Part of a run failed; the rest of it was done."""


def let_decisions_take_effect(*, as_of: datetime, program: Program | None = None) -> Tally:
    """Let every decision count whose time to be undone is over."""
    tally = Tally()
    tally.done = qualification.let_take_effect(as_of=as_of, program=program, tally=tally)
    tally.examined = tally.done + tally.failed
    return tally


def follow_calling_hours(*, as_of: datetime) -> Tally:
    """Know the next calling hours of every company whose last ones are over."""
    moved = reviews.move_to_next_hours(as_of=as_of)
    return Tally(examined=moved, done=moved)


def give_up_unreachable(*, as_of: datetime, program: Program | None = None) -> Tally:
    """Refuse the accounts that nobody could reach in time, and cancel what they had earned."""
    tally = Tally()
    in_review = ReferredAccount.objects.filter(terms=OuterRef("pk"), status=AccountStatus.IN_REVIEW)
    called = Terms.objects.filter(Exists(in_review), calling__isnull=False).select_related("calling")
    if program is not None:
        called = called.filter(program=program)
    for terms in called.order_by("pk"):
        with tally.surviving(terms):
            business_days = partial(giving_up.business_days_of, terms)
            tally.done += desk.give_up_unreachable(terms, business_days=business_days, as_of=as_of)
    tally.examined = tally.done + tally.failed
    if tally.done:
        cancellations.cancel_of_refused(as_of=as_of, program=program)
    return tally


def send_messages(*, as_of: datetime, clock: Callable[[], datetime] | None = None) -> Tally:
    """
    Send every mail whose turn it is; without a mail server they wait.

    :param clock: read for every mail; without one it is ``as_of`` all the time
    """
    if not messages.can_be_sent():
        return Tally()
    return messages.send_due(as_of=as_of, send=messages.by_mail, clock=clock or (lambda: as_of))


def draw_second_looks(*, as_of: datetime) -> Tally:
    """Draw the decisions that somebody else looks at again."""
    drawn = second_looks.draw(as_of=as_of)
    return Tally(examined=drawn, done=drawn)


def count_months(*, as_of: datetime) -> Tally:
    """Count the funnel and sum the money of each program by months, for the first page of staff."""
    tally = Tally()
    for program in Program.objects.exclude(status=ProgramStatus.DRAFT).order_by("pk"):
        with tally.surviving(program):
            tally.done += funnel.count(program, as_of=as_of) + money_months.sum_up(program, as_of=as_of)
    tally.examined = tally.done + tally.failed
    return tally


def verify_books(*, as_of: datetime) -> Tally:
    """
    Check every invariant of the books; each breach counts as a failure, and is told.

    Others go on working meanwhile, so it does not ask whether all is paid that is due by now.
    """
    checked = verification.invariants()
    breaches = verification.breaches()
    broken = {breach.invariant for breach in breaches}
    tally = Tally(examined=len(checked), done=len(checked) - len(broken))
    for breach in breaches:
        tally.fail(f"{breach.invariant}: {breach.message}: {breach.count} {breach.rows}")
    return tally


SWEEPS: dict[str, Sweep] = {
    "let_decisions_take_effect": let_decisions_take_effect,
    "evaluate_changed_facts": accrual.accrue,
    "follow_calling_hours": follow_calling_hours,
    "give_up_unreachable": give_up_unreachable,
    "prepare_batches": batches.prepare,
    "release": release.release_due,
    "send_payments": sending.run,
    "escalate_overdue": escalation.escalate_overdue,
    "warn_before_closing": window_warnings.warn,
    "send_messages": send_messages,
    "draw_second_looks": draw_second_looks,
    "count_months": count_months,
    "verify_books": verify_books,
    "forget_old_runs": jobs.forget_old_runs,
}
"""In the order in which one tick runs them, as in the timetable."""

TAKE_LONG = {"send_messages", "send_payments"}
"""They call others over the network, and read the clock for every call."""


def run(name: str, *, as_of: datetime, clock: Callable[[], datetime]) -> JobRun:
    """
    Run one sweep and leave its row; whatever it raises is kept in the row and raised again.

    :param clock: read when it starts and when it ends, and before each mail
    """
    # Sending takes as long as whoever answers: what is claimed then is claimed at the time of then.
    sweep = partial(SWEEPS[name], clock=clock) if name in TAKE_LONG else SWEEPS[name]
    return jobs.recorded(name, partial(sweep, as_of=as_of), as_of=as_of, clock=clock)


def is_due(name: str, *, now: datetime) -> bool:
    """Is there a reason to run it now? Of a daily sweep, only if its last run is a day old."""
    return not timetable.is_daily(name) or jobs.is_due(name, every=timetable.EVERY[name], now=now)


def evaluate(program: Program, *, as_of: datetime) -> None:
    """What follows from facts and decisions at that instant; nothing is paid."""
    let_decisions_take_effect(as_of=as_of, program=program)
    accrual.accrue(as_of=as_of, program=program)


def run_daily(program: Program, *, as_of: datetime, between: Callable[[], object] | None = None) -> None:
    """
    Give up, cancel, approve, release: the jobs of one program.

    :param between: what people do between the draft of a batch and its release
    :raises SomethingFailed: if a part of it failed; the rest is done
    """
    tallies = [
        give_up_unreachable(as_of=as_of, program=program),
        batches.prepare(as_of=as_of, program=program),
    ]
    if between is not None:
        between()
    tallies.append(release.release_due(as_of=as_of, program=program))
    if errors := [error for tally in tallies for error in tally.errors]:
        raise SomethingFailed("\n".join(errors))
