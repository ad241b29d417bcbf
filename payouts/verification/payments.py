"""Is what banks were told of each payout told once, complete, and equal to the books?"""

from payouts.verification.check import Check

CHECKS = [
    Check(
        "I8",
        "payouts with another amount than their bonuses together, less what was set off",
        """
        SELECT payout.id
        FROM payouts_payout payout
        LEFT JOIN (
            SELECT payout_id, SUM(amount_minor) AS amount
            FROM payouts_bonus
            WHERE payout_id IS NOT NULL
            GROUP BY payout_id
        ) bonuses ON bonuses.payout_id = payout.id
        LEFT JOIN (
            SELECT attempt.batch_id, attempt.enrollment_id, SUM(kept.amount_minor) AS amount
            FROM payouts_setoff kept
            JOIN payouts_payout attempt ON attempt.id = kept.payout_id
            GROUP BY attempt.batch_id, attempt.enrollment_id
        ) less ON less.batch_id = payout.batch_id AND less.enrollment_id = payout.enrollment_id
        WHERE COALESCE(bonuses.amount, 0) <> CASE
            WHEN payout.batch_id IS NULL OR payout.status = 'REISSUED' THEN 0
            ELSE payout.amount_minor + COALESCE(less.amount, 0)
        END
        """,
    ),
    Check(
        "I8",
        "payouts with another amount, currency or referrer than their withdrawal",
        """
        SELECT payout.id
        FROM payouts_payout payout
        JOIN payouts_withdrawal withdrawal ON withdrawal.id = payout.withdrawal_id
        WHERE payout.amount_minor <> withdrawal.amount_minor
            OR payout.currency <> withdrawal.currency
            OR payout.enrollment_id <> withdrawal.enrollment_id
        """,
    ),
    Check(
        "I8",
        "withdrawals without a payout",
        """
        SELECT withdrawal.id
        FROM payouts_withdrawal withdrawal
        LEFT JOIN payouts_payout payout ON payout.withdrawal_id = withdrawal.id AND payout.attempt = 1
        WHERE payout.id IS NULL
        """,
    ),
    Check(
        "I9",
        "payouts told to a bank that are not in exactly one file that is not void, or one order",
        """
        SELECT payout.id
        FROM payouts_payout payout
        LEFT JOIN (
            SELECT payout_id, COUNT(*) AS lines
            FROM (
                SELECT payout_id FROM payouts_paymentline WHERE NOT is_void
                UNION ALL
                SELECT payout_id FROM payouts_paymentorder WHERE destination_id IS NOT NULL
            ) told
            GROUP BY payout_id
        ) live ON live.payout_id = payout.id
        WHERE payout.status IN ('SENDING', 'SENT', 'UNKNOWN', 'CONFIRMED', 'RETURNED')
            AND COALESCE(live.lines, 0) <> 1
            AND NOT (
                payout.status IN ('CONFIRMED', 'RETURNED')
                AND EXISTS (SELECT 1 FROM payouts_arrival arrived WHERE arrived.payout_id = payout.id)
            )
            OR live.lines > 1
        """,
    ),
    Check(
        "I9",
        "payouts in a file that is not void although they wait for one, or need none",
        """
        SELECT payout.id
        FROM payouts_payout payout
        JOIN payouts_paymentline line ON line.payout_id = payout.id AND NOT line.is_void
        WHERE payout.status IN ('PREPARED', 'CREDITED', 'CANCELLED')
        """,
    ),
    Check(
        "I9",
        "payment files with another count or total than their lines",
        """
        SELECT file.id
        FROM payouts_paymentfile file
        LEFT JOIN (
            SELECT file_id, COUNT(*) AS lines, SUM(amount_minor) AS amount
            FROM payouts_paymentline
            GROUP BY file_id
        ) held ON held.file_id = file.id
        WHERE COALESCE(held.lines, 0) <> file.count OR COALESCE(held.amount, 0) <> file.total_minor
        """,
    ),
    Check(
        "I9",
        "lines of payment files that differ from their payout, file or destination",
        """
        SELECT line.id
        FROM payouts_paymentline line
        JOIN payouts_paymentfile file ON file.id = line.file_id
        JOIN payouts_payoutmethod method ON method.id = file.method_id
        JOIN payouts_payout payout ON payout.id = line.payout_id
        JOIN referrals_enrollment enrollment ON enrollment.id = payout.enrollment_id
        JOIN payouts_destination destination ON destination.id = line.destination_id
        WHERE (line.amount_minor <> payout.amount_minor AND NOT line.is_void)
            OR line.amount_minor < payout.amount_minor
            OR line.currency <> payout.currency
            OR line.currency <> file.currency
            OR file.program_id <> enrollment.program_id
            OR method.program_id <> file.program_id
            OR destination.enrollment_id <> payout.enrollment_id
            OR destination.method <> method.code
            OR destination.usable_from IS NULL
            OR destination.usable_from > file.made_at
        """,
    ),
    Check(
        "I9",
        "lines that are void although their file is not, or the other way round",
        """
        SELECT line.id
        FROM payouts_paymentline line
        JOIN payouts_paymentfile file ON file.id = line.file_id
        WHERE line.is_void <> (file.status = 'VOIDED')
        """,
    ),
    Check(
        "I9",
        "payouts that stand otherwise than their file",
        """
        SELECT payout.id
        FROM payouts_payout payout
        JOIN payouts_paymentline line ON line.payout_id = payout.id AND NOT line.is_void
        JOIN payouts_paymentfile file ON file.id = line.file_id
        WHERE payout.status = 'SENDING' AND file.status <> 'MADE'
            OR payout.status <> 'SENDING' AND file.status = 'MADE'
            OR payout.status = 'UNKNOWN' AND file.status <> 'IN_DOUBT'
        """,
    ),
    Check(
        "I9",
        "payouts whose booking by the bank does not suit their status",
        """
        SELECT payout.id
        FROM payouts_payout payout
        LEFT JOIN (
            SELECT payout_id,
                COUNT(CASE kind WHEN 'CONFIRMED' THEN 1 END) AS confirmed,
                COUNT(CASE kind WHEN 'RETURNED' THEN 1 END) AS returned
            FROM payouts_transfer
            WHERE payout_id IS NOT NULL
            GROUP BY payout_id
        ) booked ON booked.payout_id = payout.id
        WHERE COALESCE(booked.confirmed, 0) - COALESCE(booked.returned, 0)
                <> CASE WHEN payout.status = 'CONFIRMED' THEN 1 ELSE 0 END
            OR booked.confirmed > 1
            OR booked.confirmed > 0 AND payout.status NOT IN ('CONFIRMED', 'RETURNED', 'REISSUED')
        """,
    ),
    Check(
        "I9",
        "transfers with another amount, currency or program than their payout",
        """
        SELECT transfer.id
        FROM payouts_transfer transfer
        JOIN payouts_payout payout ON payout.id = transfer.payout_id
        JOIN referrals_enrollment enrollment ON enrollment.id = payout.enrollment_id
        JOIN payouts_ledgeraccount debit ON debit.id = transfer.debit_id
        WHERE transfer.amount_minor <> payout.amount_minor
            OR transfer.currency <> payout.currency
            OR debit.program_id <> enrollment.program_id
        """,
    ),
    # An attempt follows one that was given up, and each of these is followed by one; few are either.
    Check(
        "I9",
        "payouts whose attempts form no chain",
        """
        WITH chained AS (
            SELECT id, COALESCE(batch_id, 0) AS batch, COALESCE(withdrawal_id, 0) AS withdrawal,
                enrollment_id, attempt, amount_minor, currency, status
            FROM payouts_payout
            WHERE attempt <> 1 OR status = 'REISSUED'
        )
        SELECT payout.id
        FROM chained payout
        LEFT JOIN chained following
            ON following.batch = payout.batch
            AND following.withdrawal = payout.withdrawal
            AND following.enrollment_id = payout.enrollment_id
            AND following.attempt = payout.attempt + 1
        LEFT JOIN chained earlier
            ON earlier.batch = payout.batch
            AND earlier.withdrawal = payout.withdrawal
            AND earlier.enrollment_id = payout.enrollment_id
            AND earlier.attempt = payout.attempt - 1
        LEFT JOIN (
            SELECT payout_id, SUM(amount_minor) AS amount FROM payouts_setoff GROUP BY payout_id
        ) less ON less.payout_id = following.id
        WHERE payout.attempt < 1
            OR payout.status = 'REISSUED' AND following.id IS NULL
            OR payout.attempt > 1 AND COALESCE(earlier.status, '') <> 'REISSUED'
            OR following.amount_minor + COALESCE(less.amount, 0) <> payout.amount_minor
            OR following.currency <> payout.currency
        """,
    ),
    Check(
        "I9",
        "clearing accounts that hold another amount than the payouts under way",
        """
        SELECT account.id
        FROM payouts_ledgeraccount account
        LEFT JOIN (
            SELECT account_id, SUM(amount) AS amount
            FROM (
                SELECT credit_id AS account_id, SUM(amount_minor) AS amount
                FROM payouts_transfer
                GROUP BY credit_id
                UNION ALL
                SELECT debit_id, -SUM(amount_minor)
                FROM payouts_transfer
                GROUP BY debit_id
            ) side
            GROUP BY account_id
        ) held ON held.account_id = account.id
        LEFT JOIN (
            SELECT enrollment.program_id, payout.currency, SUM(payout.amount_minor) AS amount
            FROM payouts_payout payout
            JOIN referrals_enrollment enrollment ON enrollment.id = payout.enrollment_id
            WHERE payout.status IN ('PREPARED', 'SENDING', 'SENT', 'UNKNOWN', 'FAILED', 'RETURNED')
            GROUP BY enrollment.program_id, payout.currency
        ) under_way ON under_way.program_id = account.program_id AND under_way.currency = account.currency
        WHERE account.kind = 'CLEARING' AND COALESCE(held.amount, 0) <> COALESCE(under_way.amount, 0)
        """,
    ),
    Check(
        "I9",
        "payments that arrived late and are not in the books with what was too much, or of another payout",
        """
        SELECT arrived.id
        FROM payouts_arrival arrived
        JOIN payouts_paymentline line ON line.id = arrived.line_id
        JOIN payouts_payout attempt ON attempt.id = line.payout_id
        JOIN payouts_payout payout ON payout.id = arrived.payout_id
        LEFT JOIN payouts_transfer transfer ON transfer.arrival_id = arrived.id
        LEFT JOIN payouts_ledgeraccount debit ON debit.id = transfer.debit_id
        WHERE attempt.enrollment_id <> payout.enrollment_id
            OR COALESCE(attempt.batch_id, 0) <> COALESCE(payout.batch_id, 0)
            OR COALESCE(attempt.withdrawal_id, 0) <> COALESCE(payout.withdrawal_id, 0)
            OR payout.status NOT IN ('CONFIRMED', 'RETURNED', 'REISSUED', 'CANCELLED')
            OR arrived.overpaid_minor NOT IN (line.amount_minor, line.amount_minor - payout.amount_minor)
            OR COALESCE(transfer.amount_minor, 0) <> arrived.overpaid_minor
            OR transfer.currency <> line.currency
            OR debit.enrollment_id <> payout.enrollment_id
        """,
    ),
    Check(
        "I12",
        "payouts of which nothing was known, and of which fewer than two people or no bank said what it was",
        """
        SELECT DISTINCT change.payout_id AS id
        FROM payouts_payoutchange change
        WHERE change.old_status = 'UNKNOWN'
            AND (change.approved_by_id IS NULL OR change.approved_by_id = change.changed_by_id)
            AND NOT EXISTS (
                SELECT 1
                FROM payouts_paymentreportline line
                JOIN payouts_paymentreport report ON report.id = line.report_id
                JOIN payouts_paymentline told ON told.payout_id = line.payout_id
                JOIN payouts_paymentline mine ON mine.file_id = told.file_id
                WHERE mine.payout_id = change.payout_id
                    AND line.verdict = 'DONE'
                    AND report.name <> 'told by hand'
                    AND report.read_at = change.changed_at
            )
            AND NOT EXISTS (
                SELECT 1
                FROM payouts_paymentorder asked
                JOIN payouts_paymentcall told ON told.order_id = asked.id
                WHERE asked.payout_id = change.payout_id
                    AND told.kind = 'ASK'
                    AND told.outcome <> 'UNKNOWN'
                    AND told.at = change.changed_at
            )
        """,
    ),
    Check(
        "I12",
        "payouts of which two people are said to have taken a step, who are one",
        """
        SELECT DISTINCT payout_id AS id
        FROM payouts_payoutchange
        WHERE approved_by_id = changed_by_id
        """,
    ),
    Check(
        "I12",
        "destinations confirmed by the person who told them, where it takes two",
        """
        SELECT id
        FROM payouts_destination
        WHERE people_needed >= 2 AND confirmed_by_id = created_by_id
        """,
    ),
]
