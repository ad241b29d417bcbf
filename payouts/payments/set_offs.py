"""
What a referrer owes in cash is kept from payouts that wait: in part, or the whole of them. Nobody starts it.

Something is owed when a bonus was taken back after its payout was made, or when a payment arrived twice.
A payout is touched only when nothing can be added to it any more, and never once a bank is told of it.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime

from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet, Sum

from payouts import ledger
from payouts.insertion import listed
from payouts.models import Arrival, Bonus, LedgerAccount, Payout, SetOff
from payouts.payments import candidates, steps
from payouts.rules.lifecycle import AccountKind, BonusStatus, PayoutStatus, TransferKind
from referrals.jobs import Tally
from referrals.models import Enrollment, Program
from referrals.rules.words import RewardKind


def make_up_all(*, at: datetime, tally: Tally, program: Program | None = None) -> None:
    """Keep what is owed from every payout that waits; one referrer who fails does not stop the others."""
    payouts = _waiting(debtors())
    if program is not None:
        payouts = payouts.filter(enrollment__program=program)
    numbers = list(payouts.order_by("enrollment").values_list("enrollment", flat=True).distinct())
    for enrollment in Enrollment.objects.filter(pk__in=numbers).select_related("program").order_by("pk"):
        with tally.surviving(enrollment):
            make_up(enrollment, at=at)


def make_up_of(payouts: Sequence[int], *, at: datetime) -> None:
    """Keep what the referrers of these payouts owe; belongs into the caller's transaction."""
    owing = debtors().intersection(
        Payout.objects.filter(pk__in=listed(payouts)).values_list("enrollment", flat=True)
    )
    for enrollment in Enrollment.objects.filter(pk__in=owing).select_related("program").order_by("pk"):
        make_up(enrollment, at=at)


@transaction.atomic
def make_up(enrollment: Enrollment, *, at: datetime) -> int:
    """
    Keep what a referrer owes from the payouts that wait, the oldest first.

    :returns: how much was kept, in minor units
    :raises MonthClosed: if the books are closed at that instant
    """
    account = ledger.account_of(enrollment, kind=AccountKind.CASH_OWED)
    # Of two at once the second sums what the first has left.
    ledger.lock(account)
    # Without the lock both would take the same turn, and the database refuses one.
    turn = SetOff.objects.filter(enrollment=enrollment).count()
    owed = -ledger.balance_minor(account)
    kept = 0
    for payout in _waiting([enrollment.pk]).order_by("pk").select_for_update(of=("self",)):
        if kept >= owed:
            break
        turn += 1
        kept += _keep(payout, account, turn=turn, owed_minor=owed - kept, at=at)
    return kept


def debtors() -> set[int]:
    """The numbers of all enrollments that may owe cash: few."""
    taken_back = Bonus.objects.filter(status=BonusStatus.REVERSED, kind=RewardKind.CASH).order_by()
    paid_twice = Arrival.objects.filter(overpaid_minor__gt=0).order_by()
    return {
        *taken_back.values_list("enrollment", flat=True).distinct(),
        *paid_twice.values_list("payout__enrollment", flat=True).distinct(),
    }


def kept_from(payout: Payout) -> int:
    """What was kept from a payout and from the attempts before it, in minor units."""
    kept = SetOff.objects.filter(payout__batch=payout.batch_id, enrollment=payout.enrollment_id)
    return kept.aggregate(total=Sum("amount_minor"))["total"] or 0 if payout.batch_id else 0


def _waiting(enrollments: Iterable[int]) -> QuerySet[Payout]:
    """Of these referrers, the payouts of batches that wait for a payment file and can grow no more."""
    more = Bonus.objects.filter(
        enrollment=OuterRef("enrollment"), batch=OuterRef("batch"), status=BonusStatus.APPROVED
    )
    is_fixed = Q(batch__isnull=False) & ~candidates.RUN_GOES_ON
    waiting = Payout.objects.filter(is_fixed, status=PayoutStatus.PREPARED, enrollment__in=enrollments)
    return waiting.exclude(Exists(more.order_by()))


def _keep(payout: Payout, account: LedgerAccount, *, turn: int, owed_minor: int, at: datetime) -> int:
    kept = min(owed_minor, payout.amount_minor)
    row = SetOff.objects.create(
        payout=payout,
        enrollment_id=payout.enrollment_id,
        turn=turn,
        owed_minor=owed_minor,
        amount_minor=kept,
        currency=payout.currency,
        set_off_at=at,
    )
    steps.shrink(payout, by_minor=kept, at=at)
    ledger.post(
        debit=ledger.account_of(payout.enrollment, kind=AccountKind.CLEARING),
        credit=account,
        amount_minor=kept,
        kind=TransferKind.SET_OFF,
        posted_at=at,
        cause=row,
    )
    return kept
