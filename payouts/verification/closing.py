"""Do closed months hold what they held, and did two people close them? Are told spends of the right host?"""

from payouts.verification.check import Check

CHECKS = [
    # The last closed month is enough: what was posted into an earlier one is part of its sums, too.
    Check(
        "I8",
        "closed months whose balances are no longer those of their transfers",
        """
        SELECT DISTINCT close_id AS id
        FROM (
            SELECT close_id, kind, currency, debits_minor AS debits, credits_minor AS credits
            FROM payouts_closedbalance
            UNION ALL
            SELECT closed.id, account.kind, transfer.currency, -SUM(transfer.amount_minor), 0
            FROM payouts_monthclose closed
            JOIN payouts_ledgeraccount account ON account.program_id = closed.program_id
            JOIN payouts_transfer transfer
                ON transfer.debit_id = account.id AND transfer.posted_at < closed.ends_at
            WHERE closed.reopened_at IS NULL
            GROUP BY closed.id, account.kind, transfer.currency
            UNION ALL
            SELECT closed.id, account.kind, transfer.currency, 0, -SUM(transfer.amount_minor)
            FROM payouts_monthclose closed
            JOIN payouts_ledgeraccount account ON account.program_id = closed.program_id
            JOIN payouts_transfer transfer
                ON transfer.credit_id = account.id AND transfer.posted_at < closed.ends_at
            WHERE closed.reopened_at IS NULL
            GROUP BY closed.id, account.kind, transfer.currency
        ) side
        WHERE close_id IN (
            SELECT closed.id
            FROM payouts_monthclose closed
            WHERE closed.reopened_at IS NULL AND NOT EXISTS (
                SELECT 1 FROM payouts_monthclose later
                WHERE later.program_id = closed.program_id
                    AND later.reopened_at IS NULL
                    AND later.month > closed.month
            )
        )
        GROUP BY close_id, kind, currency
        HAVING SUM(debits) <> 0 OR SUM(credits) <> 0
        """,
    ),
    Check(
        "I8",
        "months that were opened again while a later one is closed",
        """
        SELECT opened.id
        FROM payouts_monthclose opened
        WHERE opened.reopened_at IS NOT NULL
            AND EXISTS (
                SELECT 1 FROM payouts_monthclose later
                WHERE later.program_id = opened.program_id
                    AND later.reopened_at IS NULL
                    AND later.month > opened.month
            )
            AND NOT EXISTS (
                SELECT 1 FROM payouts_monthclose again
                WHERE again.program_id = opened.program_id
                    AND again.reopened_at IS NULL
                    AND again.month = opened.month
            )
        """,
    ),
    Check(
        "I12",
        "months closed or opened again by fewer than two people",
        """
        SELECT id
        FROM payouts_monthclose
        WHERE closed_by_id = confirmed_by_id
            OR reopened_by_id = reopening_confirmed_by_id
            OR reopened_at IS NOT NULL AND (reopened_by_id IS NULL OR reopening_confirmed_by_id IS NULL)
        """,
    ),
    Check(
        "I13",
        "spends told by the software of another host",
        """
        SELECT told.id
        FROM payouts_hostspend told
        JOIN referrals_apiclient client ON client.id = told.client_id
        JOIN payouts_spend spend ON spend.id = told.spend_id
        JOIN referrals_enrollment enrollment ON enrollment.id = spend.enrollment_id
        JOIN referrals_program program ON program.id = enrollment.program_id
        WHERE program.host_id <> client.host_id
        """,
    ),
]
