"""Do referrers bear the fees that ways to pay state, on nothing that is free of them, and in the books?"""

from payouts.verification.check import Check

CHECKS = [
    Check(
        "I8",
        "fees on more of a payout than its bonuses that are not free of fees",
        """
        SELECT fee.id
        FROM payouts_fee fee
        JOIN payouts_payout payout ON payout.id = fee.payout_id
        LEFT JOIN payouts_transfer back ON back.fee_id = fee.id AND back.kind = 'FEE_BACK'
        LEFT JOIN (
            SELECT bonus.payout_id, SUM(bonus.amount_minor) AS amount
            FROM payouts_bonus bonus
            JOIN payouts_reward reward ON reward.id = bonus.reward_id AND reward.fee_exempt
            WHERE bonus.payout_id IS NOT NULL
            GROUP BY bonus.payout_id
        ) free ON free.payout_id = payout.id
        WHERE fee.arrival_id IS NULL
            AND back.id IS NULL
            AND payout.batch_id IS NOT NULL
            AND fee.charged_minor <> payout.amount_minor - COALESCE(free.amount, 0)
        """,
    ),
    # What exempt bonuses brought into a balance is withdrawn first.
    Check(
        "I8",
        "fees on more of a withdrawal than goes beyond what is free of fees",
        """
        SELECT charged.id
        FROM (
            SELECT fee.id, fee.charged_minor, withdrawal.amount_minor,
                (
                    SELECT COALESCE(SUM(CASE moved.kind
                        WHEN 'RELEASED' THEN moved.amount_minor
                        ELSE -moved.amount_minor
                    END), 0)
                    FROM payouts_bonus bonus
                    JOIN payouts_reward reward ON reward.id = bonus.reward_id AND reward.fee_exempt
                    JOIN payouts_transfer moved ON moved.bonus_id = bonus.id
                    WHERE bonus.enrollment_id = withdrawal.enrollment_id
                        AND bonus.kind = 'ACCOUNT_BALANCE'
                        AND moved.kind IN ('RELEASED', 'REVERSED')
                        AND moved.id < took.id
                ) - (
                    SELECT COALESCE(SUM(earlier.amount_minor), 0)
                    FROM payouts_withdrawal earlier
                    WHERE earlier.enrollment_id = withdrawal.enrollment_id AND earlier.id < withdrawal.id
                ) AS free_minor
            FROM payouts_fee fee
            JOIN payouts_payout payout ON payout.id = fee.payout_id
            JOIN payouts_withdrawal withdrawal ON withdrawal.id = payout.withdrawal_id
            JOIN payouts_transfer took ON took.withdrawal_id = withdrawal.id
        ) charged
        WHERE charged.charged_minor <> charged.amount_minor
            - CASE WHEN charged.free_minor > 0 THEN charged.free_minor ELSE 0 END
        """,
    ),
    Check(
        "I9",
        "fees that their way to pay does not state",
        """
        SELECT stated.id
        FROM (
            SELECT fee.id, fee.amount_minor, fee.charged_minor,
                method.fee_fixed_minor + (fee.charged_minor * method.fee_basis_points + 5000) / 10000 AS minor
            FROM payouts_fee fee
            LEFT JOIN payouts_paymentline line ON line.id = fee.line_id
            LEFT JOIN payouts_paymentfile file ON file.id = line.file_id
            LEFT JOIN payouts_paymentorder placed ON placed.id = fee.order_id
            JOIN payouts_payoutmethod method ON method.id = COALESCE(file.method_id, placed.method_id)
        ) stated
        WHERE stated.amount_minor
            <> CASE WHEN stated.minor > stated.charged_minor THEN stated.charged_minor ELSE stated.minor END
        """,
    ),
    Check(
        "I9",
        "fees not booked with their amount, currency and program, or of a payment of another payout",
        """
        SELECT fee.id
        FROM payouts_fee fee
        JOIN payouts_payout payout ON payout.id = fee.payout_id
        JOIN referrals_enrollment enrollment ON enrollment.id = payout.enrollment_id
        LEFT JOIN payouts_paymentline line ON line.id = fee.line_id
        LEFT JOIN payouts_paymentorder placed ON placed.id = fee.order_id
        LEFT JOIN payouts_arrival arrived ON arrived.id = fee.arrival_id
        LEFT JOIN payouts_transfer kept ON kept.fee_id = fee.id AND kept.kind = 'FEE'
        LEFT JOIN payouts_ledgeraccount debit ON debit.id = kept.debit_id
        LEFT JOIN payouts_transfer back ON back.fee_id = fee.id AND back.kind = 'FEE_BACK'
        WHERE kept.id IS NULL
            OR COALESCE(line.payout_id, placed.payout_id, arrived.payout_id) <> payout.id
            OR fee.currency <> payout.currency
            OR kept.amount_minor <> fee.amount_minor
            OR kept.currency <> fee.currency
            OR debit.program_id <> enrollment.program_id
            OR back.amount_minor <> fee.amount_minor
            OR back.currency <> fee.currency
            OR COALESCE(back.reverses_id, kept.id) <> kept.id
        """,
    ),
    Check(
        "I9",
        "payouts that bear a fee although nobody was told to pay them, or more than one",
        """
        SELECT payout.id
        FROM payouts_payout payout
        JOIN payouts_fee fee ON fee.payout_id = payout.id
        LEFT JOIN payouts_transfer back ON back.fee_id = fee.id AND back.kind = 'FEE_BACK'
        WHERE back.id IS NULL
        GROUP BY payout.id, payout.status
        HAVING COUNT(*) > 1 OR payout.status NOT IN ('SENDING', 'SENT', 'UNKNOWN', 'CONFIRMED')
        """,
    ),
    Check(
        "I9",
        "fees given back although their payment stands",
        """
        SELECT fee.id
        FROM payouts_fee fee
        JOIN payouts_payout payout ON payout.id = fee.payout_id
        JOIN payouts_transfer back ON back.fee_id = fee.id AND back.kind = 'FEE_BACK'
        LEFT JOIN payouts_paymentline line ON line.id = fee.line_id
        WHERE payout.status IN ('SENDING', 'SENT', 'UNKNOWN', 'CONFIRMED')
            AND (line.id IS NULL OR NOT line.is_void)
            AND NOT EXISTS (SELECT 1 FROM payouts_arrival arrived WHERE arrived.payout_id = payout.id)
        """,
    ),
]
