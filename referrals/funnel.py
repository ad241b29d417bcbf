"""
The funnel of a program by the month of the sign-up: counted by a sweep, read by whoever opens a page.

The counters of referrers (FunnelCount) are exact at every instant; these are as old as the last count.
"""

from datetime import date, datetime
from zoneinfo import ZoneInfo

from django.db import transaction
from django.db.models import Count
from django.db.models.functions import TruncMonth

from referrals.models import FunnelMonth, MilestoneReached, Program
from referrals.rules.zones import first_instant, local_date, months_back

MONTHS = 12
"""So many months are counted, the current one among them."""


def count(program: Program, *, as_of: datetime) -> int:
    """
    Count the accounts of each month that have a milestone of the funnel now; forget older months.

    :returns: how many numbers were counted
    """
    zone = ZoneInfo(program.time_zone)
    since = months_back(local_date(as_of, zone), MONTHS - 1)
    reached = MilestoneReached.objects.filter(
        holds=True,
        milestone__funnel__isnull=False,
        account__program=program,
        account__signed_up_at__gte=first_instant(since, zone),
    )
    by_month = reached.order_by().values(
        "milestone__code", month=TruncMonth("account__signed_up_at", tzinfo=zone)
    )
    rows = [
        FunnelMonth(
            program=program,
            month=_day(row["month"]),
            milestone=row["milestone__code"],
            accounts=row["accounts"],
            counted_at=as_of,
        )
        for row in by_month.annotate(accounts=Count("pk"))
    ]
    with transaction.atomic():
        FunnelMonth.objects.bulk_create(
            rows,
            update_conflicts=True,
            unique_fields=["program", "month", "milestone"],
            update_fields=["accounts", "counted_at"],
        )
        # Whatever this count did not find is no more: a month that is over, a milestone that nobody has.
        FunnelMonth.objects.filter(program=program, counted_at__lt=as_of).delete()
    return len(rows)


def _day(month: datetime) -> date:
    return month.date()
