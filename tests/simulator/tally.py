"""What a play came to: a simulator in which everything is refused would prove nothing."""

from collections import Counter

from payouts.models import (
    Bonus,
    BonusChange,
    Hold,
    MonthClose,
    PaymentFileChange,
    PayoutBatch,
    PayoutChange,
    Spend,
    Withdrawal,
)
from tests.simulator.play import Play


def of(play: Play) -> Counter[str]:
    """What was reached, by name, and how often."""
    changes, payouts = BonusChange.objects.all(), PayoutChange.objects.all()
    signed = PayoutBatch.objects.filter(approved_by__isnull=False)
    several = signed.filter(approvals_needed__gte=2)
    seen = Counter(
        {
            "bonuses paid": changes.filter(new_status="PAID").count(),
            "bonuses paid late": Bonus.objects.filter(days_late__gt=0).count(),
            "bonuses reversed": changes.filter(new_status="REVERSED").count(),
            "bonuses cancelled": changes.filter(new_status="CANCELLED").count(),
            "bonuses held": Hold.objects.count(),
            "batches approved by a person": signed.count(),
            "batches approved by several": several.count(),
            "batches voided": PayoutBatch.objects.filter(status="VOIDED").count(),
            "payouts confirmed": payouts.filter(new_status="CONFIRMED").count(),
            "payouts failed": payouts.filter(new_status="FAILED").count(),
            "payouts returned": payouts.filter(new_status="RETURNED").count(),
            "payouts reissued": payouts.filter(new_status="REISSUED").count(),
            "payouts unknown": payouts.filter(new_status="UNKNOWN").count(),
            "files voided": PaymentFileChange.objects.filter(new_status="VOIDED", old_status="MADE").count(),
            "withdrawals": Withdrawal.objects.count(),
            "services paid from balances": Spend.objects.count(),
            "months closed": MonthClose.objects.count(),
            "messages lost": play.broker.lost,
            "messages doubled": play.broker.doubled,
        }
    )
    return Counter({name: number for name, number in seen.items() if number})
