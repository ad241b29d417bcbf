"""Does every trail lead, step by step, from the beginning to the status of today?"""

from payouts.verification.check import Check

UNBROKEN = """
    SELECT DISTINCT owner_id AS id
    FROM (
        SELECT {owner}_id AS owner_id, old_status,
            LAG(new_status) OVER (PARTITION BY {owner}_id ORDER BY id) AS before
        FROM {changes}
    ) step
    WHERE old_status <> COALESCE(before, '{beginning}')
"""

UP_TO_DATE = """
    SELECT owner.id
    FROM {owners} owner
    LEFT JOIN (SELECT {owner}_id AS owner_id, MAX(id) AS id FROM {changes} GROUP BY {owner}_id) latest
        ON latest.owner_id = owner.id
    LEFT JOIN {changes} change ON change.id = latest.id
    WHERE owner.status <> COALESCE(change.new_status, '{beginning}')
"""


def _of(names: str, *, owner: str, owners: str, changes: str, beginning: str = "") -> list[Check]:
    """Both halves of a trail; nothing is written of its beginning."""
    words = {"owner": owner, "owners": owners, "changes": changes, "beginning": beginning}
    return [
        Check("I6", f"{names} whose trail is broken", UNBROKEN.format(**words)),
        Check("I6", f"{names} whose trail does not end at their status", UP_TO_DATE.format(**words)),
    ]


CHECKS = [
    *_of(
        "accounts",
        owner="account",
        owners="referrals_referredaccount",
        changes="referrals_statuschange",
        beginning="SIGNED_UP",
    ),
    *_of(
        "enrollments",
        owner="enrollment",
        owners="referrals_enrollment",
        changes="referrals_enrollmentchange",
    ),
    *_of("bonuses", owner="bonus", owners="payouts_bonus", changes="payouts_bonuschange"),
    *_of("batches", owner="batch", owners="payouts_payoutbatch", changes="payouts_batchchange"),
    *_of("payouts", owner="payout", owners="payouts_payout", changes="payouts_payoutchange"),
    *_of("payment files", owner="file", owners="payouts_paymentfile", changes="payouts_paymentfilechange"),
]
