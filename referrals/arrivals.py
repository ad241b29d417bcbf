"""
A fact and the sign-up of its account, told at the same time, do not miss each other.

A fact marks its account as changed. An account that is just being made is not seen by it, and the fact is
not yet seen by who evaluates the account: whichever commits last would be forgotten. So the two take turns
at the name of the account, however long either of them takes to commit. Facts do not wait for each other.
"""

from collections.abc import Collection

from django.apps.registry import Apps
from django.db import connection
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.models import F

from referrals.models import Host, ReferredAccount

MARK_CHANGED = "referrals_mark_changed"
"""The function of PostgreSQL that waits for sign-ups and marks accounts."""

# A function, since each of its statements sees what was committed before that statement began: the second
# sees the accounts that the first has waited for. A single statement would not, nor would one more trip to
# the database be free. Rows are locked in one order, so that of two calls about the same accounts none waits
# in a circle. One name, which is nearly every call, has statements of its own: a list of unknown length is
# planned anew each time, which costs twice as much as all the rest.
_CREATE = f"""
    CREATE FUNCTION {MARK_CHANGED}(of_host bigint, names text[]) RETURNS void LANGUAGE plpgsql AS $$
    DECLARE
        only_one text := names[1];
        found bigint;
    BEGIN
        IF cardinality(names) = 1 THEN
            PERFORM pg_advisory_xact_lock_shared(hashtextextended(only_one, of_host));
            FOR found IN
                SELECT account.id FROM referrals_referredaccount account
                JOIN referrals_program program ON program.id = account.program_id
                WHERE program.host_id = of_host AND account.host_account = only_one
                ORDER BY account.id
            LOOP
                UPDATE referrals_referredaccount SET facts_changed = facts_changed + 1 WHERE id = found;
            END LOOP;
            RETURN;
        END IF;
        PERFORM pg_advisory_xact_lock_shared(hashtextextended(name, of_host)) FROM unnest(names) AS name;
        UPDATE referrals_referredaccount SET facts_changed = facts_changed + 1 WHERE id IN (
            SELECT account.id FROM referrals_referredaccount account
            JOIN referrals_program program ON program.id = account.program_id
            WHERE program.host_id = of_host AND account.host_account = ANY (names)
            ORDER BY account.id FOR NO KEY UPDATE OF account
        );
    END $$"""  # noqa: S608  names of our own


def install(apps: Apps, editor: BaseDatabaseSchemaEditor) -> None:
    """A migration step: give PostgreSQL the function."""
    if editor.connection.vendor == "postgresql":
        editor.execute(_CREATE, params=None)


def uninstall(apps: Apps, editor: BaseDatabaseSchemaEditor) -> None:
    """The way back."""
    if editor.connection.vendor == "postgresql":
        editor.execute(f"DROP FUNCTION {MARK_CHANGED}(bigint, text[])", params=None)


def wait_for_turn(host: Host, host_account: str) -> None:
    """
    Let nobody else sign this account up, and no fact of it come in, until this transaction has ended.

    What came in before is committed when this returns.
    """
    # On SQLite a transaction begins by waiting for its turn: there is one writer at a time.
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, %s))", [host_account, host.pk])


def mark_changed(host_id: int, host_accounts: Collection[str]) -> None:
    """Let the accounts be evaluated again, in each of their programs."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT {MARK_CHANGED}(%s, %s)", [host_id, list(host_accounts)])
    else:
        ReferredAccount.objects.filter(program__host=host_id, host_account__in=host_accounts).update(
            facts_changed=F("facts_changed") + 1
        )
