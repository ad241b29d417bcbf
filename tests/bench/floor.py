"""
``python -m tests.bench.floor``: pay what is due by plain SQL, as fast as it goes without asking anything.

It writes the same rows as the release, with the same keys and triggers, in chunks on one connection. It does
not look whether an account is in review, a referrer suspended, a milestone lost or a minimum reached: what
the release takes longer is the price of these questions and of the ORM. No Django here.
"""

import json
import os
import re
import sqlite3
import sys
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any
from urllib.parse import unquote, urlsplit

import psycopg

from tests.bench.usage import Measured

AS_OF = datetime(2026, 2, 16, 0, 5, tzinfo=UTC)
CHUNK = 5_000

Parameters = dict[str, Any]
Connection = psycopg.Connection[Any] | sqlite3.Connection

PROGRAM = """
    SELECT terms.id, terms.program_id, terms.currency, reward.kind, program.people_needed
    FROM payouts_bonus bonus
    JOIN payouts_reward reward ON reward.id = bonus.reward_id
    JOIN referrals_terms terms ON terms.id = bonus.terms_id
    JOIN referrals_program program ON program.id = terms.program_id
    LIMIT 1
"""
OPEN_BATCH = """
    INSERT INTO payouts_payoutbatch
        (program_id, run_on, kind, currency, sequence, status, automatic, content_sha256, people_needed,
        approvals_needed, turn)
    VALUES (%(program)s, %(today)s, %(kind)s, %(currency)s, 1, 'APPROVED', TRUE, '', %(people_needed)s, 1, 0)
    RETURNING id
"""
LOG_BATCH = """
    INSERT INTO payouts_batchchange (batch_id, old_status, new_status, changed_at)
    VALUES (%(batch)s, %(old)s, %(new)s, %(as_of)s)
"""
CLOSE_BATCH = "UPDATE payouts_payoutbatch SET status = 'RELEASED' WHERE id = %(batch)s"

CLAIM = """
    SELECT id, enrollment_id
    FROM payouts_bonus
    WHERE terms_id = %(terms)s
        AND status IN ('ACTIVATED', 'APPROVED')
        AND opens_at <= %(as_of)s
        AND NOT on_hold
        AND (enrollment_id, id) > (%(last_referrer)s, %(last_bonus)s)
    ORDER BY enrollment_id, id
    LIMIT %(size)s
    {skipping_claimed_rows}
"""
PAY = [
    """
    INSERT INTO payouts_bonuschange (bonus_id, old_status, new_status, changed_at, reason)
    SELECT id, status, 'APPROVED', %(as_of)s, '' FROM payouts_bonus WHERE id {claimed}
    """,
    """
    INSERT INTO payouts_bonuschange (bonus_id, old_status, new_status, changed_at, reason)
    SELECT id, 'APPROVED', 'PAID', %(as_of)s, '' FROM payouts_bonus WHERE id {claimed}
    """,
    """
    INSERT INTO payouts_payout (batch_id, enrollment_id, attempt, amount_minor, currency, status, created_at)
    SELECT %(batch)s, enrollment_id, 1, SUM(amount_minor), MIN(currency), 'CREDITED', %(as_of)s
    FROM payouts_bonus
    WHERE id {claimed}
    GROUP BY enrollment_id
    ON CONFLICT (batch_id, enrollment_id, attempt)
        DO UPDATE SET amount_minor = payouts_payout.amount_minor + excluded.amount_minor
    """,
    """
    INSERT INTO payouts_transfer (debit_id, credit_id, amount_minor, currency, kind, posted_at, bonus_id)
    SELECT payable.id, balance.id, bonus.amount_minor, bonus.currency, 'RELEASED', %(as_of)s, bonus.id
    FROM payouts_bonus bonus
    LEFT JOIN payouts_ledgeraccount payable
        ON payable.enrollment_id = bonus.enrollment_id
        AND payable.kind = 'PAYABLE' AND payable.currency = bonus.currency
    LEFT JOIN payouts_ledgeraccount balance
        ON balance.enrollment_id = bonus.enrollment_id
        AND balance.kind = 'BALANCE' AND balance.currency = bonus.currency
    WHERE bonus.id {claimed}
    """,
    """
    UPDATE payouts_bonus
    SET status = 'PAID', batch_id = %(batch)s, paid_at = %(as_of)s, released_on = %(today)s, days_late = 0,
        payout_id = (
            SELECT payout.id
            FROM payouts_payout payout
            WHERE payout.batch_id = %(batch)s
                AND payout.enrollment_id = payouts_bonus.enrollment_id
                AND payout.attempt = 1
        )
    WHERE id {claimed}
    """,
    """
    INSERT INTO payouts_payoutchange (payout_id, old_status, new_status, changed_at)
    SELECT payout.id, '', payout.status, %(as_of)s
    FROM payouts_payout payout
    WHERE payout.id IN (SELECT payout_id FROM payouts_bonus WHERE id {claimed})
        AND NOT EXISTS (SELECT 1 FROM payouts_payoutchange change WHERE change.payout_id = payout.id)
    """,
]


