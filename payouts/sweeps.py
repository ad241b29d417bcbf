"""
The sweeps: everything that happens by itself, each step idempotent.

The database is the queue: a sweep finds the rows that are due and works them off; run
twice, late, or by two workers at once, it does no harm. `manage.py tick` runs all of them.
"""

from collections.abc import Callable
from datetime import datetime
from functools import partial

from django.db.models import Exists, OuterRef

from payouts import accrual, batches, cancellations, release
from payouts.models import PayoutSchedule
from referrals import calendars, desk, qualification
from referrals.jobs import Tally
from referrals.models import Program, ReferredAccount, Terms
from referrals.rules.business_days import BusinessDays
from referrals.rules.lifecycle import AccountStatus

Sweep = Callable[..., Tally]


def let_decisions_take_effect(*, as_of: datetime, program: Program | None = None) -> Tally:
    """Let every decision count whose time to be undone is over."""
    effective = qualification.let_take_effect(as_of=as_of, program=program)
    return Tally(examined=effective, done=effective)


def give_up_unreachable(*, as_of: datetime, program: Program | None = None) -> Tally:
    """Refuse the accounts that nobody could reach in time, and cancel what they had earned."""
    tally = Tally()
    in_review = ReferredAccount.objects.filter(terms=OuterRef("pk"), status=AccountStatus.IN_REVIEW)
    called = Terms.objects.filter(Exists(in_review), calling__isnull=False).select_related("calling")
    if program is not None:
        called = called.filter(program=program)
    for terms in called.order_by("pk"):
        given_up = desk.give_up_unreachable(terms, business_days=partial(_business_days, terms), as_of=as_of)
        tally.examined += given_up
        tally.done += given_up
    if tally.done:
        cancellations.cancel_of_refused(as_of=as_of, program=program)
    return tally


SWEEPS: dict[str, Sweep] = {
    "let_decisions_take_effect": let_decisions_take_effect,
    "evaluate_changed_facts": accrual.accrue,
    "give_up_unreachable": give_up_unreachable,
    "prepare_batches": batches.prepare,
    "release": release.release_due,
}
"""In the order in which one tick runs them."""


def evaluate(program: Program, *, as_of: datetime) -> None:
    """What follows from facts and decisions at that instant; nothing is paid."""
    let_decisions_take_effect(as_of=as_of, program=program)
    accrual.accrue(as_of=as_of, program=program)


def run_daily(program: Program, *, as_of: datetime, between: Callable[[], object] | None = None) -> None:
    """
    Give up, cancel, approve, release: the jobs of one program.

    :param between: what people do between the draft of a batch and its release
    """
    give_up_unreachable(as_of=as_of, program=program)
    batches.prepare(as_of=as_of, program=program)
    if between is not None:
        between()
    release.release_due(as_of=as_of, program=program)


def _business_days(terms: Terms) -> BusinessDays:
    schedule = PayoutSchedule.objects.select_related("calendar").get(terms=terms)
    return calendars.business_days(schedule.calendar)
