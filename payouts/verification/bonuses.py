"""Was every bonus earned, approved and paid as its program promises, in time and by the right people?"""

from payouts.verification.check import Check

# Only asked about an instant: right after a run of the jobs nothing that was due then may be left.
COMPLETE = [
    Check(
        "I3",
        "bonuses that are due, unpaid, and have no recorded reason",
        """
        WITH may_be_paid AS (
            SELECT bonus.id, bonus.status, bonus.batch_id, schedule.release, schedule.minimum_minor,
                SUM(bonus.amount_minor) OVER (PARTITION BY bonus.terms_id, bonus.enrollment_id, bonus.kind)
                    AS together
            FROM payouts_bonus bonus
            JOIN payouts_payoutschedule schedule ON schedule.terms_id = bonus.terms_id
            JOIN referrals_referredaccount account ON account.id = bonus.account_id
            JOIN referrals_enrollment enrollment ON enrollment.id = bonus.enrollment_id
            WHERE bonus.status IN ('ACTIVATED', 'APPROVED')
                AND bonus.opens_at <= %(as_of)s
                AND NOT bonus.on_hold
                AND enrollment.status <> 'SUSPENDED'
                AND account.status <> 'IN_REVIEW'
                AND NOT (
                    schedule.condition = 'REFERRED_ACCOUNT_ACTIVE'
                    AND (
                        account.activity = 'PAUSED' AND schedule.if_paused = 'WAIT'
                        OR account.activity = 'PAST_DUE' AND schedule.if_past_due = 'WAIT'
                    )
                )
        )
        SELECT may_be_paid.id
        FROM may_be_paid
        LEFT JOIN payouts_payoutbatch batch ON batch.id = may_be_paid.batch_id
        WHERE (may_be_paid.minimum_minor IS NULL OR may_be_paid.together >= may_be_paid.minimum_minor)
            AND NOT (
                may_be_paid.release = 'AFTER_APPROVAL'
                AND may_be_paid.status = 'ACTIVATED'
                AND COALESCE(batch.status, '') IN ('DRAFT', 'AWAITING_APPROVAL')
            )
        """,
    ),
]

