"""
What the bonuses of a program come to by months: summed by a sweep, read by whoever opens a page.

Paid is what was paid less what was reversed since, as everywhere: a reversed bonus counts in no month.
"""

from collections import defaultdict
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.db import transaction
from django.db.models import QuerySet, Sum
from django.db.models.functions import TruncMonth

from payouts.models import Bonus, MoneyMonth
from payouts.rules.lifecycle import BonusStatus
from referrals.funnel import MONTHS
from referrals.models import Program
from referrals.rules.zones import first_instant, local_date, months_back


def sum_up(program: Program, *, as_of: datetime) -> int:
    """
    Sum what was activated, what was paid, and what is still to pay by the month in which it is due.

    :returns: how many months of one currency were summed
    """
    zone = ZoneInfo(program.time_zone)
    since = first_instant(months_back(local_date(as_of, zone), MONTHS - 1), zone)
    mine = Bonus.objects.filter(account__program=program)
    paid = mine.filter(status=BonusStatus.PAID, paid_at__gte=since)
    sums: dict[tuple[date, str], dict[str, int]] = defaultdict(dict)
    for field, bonuses, month in (
        ("activated_minor", mine.filter(activated_at__gte=since), TruncMonth("activated_at", tzinfo=zone)),
        ("paid_minor", paid, TruncMonth("paid_at", tzinfo=zone)),
        ("to_pay_minor", mine.unpaid(), TruncMonth("window_closes_on")),
    ):
        for day, currency, total in _by_month(bonuses, month):
            sums[day, currency][field] = total
    rows = [
        MoneyMonth(program=program, month=day, currency=currency, summed_at=as_of, **of_month)
        for (day, currency), of_month in sums.items()
    ]
    with transaction.atomic():
        MoneyMonth.objects.bulk_create(
            rows,
            update_conflicts=True,
            unique_fields=["program", "month", "currency"],
            update_fields=["activated_minor", "paid_minor", "to_pay_minor", "summed_at"],
        )
        MoneyMonth.objects.filter(program=program, summed_at__lt=as_of).delete()
    return len(rows)


def _by_month(bonuses: QuerySet[Bonus], month: TruncMonth) -> list[tuple[date, str, int]]:
    rows: Any = bonuses.order_by().values("currency", month=month).annotate(total=Sum("amount_minor"))
    return [(_day(row["month"]), row["currency"], row["total"]) for row in rows]


def _day(month: date | datetime) -> date:
    return month.date() if isinstance(month, datetime) else month
