"""
Has cash left beyond the limit of a program while no tax form was valid at that instant?

The trails are told once more, step by step in the order in which they were written: a year of the program's
zone is more than one statement for both databases can say. Asked are only referrers of programs with a limit
who were sent more than that altogether.
"""

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime
from zoneinfo import ZoneInfo

from django.db.models import Exists, OuterRef, Sum

from payouts.models import Payout, PayoutChange, TaxFormChange, TaxFormLimit

FINDS = "payouts sent beyond what their program pays in a year without a tax form, while none was valid"
GONE = {"SENDING", "SENT", "UNKNOWN", "CONFIRMED"}


def sent_without_form() -> list[int]:
    """The numbers of the payouts that should have been held back, in order."""
    limits: dict[int, list[TaxFormLimit]] = defaultdict(list)
    for limit in TaxFormLimit.objects.select_related("program").order_by("pk"):
        limits[limit.program_id].append(limit)
    suspects = [number for mine in limits.values() for number in _sent_more(mine)]
    if not suspects:
        return []
    forms: dict[int, list[TaxFormChange]] = defaultdict(list)
    for form in TaxFormChange.objects.filter(enrollment__in=suspects).order_by("pk"):
        forms[form.enrollment_id].append(form)
    steps: dict[int, list[PayoutChange]] = defaultdict(list)
    changes = PayoutChange.objects.filter(payout__enrollment__in=suspects).order_by("pk")
    for change in changes.select_related("payout__enrollment"):
        steps[change.payout.enrollment_id].append(change)
    found = [
        number
        for enrollment, mine in steps.items()
        for number in _beyond(mine, limits[mine[0].payout.enrollment.program_id], forms[enrollment])
    ]
    return sorted(set(found))


def _sent_more(limits: Iterable[TaxFormLimit]) -> list[int]:
    """Referrers of a program who were sent more altogether than the least of its limits."""
    known = [limit for limit in limits if limit.above_minor is not None]
    if not known:
        return []
    begun = PayoutChange.objects.filter(payout=OuterRef("pk"), new_status="SENDING")
    sent = Payout.objects.filter(Exists(begun), enrollment__program=known[0].program_id)
    sums = sent.order_by().values("enrollment").annotate(total=Sum("amount_minor"))
    least = min(limit.above_minor or 0 for limit in known)
    return list(sums.filter(total__gt=least).values_list("enrollment", flat=True))


def _beyond(
    changes: Iterable[PayoutChange], limits: list[TaxFormLimit], forms: list[TaxFormChange]
) -> Iterable[int]:
    """Of one referrer."""
    left: dict[int, tuple[datetime, int]] = {}
    begun: dict[int, datetime] = {}
    zone = ZoneInfo(limits[0].program.time_zone)
    for change in changes:
        at, payout = change.changed_at, change.payout
        if change.new_status not in GONE:
            left.pop(payout.pk, None)
            continue
        if change.new_status == "SENDING":
            begun[payout.pk] = at
        # One that was given up and arrived all the same left when it was sent.
        left[payout.pk] = (begun.get(payout.pk, at), payout.amount_minor)
        if change.new_status != "SENDING":
            continue
        year = at.astimezone(zone).year
        total = sum(minor for when, minor in left.values() if when.astimezone(zone).year == year)
        above = next((limit.above_minor for limit in reversed(limits) if limit.set_at <= at), None)
        if above is not None and total > above and not _is_valid(forms, at):
            yield payout.pk


def _is_valid(forms: list[TaxFormChange], at: datetime) -> bool:
    told = [form for form in forms if form.changed_at <= at and form.status != "REQUESTED"]
    if not told or told[-1].status != "RECEIVED":
        return False
    return told[-1].expires_at is None or told[-1].expires_at > at
