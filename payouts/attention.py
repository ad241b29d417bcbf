"""
Bonuses that somebody should look at: whose window closes soon, and that are unpaid beyond it.

Conditions on sets, to count and to list by: days are those of each schedule's own zone.
"""

from collections import defaultdict
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.db.models import Q

from payouts import due
from payouts.ledger import PAID_TO
from payouts.models import PayoutSchedule
from payouts.rules.lifecycle import UNPAID
from referrals.rules.business_days import BusinessDays
from referrals.rules.zones import local_date

SOON = 5
"""Business days, Monday to Friday."""

UNPAID_ONE = Q(status__in=list(UNPAID))


@dataclass(frozen=True, slots=True)
class Attention:
    """What holds, at an instant, for the bonuses of every schedule."""

    closing: Q
    """Unpaid, and the window closes within five business days, today among them."""
    overdue: Q
    """Unpaid after the window closed, but for what waits for its minimum."""
    held: Q
    """Unpaid and on hold: a hold on what was cancelled since stops nothing."""


def at(as_of: datetime) -> Attention:
    """The conditions at an instant: one query, for the zones of the schedules."""
    terms_by_day: dict[date, list[int]] = defaultdict(list)
    carried_over = Q(pk__in=[])
    for schedule in PayoutSchedule.objects.select_related("terms").order_by("pk"):
        terms_by_day[local_date(as_of, schedule.zone)].append(schedule.terms_id)
        if schedule.minimum_minor is not None:
            carried_over |= _below_minimum(schedule, as_of=as_of)
    closing = overdue = Q(pk__in=[])
    for today, terms in terms_by_day.items():
        of_terms = Q(terms__in=terms)
        soon = Q(window_closes_on__gte=today, window_closes_on__lte=_business_days_on(today))
        closing |= of_terms & soon
        overdue |= of_terms & Q(window_closes_on__lt=today)
    return Attention(
        closing=UNPAID_ONE & closing,
        overdue=UNPAID_ONE & overdue & ~carried_over,
        held=UNPAID_ONE & Q(on_hold=True),
    )


def _business_days_on(today: date) -> date:
    """The last of the next business days, today counted if it is one."""
    days, day, left = BusinessDays(), today, SOON
    while True:
        left -= days.is_business_day(day)
        if not left:
            return day
        day += timedelta(days=1)


def _below_minimum(schedule: PayoutSchedule, *, as_of: datetime) -> Q:
    """
    What is carried over because it does not reach the minimum of its schedule.

    What the next run will cancel counts here still: that is looked at when it is paid, not when it is listed.
    """
    counts = due.due(schedule, as_of=as_of).exclude(due.BLOCKED).exclude(due.idle(schedule))
    carried = Q(pk__in=[])
    for kind in PAID_TO:
        mine = counts.filter(kind=kind)
        carried |= Q(pk__in=mine.values("pk")) & ~Q(pk__in=due.enough(mine, schedule).values("pk"))
    return carried