CHECKS = [
    Check(
        "I4",
        "bonuses released before their window opened",
        """
        SELECT bonus.id
        FROM payouts_transfer transfer
        JOIN payouts_bonus bonus ON bonus.id = transfer.bonus_id
        WHERE transfer.kind = 'RELEASED'
            AND (
                transfer.posted_at < bonus.opens_at
                OR bonus.paid_at < bonus.opens_at
                OR bonus.released_on < bonus.window_opens_on
            )
        """,
    ),
    Check(
        "I4",
        "bonuses that record another number of days late than they were released after their window",
        """
        SELECT bonus.id
        FROM payouts_bonus bonus
        WHERE bonus.days_late <> CASE
            WHEN bonus.released_on > bonus.window_closes_on THEN {days_after_window} ELSE 0
        END
        """,
    ),
    Check(
        "I5",
        "bonuses without a decision of staff that qualified the account by then",
        """
        SELECT bonus.id
        FROM payouts_bonus bonus
        JOIN referrals_terms terms ON terms.id = bonus.terms_id
        LEFT JOIN referrals_decision decision ON decision.id = bonus.decision_id
        WHERE terms.qualified_by = 'STAFF'
            AND (
                decision.id IS NULL
                OR decision.result <> 'QUALIFIED'
                OR decision.decided_at > bonus.activated_at
                OR decision.takes_effect_at > bonus.created_at
            )
        """,
    ),
    Check(
        "I5",
        "bonuses whose decision never took effect",
        """
        SELECT bonus.id
        FROM payouts_bonus bonus
        LEFT JOIN referrals_statuschange change
            ON change.decision_id = bonus.decision_id
            AND change.account_id = bonus.account_id
            AND change.cause = 'DECIDED'
            AND change.new_status = 'QUALIFIED'
        WHERE bonus.decision_id IS NOT NULL AND change.id IS NULL
        """,
    ),
    # A question that is asked only of flagged accounts is not missed on others.
    Check(
        "I5",
        "bonuses whose decision has a required criterion neither met nor waived",
        """
        SELECT DISTINCT bonus.id
        FROM payouts_bonus bonus
        JOIN referrals_terms terms ON terms.id = bonus.terms_id AND terms.qualified_by = 'STAFF'
        JOIN referrals_decision decision ON decision.id = bonus.decision_id
        JOIN referrals_referredaccount account ON account.id = bonus.account_id
        JOIN referrals_criterion criterion ON criterion.terms_id = bonus.terms_id AND criterion.required
        WHERE COALESCE({result_in_snapshot}, '') NOT IN ('PASS', 'WAIVED')
            AND (
                criterion.source = 'AUTOMATIC'
                OR criterion.asked = 'ALWAYS'
                OR account.account_match
                OR account.email_match
                OR account.domain_match
            )
        """,
    ),
    Check(
        "I5",
        "bonuses of accounts that no milestone had qualified by then",
        """
        SELECT bonus.id
        FROM payouts_bonus bonus
        JOIN referrals_terms terms ON terms.id = bonus.terms_id
        WHERE terms.qualified_by <> 'STAFF'
            AND NOT EXISTS (
                SELECT 1
                FROM referrals_statuschange change
                WHERE change.account_id = bonus.account_id
                    AND change.new_status = 'QUALIFIED'
                    AND change.changed_at <= bonus.created_at
            )
        """,
    ),
    # Both ends count: what happened at the very instant of the payment may stand before or after it.
    Check(
        "I5",
        "bonuses paid while their account was not qualified",
        """
        SELECT bonus.id
        FROM payouts_bonus bonus
        LEFT JOIN (
            SELECT account_id, new_status, changed_at AS since,
                LEAD(changed_at) OVER (PARTITION BY account_id ORDER BY id) AS until
            FROM referrals_statuschange
        ) spell
            ON spell.account_id = bonus.account_id
            AND spell.new_status = 'QUALIFIED'
            AND spell.since <= bonus.paid_at
            AND (spell.until IS NULL OR spell.until >= bonus.paid_at)
        WHERE bonus.paid_at IS NOT NULL AND spell.account_id IS NULL
        """,
    ),
    Check(
        "I12",
        "bonuses paid although somebody holds them",
        """
        SELECT DISTINCT bonus.id
        FROM payouts_bonus bonus
        JOIN payouts_hold hold ON hold.bonus_id = bonus.id
        WHERE bonus.status IN ('PAID', 'REVERSED') AND hold.lifted_at IS NULL
        """,
    ),
    Check(
        "I12",
        "batches not approved by the people that they need",
        """
        SELECT id
        FROM payouts_payoutbatch
        WHERE status IN ('APPROVED', 'RELEASED')
            AND (
                automatic AND approved_by_id IS NOT NULL
                OR NOT automatic AND approved_by_id IS NULL
                OR NOT automatic AND people_needed >= 2
                    AND (prepared_by_id IS NULL OR prepared_by_id = approved_by_id)
            )
        """,
    ),
    Check(
        "I12",
        "batches approved by fewer people than their sum asks for",
        """
        SELECT batch.id
        FROM payouts_payoutbatch batch
        WHERE batch.status IN ('APPROVED', 'RELEASED')
            AND batch.approvals_needed > 1
            AND batch.approvals_needed > (
                SELECT COUNT(DISTINCT approval.person_id)
                FROM payouts_batchapproval approval
                WHERE approval.batch_id = batch.id
                    AND approval.turn = batch.turn
                    AND approval.person_id <> batch.prepared_by_id
            )
        """,
    ),
    Check(
        "I12",
        "bonuses approved by the schedule although their terms ask for an approval",
        """
        SELECT bonus.id
        FROM payouts_bonus bonus
        JOIN payouts_payoutbatch batch ON batch.id = bonus.batch_id
        JOIN payouts_payoutschedule schedule ON schedule.terms_id = bonus.terms_id
        WHERE bonus.status IN ('APPROVED', 'PAID', 'REVERSED')
            AND batch.automatic
            AND schedule.release = 'AFTER_APPROVAL'
        """,
    ),
    # A batch may be voided when some of it is paid: only what is not paid yet leaves it.
    Check(
        "I12",
        "approved and paid bonuses whose batch is not approved",
        """
        SELECT bonus.id
        FROM payouts_bonus bonus
        LEFT JOIN payouts_payoutbatch batch ON batch.id = bonus.batch_id
        WHERE bonus.status IN ('APPROVED', 'PAID', 'REVERSED')
            AND COALESCE(batch.status, '') NOT IN ('APPROVED', 'RELEASED')
            AND NOT (COALESCE(batch.status, '') = 'VOIDED' AND bonus.status IN ('PAID', 'REVERSED'))
        """,
    ),
    Check(
        "I12",
        "bonuses not prepared and approved by the people that they need",
        """
        SELECT bonus.id
        FROM payouts_bonus bonus
        JOIN payouts_payoutbatch batch ON batch.id = bonus.batch_id
        WHERE bonus.status IN ('APPROVED', 'PAID', 'REVERSED')
            AND (
                batch.automatic AND bonus.approved_by_id IS NOT NULL
                OR NOT batch.automatic AND bonus.approved_by_id IS NULL
                OR NOT batch.automatic AND bonus.people_needed >= 2
                    AND (bonus.prepared_by_id IS NULL OR bonus.prepared_by_id = bonus.approved_by_id)
            )
        """,
    ),
    Check(
        "I12",
        "bonuses prepared or approved by the person who qualified the account, where it takes three",
        """
        SELECT bonus.id
        FROM payouts_bonus bonus
        LEFT JOIN referrals_decision decision ON decision.id = bonus.decision_id
        WHERE bonus.people_needed >= 3
            AND bonus.status IN ('APPROVED', 'PAID', 'REVERSED')
            AND (
                bonus.qualified_by_id IN (bonus.prepared_by_id, bonus.approved_by_id)
                OR decision.decided_by_id IN (bonus.prepared_by_id, bonus.approved_by_id)
            )
        """,
    ),
    Check(
        "I12",
        "bonuses reversed by fewer than two people",
        """
        SELECT bonus_id AS id
        FROM payouts_bonuschange
        WHERE new_status = 'REVERSED'
            AND (changed_by_id IS NULL OR approved_by_id IS NULL OR changed_by_id = approved_by_id)
        """,
    ),
    Check(
        "I12",
        "bonuses reversed although their terms let nobody take them back",
        """
        SELECT bonus.id
        FROM payouts_bonus bonus
        JOIN referrals_terms terms ON terms.id = bonus.terms_id
        WHERE bonus.status = 'REVERSED' AND terms.clawback <> 'BY_STAFF'
        """,
    ),
]
