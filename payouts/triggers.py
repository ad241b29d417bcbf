"""
The trigger that keeps closed months closed: no transfer is posted into one, whoever writes it.

On PostgreSQL it looks once per statement at the earliest of the rows, so that a release pays for one look
per chunk. Whoever posts shares a lock until the transaction ends, and whoever closes a month has it alone:
so a transfer is either counted by the closing, or sees it. The application's role, which may not change
transfers, could not lock their table.

SQLite has one writer at a time, and triggers for rows only, with few closed months to look at. It drops a
table's triggers when Django rebuilds the table: a migration that touches payouts_transfer creates this one
again as its last operation.
"""

from django.apps.registry import Apps
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

NAME = "payouts_transfer_refuses_insert"
LOCK = 7_302_025_001
"""Of PostgreSQL's advisory locks the one that posting shares and closing has alone."""
MESSAGE = "payouts_transfer takes nothing into a closed month"

# Nothing of these statements comes from anybody else.
POSTGRESQL = [
    f"""
    CREATE FUNCTION {NAME}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        PERFORM pg_advisory_xact_lock_shared({LOCK});
        IF EXISTS (
            SELECT 1 FROM payouts_monthclose closed
            WHERE closed.reopened_at IS NULL AND closed.ends_at > (SELECT MIN(posted_at) FROM added)
        ) AND EXISTS (
            SELECT 1 FROM added
            JOIN payouts_ledgeraccount account ON account.id = added.debit_id
            JOIN payouts_monthclose closed ON closed.program_id = account.program_id
            WHERE closed.reopened_at IS NULL AND closed.ends_at > added.posted_at
        ) THEN
            RAISE EXCEPTION '{MESSAGE}' USING ERRCODE = 'integrity_constraint_violation';
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
    WHEN EXISTS (
        SELECT 1 FROM payouts_monthclose closed
        WHERE closed.reopened_at IS NULL AND closed.ends_at > NEW.posted_at
            AND closed.program_id = (SELECT program_id FROM payouts_ledgeraccount WHERE id = NEW.debit_id)
    )
    BEGIN SELECT RAISE(ABORT, '{MESSAGE}'); END
    """  # noqa: S608
]


def closed_months_stay_closed(apps: Apps, editor: BaseDatabaseSchemaEditor) -> None:
    """A migration step: the database refuses transfers into closed months."""
    for statement in POSTGRESQL if editor.connection.vendor == "postgresql" else SQLITE:
        editor.execute(statement, params=None)


def removed(apps: Apps, editor: BaseDatabaseSchemaEditor) -> None:
    """The way back."""
    if editor.connection.vendor == "postgresql":
        editor.execute(f"DROP TRIGGER IF EXISTS {NAME} ON payouts_transfer", params=None)
        editor.execute(f"DROP FUNCTION IF EXISTS {NAME}()", params=None)
    else:
        editor.execute(f"DROP TRIGGER IF EXISTS {NAME}", params=None)
