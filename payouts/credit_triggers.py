"""
The trigger that keeps account credit from becoming cash, whoever writes the transfer.

Credit leaves its account for services of the host, or back to the program; for another referrer only where
terms of the program let their credit be given away. What is booked for many bonuses at once - earned,
cancelled, released - and what is booked between accounts of the program does not take from credit: these
kinds are passed over, so that a release pays nothing for it. The verification of the books looks at all.

SQLite drops a table's triggers when Django rebuilds the table, and stumbles over one that names a table which
is being rebuilt: a migration that touches payouts_transfer or payouts_ledgeraccount removes this one first,
and creates it again as its last operation.
"""

from django.apps.registry import Apps
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

NAME = "payouts_transfer_refuses_credit"
MESSAGE = "account credit pays for services alone: it is neither cash nor another account's"

PASSED_OVER = "('ACTIVATED', 'CANCELLED', 'RELEASED', 'CONFIRMED', 'RETURNED')"
# Nothing of these statements comes from anybody else.
BECOMES_CASH = """
    SELECT 1 FROM payouts_ledgeraccount debit
    JOIN payouts_ledgeraccount credit ON credit.id = {row}.credit_id
    WHERE debit.id = {row}.debit_id AND debit.kind = 'CREDIT' AND credit.kind NOT IN ('SERVICES', 'EXPENSE')
        AND NOT (credit.kind = 'CREDIT' AND EXISTS (
            SELECT 1 FROM payouts_reward reward JOIN referrals_terms terms ON terms.id = reward.terms_id
            WHERE terms.program_id = debit.program_id
                AND reward.kind = 'ACCOUNT_CREDIT' AND reward.transferable
        ))
"""
POSTGRESQL = [
    f"""
    CREATE FUNCTION {NAME}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        IF EXISTS (
            SELECT 1 FROM added
            WHERE added.kind NOT IN {PASSED_OVER} AND EXISTS ({BECOMES_CASH.format(row="added")})
        ) THEN
            RAISE EXCEPTION '{MESSAGE.replace("'", "''")}' USING ERRCODE = 'integrity_constraint_violation';
        END IF;
        RETURN NULL;
    END $$
    """,  # noqa: S608
    f"""
    CREATE TRIGGER {NAME} AFTER INSERT ON payouts_transfer REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION {NAME}()
    """,
]
SQLITE = [
    f"""
    CREATE TRIGGER {NAME} BEFORE INSERT ON payouts_transfer FOR EACH ROW
    WHEN NEW.kind NOT IN {PASSED_OVER} AND EXISTS ({BECOMES_CASH.format(row="NEW")})
    BEGIN SELECT RAISE(ABORT, '{MESSAGE.replace("'", "''")}'); END
    """
]


def credit_stays_credit(apps: Apps, editor: BaseDatabaseSchemaEditor) -> None:
    """A migration step: the database refuses transfers that make cash of account credit."""
    for statement in POSTGRESQL if editor.connection.vendor == "postgresql" else SQLITE:
        editor.execute(statement, params=None)


def removed(apps: Apps, editor: BaseDatabaseSchemaEditor) -> None:
    """The way back."""
    if editor.connection.vendor == "postgresql":
        editor.execute(f"DROP TRIGGER IF EXISTS {NAME} ON payouts_transfer", params=None)
        editor.execute(f"DROP FUNCTION IF EXISTS {NAME}()", params=None)
    else:
        editor.execute(f"DROP TRIGGER IF EXISTS {NAME}", params=None)
