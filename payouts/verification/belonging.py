"""Do rows that point at each other belong together: same host, same program, same referrer?"""

from payouts.verification.check import Check

CHECKS = [
    Check(
        "I10",
        "events of another host than the client's that told them",
        """
        SELECT event.id
        FROM referrals_accountevent event
        JOIN referrals_apiclient client ON client.id = event.client_id
        WHERE client.host_id <> event.host_id
        """,
    ),
    Check(
        "I10",
        "events without the hash of their content",
        "SELECT id FROM referrals_accountevent WHERE LENGTH(body_sha256) <> 64",
    ),
    Check(
        "I10",
        "events stored twice",
        """
        SELECT MAX(id) AS id
        FROM referrals_accountevent
        GROUP BY client_id, event_id
        HAVING COUNT(*) > 1
        """,
    ),
    Check(
        "I13",
        "enrollments of a referrer of another host",
        """
        SELECT enrollment.id
        FROM referrals_enrollment enrollment
        JOIN referrals_program program ON program.id = enrollment.program_id
        JOIN referrals_referrer referrer ON referrer.id = enrollment.referrer_id
        WHERE referrer.host_id <> program.host_id
        """,
    ),
    Check(
        "I13",
        "accounts whose enrollment, terms or sign-up is of another program or account",
        """
        SELECT account.id
        FROM referrals_referredaccount account
        JOIN referrals_enrollment enrollment ON enrollment.id = account.enrollment_id
        JOIN referrals_terms terms ON terms.id = account.terms_id
        JOIN referrals_signup sign_up ON sign_up.id = account.sign_up_id
        WHERE enrollment.program_id <> account.program_id
            OR terms.program_id <> account.program_id
            OR sign_up.program_id <> account.program_id
            OR sign_up.host_account <> account.host_account
        """,
    ),
    Check(
        "I13",
        "accounts with a milestone of other terms",
        """
        SELECT DISTINCT account.id
        FROM referrals_milestonereached reached
        JOIN referrals_referredaccount account ON account.id = reached.account_id
        JOIN referrals_milestone milestone ON milestone.id = reached.milestone_id
        WHERE milestone.terms_id <> account.terms_id
        """,
    ),
    Check(
        "I13",
        "bonuses whose account, referrer, terms, reward and decision do not belong together",
        """
        SELECT bonus.id
        FROM payouts_bonus bonus
        JOIN referrals_referredaccount account ON account.id = bonus.account_id
        JOIN referrals_terms terms ON terms.id = bonus.terms_id
        JOIN payouts_reward reward ON reward.id = bonus.reward_id
        LEFT JOIN referrals_decision decision ON decision.id = bonus.decision_id
        WHERE account.enrollment_id <> bonus.enrollment_id
            OR account.terms_id <> bonus.terms_id
            OR reward.terms_id <> bonus.terms_id
            OR terms.currency <> bonus.currency
            OR decision.account_id <> bonus.account_id
        """,
    ),
    Check(
        "I13",
        "bonuses in a batch or payout of another program, referrer, kind or currency",
        """
        SELECT bonus.id
        FROM payouts_bonus bonus
        JOIN referrals_terms terms ON terms.id = bonus.terms_id
        JOIN payouts_payoutbatch batch ON batch.id = bonus.batch_id
        LEFT JOIN payouts_payout payout ON payout.id = bonus.payout_id
        WHERE batch.program_id <> terms.program_id
            OR batch.kind <> bonus.kind
            OR batch.currency <> bonus.currency
            OR payout.batch_id <> bonus.batch_id
            OR payout.enrollment_id <> bonus.enrollment_id
            OR payout.currency <> bonus.currency
        """,
    ),
    Check(
        "I13",
        "accounts of the books whose referrer is in another program",
        """
        SELECT account.id
        FROM payouts_ledgeraccount account
        JOIN referrals_enrollment enrollment ON enrollment.id = account.enrollment_id
        WHERE enrollment.program_id <> account.program_id
        """,
    ),
    Check(
        "I13",
        "transfers between two programs",
        """
        SELECT transfer.id
        FROM payouts_transfer transfer
        JOIN payouts_ledgeraccount debit ON debit.id = transfer.debit_id
        JOIN payouts_ledgeraccount credit ON credit.id = transfer.credit_id
        WHERE debit.program_id <> credit.program_id
        """,
    ),
    Check(
        "I13",
        "transfers of a bonus that touch an account of another referrer or program",
        """
        SELECT transfer.id
        FROM payouts_transfer transfer
        JOIN payouts_bonus bonus ON bonus.id = transfer.bonus_id
        JOIN referrals_enrollment enrollment ON enrollment.id = bonus.enrollment_id
        JOIN payouts_ledgeraccount debit ON debit.id = transfer.debit_id
        JOIN payouts_ledgeraccount credit ON credit.id = transfer.credit_id
        WHERE debit.program_id <> enrollment.program_id
            OR credit.program_id <> enrollment.program_id
            OR debit.enrollment_id <> bonus.enrollment_id
            OR credit.enrollment_id <> bonus.enrollment_id
        """,
    ),
]
