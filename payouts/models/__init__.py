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
from payouts.models.signing import (
    ApprovalTier,
    BatchApproval,
    BatchLine,
    BatchNote,
    PayoutLimit,
)

__all__ = [
    "ApprovalTier",
    "BatchApproval",
    "BatchChange",
    "BatchLine",
    "BatchNote",
    "Benefit",
    "Bonus",
    "BonusChange",
    "Gift",
    "Hold",
    "LedgerAccount",
    "MoneyMonth",
    "Payout",
    "PayoutBatch",
    "PayoutChange",
    "PayoutLimit",
    "PayoutSchedule",
    "Reward",
    "RewardMilestone",
    "Spend",
    "Transfer",
    "Withdrawal",
]
