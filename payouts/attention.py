"""
Bonuses that somebody should look at: whose window closes soon, and that are unpaid beyond it.

Conditions on sets, to count and to list by: days are those of each schedule's own zone.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.db.models import Q

from payouts import due
from payouts.ledger import PAID_TO
from payouts.models import PayoutSchedule
from payouts.rules.lifecycle import UNPAID, BonusStatus
from referrals.models import Holiday
from referrals.rules.business_days import BusinessDays
from referrals.rules.words import Release
from referrals.rules.zones import local_date

SOON = 5
"""Business days, Monday to Friday."""

UNPAID_ONE = Q(status__in=list(UNPAID))
NOBODY_ACTS = Q(status=BonusStatus.APPROVED, on_hold=False)
"""Approved: the next run pays it, or it waits for the referred account."""
LONGEST = timedelta(days=60)
"""Whatever the holidays, so many days have more business days in them than a warning looks ahead."""


@dataclass(frozen=True, slots=True)
class Attention:
    """What holds, at an instant, for the bonuses of every schedule."""

    closing: Q
    """Unpaid, and the window closes within five business days, today among them."""
    overdue: Q
    """Unpaid after the window closed, but for what waits for its minimum."""
    held: Q
    """Unpaid and on hold: a hold on what was cancelled since stops nothing."""
    carried_over: Q
    """Due, and below the minimum of its schedule."""
    unapproved: Q
    """An approval is missing, and the open window closes within five business days of its calendar."""


def at(as_of: datetime) -> Attention:
    """The conditions at an instant: one query for the zones of the schedules, one for their holidays."""
    terms_by_day: dict[date, list[int]] = defaultdict(list)
    carried_over = Q(pk__in=[])
    schedules = list(PayoutSchedule.objects.select_related("terms").order_by("pk"))
    for schedule in schedules:
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
        carried_over=UNPAID_ONE & carried_over,
        unapproved=UNPAID_ONE
        & ~NOBODY_ACTS
        & ~carried_over
        & Q(opens_at__lte=as_of)
        & _closing_unapproved(schedules, as_of=as_of),
    )


def business_days(schedules: Iterable[PayoutSchedule], *, as_of: datetime) -> Mapping[int, BusinessDays]:
    """The business days of each of these schedules, by their terms; of holidays only those to come soon."""
    rows = list(schedules)
    calendars = {row.calendar_id for row in rows if row.calendar_id}
    days: dict[int | None, set[date]] = defaultdict(set)
    if calendars:
        around = (as_of.date() - timedelta(days=2), as_of.date() + LONGEST)
        holidays = Holiday.objects.filter(calendar__in=calendars, day__range=around)
        for calendar, day in holidays.values_list("calendar", "day"):
            days[calendar].add(day)
    return {row.terms_id: BusinessDays(frozenset(days[row.calendar_id])) for row in rows}


def _closing_unapproved(schedules: Iterable[PayoutSchedule], *, as_of: datetime) -> Q:
    """Of schedules that need an approval, the windows after which at most so many business days are left."""
    by_people = [row for row in schedules if row.release == Release.AFTER_APPROVAL]
    closing = Q(pk__in=[])
    for row, days in zip(by_people, business_days(by_people, as_of=as_of).values(), strict=True):
        today = local_date(as_of, row.zone)
        last = days.after(today, SOON + 1) - timedelta(days=1)
        closing |= Q(terms=row.terms_id, window_closes_on__gte=today, window_closes_on__lte=last)
    return closing


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
