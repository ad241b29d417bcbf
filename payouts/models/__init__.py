"""The rows of HOW MUCH and WHEN: rewards, windows, bonuses, batches, the books."""

from payouts.models.batch import (
    BatchChange,
    Payout,
    PayoutBatch,
    PayoutChange,
)
from payouts.models.bonus import (
    Benefit,
    Bonus,
    BonusChange,
    Hold,
)
from payouts.models.closing import (
    ClosedBalance,
    MonthClose,
)
from payouts.models.host_spend import HostSpend
from payouts.models.ledger import (
    Gift,
    LedgerAccount,
    Spend,
    Transfer,
    Withdrawal,
)
from payouts.models.money_month import MoneyMonth
from payouts.models.reward import (
    PayoutSchedule,
    Reward,
    RewardMilestone,
)

__all__ = [
    "BatchChange",
    "Benefit",
    "Bonus",
    "BonusChange",
    "ClosedBalance",
    "Gift",
    "Hold",
    "HostSpend",
    "LedgerAccount",
    "MoneyMonth",
    "MonthClose",
    "Payout",
    "PayoutBatch",
    "PayoutChange",
    "PayoutSchedule",
    "Reward",
    "RewardMilestone",
    "Spend",
    "Transfer",
    "Withdrawal",
]
