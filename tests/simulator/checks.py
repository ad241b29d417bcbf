"""
What must be true after each step: few questions, asked of the tables and of the provider's book.

`payouts.verification` asks all the others every so many steps and at the end. Nothing of the product is used
here but the names of its tables.
"""

from collections import Counter
from datetime import datetime

from django.db import connection

from payouts import verification
from tests.simulator.provider import Provider


class Breach(AssertionError):
    """Something is not as it must be."""

    def __init__(self, check: str, found: object) -> None:
        super().__init__(f"{check}: {found}")
        self.check = check


BALANCED = "debits and credits are equal in each currency"
NOT_BELOW_ZERO = "no balance is below zero, but where two people took a bonus back"
RELEASED_ONCE = "a bonus is released once if it is paid, and never otherwise"
IN_ITS_WINDOW = "nothing is released before its window opens"
HOLDS = "what is on hold is not paid"
PAID_ONCE = "the provider has at most one living instruction of each payout, whatever the attempt"
NOT_MORE = "the provider has not more than was released and withdrawn"
COMPLETE = "all invariants of the books hold"

# Each finds what breaks it. A payable is below zero in no case.
QUESTIONS = {
    BALANCED: """
        SELECT currency, SUM(amount) FROM (
            SELECT account.currency, transfer.amount_minor AS amount
            FROM payouts_transfer transfer
            JOIN payouts_ledgeraccount account ON account.id = transfer.credit_id
            UNION ALL
            SELECT account.currency, -transfer.amount_minor
            FROM payouts_transfer transfer
            JOIN payouts_ledgeraccount account ON account.id = transfer.debit_id
        ) side GROUP BY currency HAVING SUM(amount) <> 0
    """,
    NOT_BELOW_ZERO: """
        SELECT account.id, account.kind, SUM(side.amount) FROM (
            SELECT credit_id AS account_id, amount_minor AS amount, 0 AS taken_back FROM payouts_transfer
            UNION ALL
            SELECT debit_id, -amount_minor, CASE kind WHEN 'REVERSED' THEN 1 ELSE 0 END
            FROM payouts_transfer
        ) side
        JOIN payouts_ledgeraccount account ON account.id = side.account_id
        WHERE account.kind IN ('PAYABLE', 'BALANCE', 'CREDIT')
        GROUP BY account.id, account.kind
        HAVING SUM(side.amount) < 0 AND (account.kind = 'PAYABLE' OR SUM(side.taken_back) = 0)
    """,
    RELEASED_ONCE: """
        SELECT bonus.id, bonus.status, COUNT(transfer.id)
        FROM payouts_bonus bonus
        LEFT JOIN payouts_transfer transfer ON transfer.bonus_id = bonus.id AND transfer.kind = 'RELEASED'
        GROUP BY bonus.id, bonus.status
        HAVING COUNT(transfer.id) <> CASE WHEN bonus.status IN ('PAID', 'REVERSED') THEN 1 ELSE 0 END
    """,
    IN_ITS_WINDOW: """
        SELECT bonus.id, transfer.posted_at, bonus.opens_at
        FROM payouts_transfer transfer
        JOIN payouts_bonus bonus ON bonus.id = transfer.bonus_id
        WHERE transfer.kind = 'RELEASED' AND transfer.posted_at < bonus.opens_at
    """,
    HOLDS: """
        SELECT bonus.id, hold.id
        FROM payouts_bonus bonus
        JOIN payouts_hold hold ON hold.bonus_id = bonus.id
        WHERE bonus.paid_at IS NOT NULL
            AND hold.placed_at <= bonus.paid_at
            AND (hold.lifted_at IS NULL OR hold.lifted_at > bonus.paid_at)
    """,
}

PAYMENTS = """
    SELECT id, COALESCE(batch_id, 0), COALESCE(withdrawal_id, 0), enrollment_id FROM payouts_payout
"""
LEFT = """
    SELECT transfer.currency, SUM(transfer.amount_minor)
    FROM payouts_transfer transfer
    JOIN payouts_ledgeraccount account ON account.id = transfer.credit_id
    WHERE transfer.kind = 'WITHDRAWN' OR transfer.kind = 'RELEASED' AND account.kind = 'CLEARING'
    GROUP BY transfer.currency
"""


def after_a_step(provider: Provider) -> None:
    """
    Ask what is cheap to ask.

    :raises Breach: naming what is broken
    """
    with connection.cursor() as cursor:
        for check, question in QUESTIONS.items():
            cursor.execute(question)
            if found := cursor.fetchall():
                raise Breach(check, found)
        if provider.book:
            _compare_books(provider, cursor)


def everything(*, as_of: datetime | None = None) -> None:
    """
    Ask all that `manage.py verify_books` asks, and the database about its own keys.

    :param as_of: the instant of a tick that has just ended: what was due then is paid, or it is known why not
    """
    connection.check_constraints()
    if found := verification.breaches(as_of=as_of):
        raise Breach(COMPLETE, found)


def _compare_books(provider: Provider, cursor: object) -> None:
    """The attempts of a payout are one payment: two people must not have it twice."""
    cursor.execute(PAYMENTS)
    payment_of = {number: tuple(payment) for number, *payment in cursor.fetchall()}
    living = [each for each in provider.book if each.is_living]
    told = Counter(payment_of[each.payout] for each in living)
    if twice := [payment for payment, times in told.items() if times > 1]:
        raise Breach(PAID_ONCE, twice)
    cursor.execute(LEFT)
    there = dict(cursor.fetchall())
    for currency in {each.currency for each in living}:
        has = sum(each.amount_minor for each in living if each.currency == currency)
        if has > there.get(currency, 0):
            raise Breach(NOT_MORE, (currency, has, there.get(currency, 0)))