TABLES = {
    "postgres": "SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1",
    "sqlite": "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY 1",
}


class Plain:
    """A connection that takes the same statements on PostgreSQL and SQLite."""

    def __init__(self, url: str) -> None:
        self.is_sqlite = urlsplit(url).scheme == "sqlite"
        self.backend: int | None = None
        self.tables = TABLES["sqlite" if self.is_sqlite else "postgres"]
        if self.is_sqlite:
            self.connection: Connection = sqlite3.connect(
                unquote(urlsplit(url).path[1:]), isolation_level=None
            )
            self.connection.execute("PRAGMA journal_mode=WAL")
            self.connection.execute("PRAGMA synchronous=FULL")
        else:
            self.connection = psycopg.connect(url, autocommit=True)
            self.backend = self.connection.info.backend_pid

    def instant(self, at: datetime) -> datetime | str:
        """An instant as Django stores it."""
        return at.replace(tzinfo=None).isoformat(" ") if self.is_sqlite else at

    def ids(self, ids: list[int]) -> list[int] | str:
        """Ids as ``{claimed}`` takes them."""
        return json.dumps(ids) if self.is_sqlite else ids

    def execute(self, statement: str, parameters: Parameters) -> Any:
        """The cursor that has executed the statement."""
        if self.is_sqlite:
            claimed, skipping = "IN (SELECT value FROM json_each(%(claimed)s))", ""
        else:
            claimed, skipping = "= ANY(%(claimed)s)", "FOR UPDATE SKIP LOCKED"
        statement = statement.replace("{claimed}", claimed).replace("{skipping_claimed_rows}", skipping)
        if self.is_sqlite:
            statement = re.sub(r"%\((\w+)\)s", r":\1", statement)
        return self.connection.execute(statement, parameters)


def release(plain: Plain) -> int:
    """Pay all that is due, chunk by chunk; returns how many bonuses were paid."""
    as_of: Parameters = {"as_of": plain.instant(AS_OF), "today": AS_OF.date().isoformat()}
    names = ("terms", "program", "currency", "kind", "people_needed")
    program = dict(zip(names, plain.execute(PROGRAM, {}).fetchone(), strict=True))
    batch = as_of | {"batch": plain.execute(OPEN_BATCH, as_of | program).fetchone()[0]}
    plain.execute(LOG_BATCH, batch | {"old": "", "new": "APPROVED"})

    paid, last_bonus, last_referrer = 0, 0, 0
    while True:
        plain.execute("BEGIN IMMEDIATE" if plain.is_sqlite else "BEGIN", {})
        position = {"size": CHUNK, "last_bonus": last_bonus, "last_referrer": last_referrer}
        claimed = plain.execute(CLAIM, batch | program | position).fetchall()
        for statement in PAY if claimed else []:
            plain.execute(statement, batch | {"claimed": plain.ids([bonus for bonus, _ in claimed])})
        plain.execute("COMMIT", {})
        if not claimed:
            break
        paid += len(claimed)
        last_bonus, last_referrer = claimed[-1]

    plain.execute(CLOSE_BATCH, batch)
    plain.execute(LOG_BATCH, batch | {"old": "APPROVED", "new": "RELEASED"})
    return paid


def main() -> None:
    """Print what was paid, and what that took."""
    plain = Plain(os.environ["DATABASE_URL"])
    with Measured(backend=plain.backend) as measured:
        paid = release(plain)
    json.dump({"paid": paid} | asdict(measured.usage), sys.stdout)


if __name__ == "__main__":
    main()
