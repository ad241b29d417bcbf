"""Does the database itself still refuse what must never happen?"""

from django.db.backends.base.base import BaseDatabaseWrapper

APPEND_ONLY = [
    "payouts_arrival",
    "payouts_batchapproval",
    "payouts_batchchange",
    "payouts_batchline",
    "payouts_bonuschange",
    "payouts_closedbalance",
    "payouts_fee",
    "payouts_gift",
    "payouts_hostspend",
    "payouts_paymentcall",
    "payouts_paymentfilechange",
    "payouts_paymentnotice",
    "payouts_paymentreport",
    "payouts_paymentreportline",
    "payouts_payoutchange",
    "payouts_setoff",
    "payouts_spend",
    "payouts_transfer",
    "referrals_accountevent",
    "referrals_call",
    "referrals_click",
    "referrals_criterionresult",
    "referrals_decision",
    "referrals_enrollmentchange",
    "referrals_eventvoid",
    "referrals_statuschange",
]

FROZEN_ONCE_PUBLISHED = [
    "payouts_payoutschedule",
    "payouts_reward",
    "payouts_rewardmilestone",
    "referrals_callingday",
    "referrals_callingrules",
    "referrals_criterion",
    "referrals_eligibilityrule",
    "referrals_eligibilityvalue",
    "referrals_milestone",
    "referrals_milestoneafter",
    "referrals_milestonetest",
    "referrals_milestonetestevent",
    "referrals_rejectionreason",
    "referrals_requiredevidence",
    "referrals_terms",
]

KEPT = {
    "payouts_destination": ("update", "delete"),
    "payouts_paymentfile": ("update", "delete"),
    "payouts_paymentline": ("update", "delete"),
    "payouts_paymentorder": ("update", "delete"),
    "payouts_payout": ("update",),
    "payouts_payoutmethod": ("update", "delete"),
}
"""Rows of which only some columns move on."""

TRIGGERS = sorted(
    [f"{table}_refuses_{operation}" for table in APPEND_ONLY for operation in ("update", "delete")]
    + [
        f"{table}_refuses_{operation}"
        for table in FROZEN_ONCE_PUBLISHED
        for operation in ("insert", "update", "delete")
        # Terms are published by an update of a row that was inserted before.
        if (table, operation) != ("referrals_terms", "insert")
    ]
    + [f"{table}_refuses_{operation}" for table, operations in KEPT.items() for operation in operations]
    # A batch whose sum asks for more names than it bears.
    + ["payouts_payoutbatch_refuses_update"]
    # Nothing is posted into a closed month.
    + ["payouts_transfer_refuses_insert"]
    # Account credit never becomes cash.
    + ["payouts_transfer_refuses_credit"]
)
"""Every trigger that must be there and fire."""

# On PostgreSQL a trigger can be switched off ("D"), or fire for replication alone ("R").
FIRING = {
    "postgresql": "SELECT tgname FROM pg_trigger WHERE NOT tgisinternal AND tgenabled IN ('O', 'A')",
    "sqlite": "SELECT name FROM sqlite_master WHERE type = 'trigger'",
}


def missing(connection: BaseDatabaseWrapper) -> list[str]:
    """The names of the triggers that are not there, or do not fire."""
    with connection.cursor() as cursor:
        cursor.execute(FIRING[connection.vendor])
        firing = {name for (name,) in cursor.fetchall()}
    return [name for name in TRIGGERS if name not in firing]
