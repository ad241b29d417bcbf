"""What a program paid in the months before a batch: whether its sum is unlike them."""

from dataclasses import dataclass
from datetime import date

from django.db.models import Sum
from django.db.models.functions import TruncMonth

from payouts.models import Payout, PayoutBatch
from referrals.rules.zones import months_back

MONTHS = 3
STRIKING = 50
"""So many percent above the month before are worth a look."""


@dataclass(frozen=True, slots=True)
class Month:
    """What was paid in a month, in minor units."""

    first_day: date
    amount_minor: int


def before(batch: PayoutBatch) -> list[Month]:
    """What was paid by batches of the same program and kind in the three months before, the latest first."""
    this, since = months_back(batch.run_on, 0), months_back(batch.run_on, MONTHS)
    paid = Payout.objects.filter(
        batch__program=batch.program_id,
        batch__kind=batch.kind,
        batch__run_on__gte=since,
        batch__run_on__lt=this,
        # A payment that is sent anew is the same money.
        attempt=1,
    )
    rows = paid.order_by().values(month=TruncMonth("batch__run_on")).annotate(total=Sum("amount_minor"))
    sums = {row["month"]: row["total"] for row in rows}
    days = [months_back(batch.run_on, back) for back in range(1, MONTHS + 1)]
    return [Month(day, sums.get(day, 0)) for day in days]


def percent_above(amount_minor: int, months: list[Month]) -> int | None:
    """How many percent a sum is above the month before, if that is striking; rounded down."""
    latest = months[0].amount_minor
    if not latest:
        return None
    percent = (amount_minor - latest) * 100 // latest
    return percent if percent > STRIKING else None
