"""Is what goes over the network ordered once, called about by the trail, and equal to its payout?"""

from payouts.verification.check import Check

CHECKS = [
    Check(
        "I9",
        "payment orders of payouts that wait for one, or need none",
        """
        SELECT placed.id
        FROM payouts_paymentorder placed
        JOIN payouts_payout payout ON payout.id = placed.payout_id
        WHERE placed.destination_id IS NOT NULL AND payout.status IN ('PREPARED', 'CREDITED')
            OR placed.destination_id IS NULL AND payout.status <> 'CREDITED'
        """,
    ),
    Check(
        "I9",
        "payouts that stand otherwise than their order",
        """
        SELECT payout.id
        FROM payouts_payout payout
        JOIN payouts_paymentorder placed ON placed.payout_id = payout.id
        WHERE placed.destination_id IS NOT NULL
            AND payout.status <> CASE placed.status
                WHEN 'ACCEPTED' THEN 'SENT'
                WHEN 'CONFIRMED' THEN 'CONFIRMED'
                WHEN 'REFUSED' THEN 'FAILED'
                WHEN 'RETURNED' THEN 'RETURNED'
                WHEN 'UNKNOWN' THEN 'UNKNOWN'
                ELSE 'SENDING'
            END
            AND NOT (placed.status IN ('REFUSED', 'RETURNED') AND payout.status = 'REISSUED')
            AND NOT (
                placed.status = 'REFUSED'
                AND payout.status IN ('CONFIRMED', 'RETURNED')
                AND EXISTS (SELECT 1 FROM payouts_arrival arrived WHERE arrived.payout_id = payout.id)
            )
        """,
    ),
    Check(
        "I9",
        "payment orders that differ from their payout, method or destination",
        """
        SELECT placed.id
        FROM payouts_paymentorder placed
        JOIN payouts_payoutmethod method ON method.id = placed.method_id
        JOIN payouts_payout payout ON payout.id = placed.payout_id
        JOIN referrals_enrollment enrollment ON enrollment.id = payout.enrollment_id
        LEFT JOIN payouts_destination destination ON destination.id = placed.destination_id
        WHERE placed.currency <> payout.currency
            OR method.program_id <> enrollment.program_id
            OR (placed.destination_id IS NULL) <> (method.code = 'HOST')
            OR placed.destination_id IS NOT NULL AND (
                placed.amount_minor <> payout.amount_minor
                OR destination.enrollment_id <> payout.enrollment_id
                OR destination.method <> method.code
                OR destination.usable_from IS NULL
                OR destination.usable_from > placed.written_at
            )
        """,
    ),
    Check(
        "I9",
        "payouts of which the host is told to credit more than they are",
        """
        SELECT payout.id
        FROM payouts_payout payout
        JOIN payouts_paymentorder placed ON placed.payout_id = payout.id AND placed.destination_id IS NULL
        GROUP BY payout.id, payout.amount_minor
        HAVING SUM(placed.amount_minor) > payout.amount_minor
        """,
    ),
    Check(
        "I9",
        "payment orders that were taken, or refused, although no call and no notice says so",
        """
        SELECT placed.id
        FROM payouts_paymentorder placed
        WHERE placed.status IN ('ACCEPTED', 'CONFIRMED', 'REFUSED', 'RETURNED')
            AND NOT EXISTS (
                SELECT 1
                FROM payouts_paymentcall told
                WHERE told.order_id = placed.id
                    AND told.outcome = CASE placed.status WHEN 'CONFIRMED' THEN 'PAID' ELSE placed.status END
            )
            AND NOT EXISTS (
                SELECT 1
                FROM payouts_paymentnotice told
                WHERE told.order_id = placed.id
                    AND told.outcome = CASE placed.status WHEN 'CONFIRMED' THEN 'PAID' ELSE placed.status END
            )
        """,
    ),
    # What was sent before is sent again after an answer that it was not taken, or is not known.
    Check(
        "I9",
        "payment orders that were sent again although they may have been received",
        """
        SELECT DISTINCT order_id AS id
        FROM (
            SELECT order_id, kind,
                LAG(outcome) OVER (PARTITION BY order_id ORDER BY turn) AS before
            FROM payouts_paymentcall
        ) step
        WHERE kind = 'SEND' AND before IS NOT NULL AND before NOT IN ('NOT_TAKEN', 'NOT_KNOWN')
        """,
    ),
]
