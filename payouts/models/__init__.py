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
from payouts.models.destination import Destination, PayoutMethod
from payouts.models.fee import Fee
from payouts.models.host_spend import HostSpend
from payouts.models.ledger import (
    Gift,
    LedgerAccount,
    Spend,
    Transfer,
    Withdrawal,
)
from payouts.models.made_up import (
    Arrival,
    SetOff,
)
from payouts.models.money_month import MoneyMonth
from payouts.models.payment import (
    PaymentFile,
    PaymentFileChange,
    PaymentLine,
    PaymentReport,
    PaymentReportLine,
)
from payouts.models.reward import (
    PayoutSchedule,
    Reward,
    RewardMilestone,
)
from payouts.models.sending import (
    PaymentCall,
    PaymentNotice,
    PaymentOrder,
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
    "Arrival",
    "BatchApproval",
    "BatchChange",
    "BatchLine",
    "BatchNote",
    "Benefit",
    "Bonus",
    "BonusChange",
    "ClosedBalance",
    "Destination",
    "Fee",
    "Gift",
    "Hold",
    "HostSpend",
    "LedgerAccount",
    "MoneyMonth",
    "MonthClose",
    "PaymentCall",
    "PaymentFile",
    "PaymentFileChange",
    "PaymentLine",
    "PaymentNotice",
    "PaymentOrder",
    "PaymentReport",
    "PaymentReportLine",
    "Payout",
    "PayoutBatch",
    "PayoutChange",
    "PayoutLimit",
    "PayoutMethod",
    "PayoutSchedule",
    "Reward",
    "RewardMilestone",
    "SetOff",
    "Spend",
    "Transfer",
    "Withdrawal",
]
