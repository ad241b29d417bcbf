"""Is every amount in the books once, in the right accounts, and is what is derived equal to its sum?"""

from payouts.verification.check import Check

CHECKS = [
    Check(
        "I1",
        "transfers that move no amount",
        "SELECT id FROM payouts_transfer WHERE amount_minor <= 0",
    ),
    Check(
        "I1",
        "transfers from an account to itself",
        "SELECT id FROM payouts_transfer WHERE debit_id = credit_id",
    ),
    Check(
        "I1",
        "transfers in another currency than one of their accounts",
        """
        SELECT transfer.id
        FROM payouts_transfer transfer
        JOIN payouts_ledgeraccount debit ON debit.id = transfer.debit_id
        JOIN payouts_ledgeraccount credit ON credit.id = transfer.credit_id
        WHERE debit.currency <> transfer.currency OR credit.currency <> transfer.currency
        """,
    ),
    Check(
        "I1",
        "currencies whose debits and credits differ",
        """
        SELECT account.currency AS id
        FROM (
            SELECT credit_id AS account_id, SUM(amount_minor) AS amount
            FROM payouts_transfer
            GROUP BY credit_id
            UNION ALL
            SELECT debit_id, -SUM(amount_minor)
            FROM payouts_transfer
            GROUP BY debit_id
        ) side
        JOIN payouts_ledgeraccount account ON account.id = side.account_id
        GROUP BY account.currency
        HAVING SUM(side.amount) <> 0
        """,
    ),
    Check(
        "I1",
        "transfers between kinds of accounts that do not suit their own kind",
        """
        SELECT transfer.id
        FROM payouts_transfer transfer
        JOIN payouts_ledgeraccount debit ON debit.id = transfer.debit_id
        JOIN payouts_ledgeraccount credit ON credit.id = transfer.credit_id
        WHERE (transfer.kind, debit.kind, credit.kind) NOT IN (VALUES
            ('ACTIVATED', 'EXPENSE', 'PAYABLE'),
            ('CANCELLED', 'PAYABLE', 'EXPENSE'),
            ('RELEASED', 'PAYABLE', 'BALANCE'),
            ('RELEASED', 'PAYABLE', 'CREDIT'),
            ('RELEASED', 'PAYABLE', 'CLEARING'),
            ('REVERSED', 'BALANCE', 'EXPENSE'),
            ('REVERSED', 'CREDIT', 'EXPENSE'),
            ('REVERSED', 'CASH_OWED', 'EXPENSE'),
            ('WITHDRAWN', 'BALANCE', 'CLEARING'),
            ('SPENT', 'BALANCE', 'SERVICES'),
            ('SPENT', 'CREDIT', 'SERVICES'),
            ('GIVEN', 'BALANCE', 'BALANCE'),
            ('GIVEN', 'CREDIT', 'CREDIT'),
            ('CONFIRMED', 'CLEARING', 'BANK'),
            ('RETURNED', 'BANK', 'CLEARING'),
            ('SET_OFF', 'CLEARING', 'CASH_OWED'),
            ('OVERPAID', 'CASH_OWED', 'BANK'),
            ('FEE', 'CLEARING', 'FEES'),
            ('FEE_BACK', 'FEES', 'CLEARING')
        )
        """,
    ),
    Check(
        "I1",
        "transfers whose cause does not suit their kind",
        """
        SELECT id
        FROM payouts_transfer
        WHERE CASE kind
                WHEN 'WITHDRAWN' THEN withdrawal_id
                WHEN 'SPENT' THEN spend_id
                WHEN 'GIVEN' THEN gift_id
                WHEN 'CONFIRMED' THEN payout_id
                WHEN 'RETURNED' THEN payout_id
                WHEN 'SET_OFF' THEN set_off_id
                WHEN 'OVERPAID' THEN arrival_id
                WHEN 'FEE' THEN fee_id
                WHEN 'FEE_BACK' THEN fee_id
                ELSE bonus_id
            END IS NULL
            OR CASE WHEN bonus_id IS NULL THEN 0 ELSE 1 END
                + CASE WHEN payout_id IS NULL THEN 0 ELSE 1 END
                + CASE WHEN withdrawal_id IS NULL THEN 0 ELSE 1 END
                + CASE WHEN spend_id IS NULL THEN 0 ELSE 1 END
                + CASE WHEN gift_id IS NULL THEN 0 ELSE 1 END
                + CASE WHEN set_off_id IS NULL THEN 0 ELSE 1 END
                + CASE WHEN arrival_id IS NULL THEN 0 ELSE 1 END
                + CASE WHEN fee_id IS NULL THEN 0 ELSE 1 END <> 1
        """,
    ),
    Check(
        "I1",
        "withdrawals not booked with their amount and referrer",
        """
        SELECT withdrawal.id
        FROM payouts_withdrawal withdrawal
        LEFT JOIN payouts_transfer transfer ON transfer.withdrawal_id = withdrawal.id
        LEFT JOIN payouts_ledgeraccount debit ON debit.id = transfer.debit_id
        WHERE transfer.id IS NULL
            OR transfer.amount_minor <> withdrawal.amount_minor
            OR transfer.currency <> withdrawal.currency
            OR debit.enrollment_id <> withdrawal.enrollment_id
        """,
    ),
    Check(
        "I1",
        "spends not booked with their amount and referrer",
        """
        SELECT spend.id
        FROM payouts_spend spend
        LEFT JOIN payouts_transfer transfer ON transfer.spend_id = spend.id
        LEFT JOIN payouts_ledgeraccount debit ON debit.id = transfer.debit_id
        WHERE transfer.id IS NULL
            OR transfer.amount_minor <> spend.amount_minor
            OR transfer.currency <> spend.currency
            OR debit.enrollment_id <> spend.enrollment_id
        """,
    ),
    Check(
        "I1",
        "gifts not booked with their amount, giver and receiver",
        """
        SELECT gift.id
        FROM payouts_gift gift
        LEFT JOIN payouts_transfer transfer ON transfer.gift_id = gift.id
        LEFT JOIN payouts_ledgeraccount debit ON debit.id = transfer.debit_id
        LEFT JOIN payouts_ledgeraccount credit ON credit.id = transfer.credit_id
        WHERE transfer.id IS NULL
            OR transfer.amount_minor <> gift.amount_minor
            OR transfer.currency <> gift.currency
            OR debit.enrollment_id <> gift.giver_id
            OR credit.enrollment_id <> gift.receiver_id
        """,
    ),
    Check(
        "I1",
        "set-offs not booked with their amount, payout and referrer",
        """
        SELECT kept.id
        FROM payouts_setoff kept
        JOIN payouts_payout payout ON payout.id = kept.payout_id
        LEFT JOIN payouts_transfer transfer ON transfer.set_off_id = kept.id
        LEFT JOIN payouts_ledgeraccount credit ON credit.id = transfer.credit_id
        WHERE transfer.id IS NULL
            OR transfer.amount_minor <> kept.amount_minor
            OR transfer.currency <> kept.currency
            OR credit.enrollment_id <> kept.enrollment_id
            OR payout.enrollment_id <> kept.enrollment_id
            OR payout.currency <> kept.currency
            OR payout.batch_id IS NULL
        """,
    ),
    Check(
        "I2",
        "bonuses without exactly one transfer of each kind that their status calls for",
        """
        SELECT bonus.id
        FROM payouts_bonus bonus
        LEFT JOIN (
            SELECT bonus_id,
                COUNT(CASE kind WHEN 'ACTIVATED' THEN 1 END) AS activated,
                COUNT(CASE kind WHEN 'CANCELLED' THEN 1 END) AS cancelled,
                COUNT(CASE kind WHEN 'RELEASED' THEN 1 END) AS released,
                COUNT(CASE kind WHEN 'REVERSED' THEN 1 END) AS reversed
            FROM payouts_transfer
            GROUP BY bonus_id
        ) booked ON booked.bonus_id = bonus.id
        WHERE COALESCE(booked.activated, 0) <> 1
            OR booked.cancelled <> CASE WHEN bonus.status = 'CANCELLED' THEN 1 ELSE 0 END
            OR booked.released <> CASE WHEN bonus.status IN ('PAID', 'REVERSED') THEN 1 ELSE 0 END
            OR booked.reversed <> CASE WHEN bonus.status = 'REVERSED' THEN 1 ELSE 0 END
        """,
    ),
    Check(
        "I2",
        "transfers with another amount, currency or referrer than their bonus",
        """
        SELECT transfer.id
        FROM payouts_transfer transfer
        JOIN payouts_bonus bonus ON bonus.id = transfer.bonus_id
        JOIN payouts_ledgeraccount of_referrer
            ON of_referrer.id
                = CASE transfer.kind WHEN 'ACTIVATED' THEN transfer.credit_id ELSE transfer.debit_id END
        WHERE transfer.amount_minor <> bonus.amount_minor
            OR transfer.currency <> bonus.currency
            OR of_referrer.enrollment_id <> bonus.enrollment_id
        """,
    ),
    Check(
        "I2",
        "bonuses paid into, or taken back from, an account of another kind",
        """
        SELECT DISTINCT bonus.id
        FROM payouts_transfer transfer
        JOIN payouts_bonus bonus ON bonus.id = transfer.bonus_id
        JOIN payouts_ledgeraccount account
            ON account.id
                = CASE transfer.kind WHEN 'RELEASED' THEN transfer.credit_id ELSE transfer.debit_id END
        WHERE transfer.kind IN ('RELEASED', 'REVERSED')
            AND (transfer.kind, bonus.kind, account.kind) NOT IN (VALUES
                ('RELEASED', 'ACCOUNT_BALANCE', 'BALANCE'),
                ('RELEASED', 'ACCOUNT_CREDIT', 'CREDIT'),
                ('RELEASED', 'CASH', 'CLEARING'),
                ('REVERSED', 'ACCOUNT_BALANCE', 'BALANCE'),
                ('REVERSED', 'ACCOUNT_CREDIT', 'CREDIT'),
                ('REVERSED', 'CASH', 'CASH_OWED')
            )
        """,
    ),
    Check(
        "I2",
        "transfers that reverse another one than they should",
        """
        SELECT back.id
        FROM (
            SELECT id, kind, bonus_id, payout_id, amount_minor, reverses_id
            FROM payouts_transfer
            WHERE kind IN ('CANCELLED', 'REVERSED', 'RETURNED') OR reverses_id IS NOT NULL
        ) back
        LEFT JOIN payouts_transfer forth ON forth.id = back.reverses_id
        WHERE forth.id IS NULL
            OR (back.kind, forth.kind) NOT IN (VALUES
                ('CANCELLED', 'ACTIVATED'),
                ('REVERSED', 'RELEASED'),
                ('RETURNED', 'CONFIRMED')
            )
            OR forth.bonus_id <> back.bonus_id
            OR forth.payout_id <> back.payout_id
            OR forth.amount_minor <> back.amount_minor
        """,
    ),
    Check(
        "I8",
        "enrollments with a counter that is not the number of their accounts",
        """
        SELECT DISTINCT enrollment_id AS id
        FROM (
            SELECT enrollment_id, milestone, accounts FROM referrals_funnelcount
            UNION ALL
            SELECT account.enrollment_id, milestone.code, -COUNT(*)
            FROM referrals_milestonereached reached
            JOIN referrals_milestone milestone ON milestone.id = reached.milestone_id
            JOIN referrals_referredaccount account ON account.id = reached.account_id
            WHERE reached.holds AND milestone.funnel IS NOT NULL
            GROUP BY account.enrollment_id, milestone.code
        ) counted
        GROUP BY enrollment_id, milestone
        HAVING SUM(accounts) <> 0
        """,
    ),
    # What two people took back may exceed what was left: later bonuses make up for it.
    Check(
        "I11",
        "referrers of whom more was kept than they owed",
        """
        SELECT account.id
        FROM (
            SELECT credit_id AS account_id, SUM(amount_minor) AS amount
            FROM payouts_transfer
            GROUP BY credit_id
            UNION ALL
            SELECT debit_id, -SUM(amount_minor)
            FROM payouts_transfer
            GROUP BY debit_id
        ) side
        JOIN payouts_ledgeraccount account ON account.id = side.account_id
        WHERE account.kind = 'CASH_OWED'
        GROUP BY account.id
        HAVING SUM(side.amount) > 0
        """,
    ),
    Check(
        "I11",
        "payables, balances and credits below zero, reversals left aside",
        """
        SELECT account.id
        FROM (
            SELECT credit_id AS account_id, SUM(amount_minor) AS amount
            FROM payouts_transfer
            GROUP BY credit_id
            UNION ALL
            SELECT debit_id, -SUM(amount_minor)
            FROM payouts_transfer
            WHERE kind <> 'REVERSED'
            GROUP BY debit_id
        ) side
        JOIN payouts_ledgeraccount account ON account.id = side.account_id
        WHERE account.kind IN ('PAYABLE', 'BALANCE', 'CREDIT')
        GROUP BY account.id
        HAVING SUM(side.amount) < 0
        """,
    ),
    # Terms may raise, lower or lift a cap: what was earned under the widest of them stands.
    Check(
        "I11",
        "enrollments with more bonuses of a reward than its cap",
        """
        SELECT DISTINCT bonus.enrollment_id AS id
        FROM payouts_bonus bonus
        JOIN payouts_reward reward ON reward.id = bonus.reward_id
        WHERE bonus.status <> 'CANCELLED'
        GROUP BY bonus.enrollment_id, reward.code
        HAVING COUNT(*) > MAX(reward.cap) AND COUNT(reward.cap) = COUNT(*)
        """,
    ),
]
