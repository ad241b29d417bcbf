"""
Triggers of the database: the promises that no code of ours can break.

Rows of append-only tables are never changed or deleted; published terms and their children
stay as they are; of some rows only a status moves on. SQLite drops a table's triggers when
Django rebuilds the table: a migration that touches one of these tables re-creates them as
its last operation.
"""

from collections.abc import Callable, Mapping

from django.apps.registry import Apps
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

Step = Callable[[Apps, BaseDatabaseSchemaEditor], None]


def append_only(*tables: str) -> Step:
    """A migration step: rows of these tables can only be added."""

    def create(apps: Apps, editor: BaseDatabaseSchemaEditor) -> None:
        for table in tables:
            for statement in _append_only(table, editor.connection.vendor):
                # No parameters: a percent sign in the body is a percent sign.
                editor.execute(statement, params=None)

    return create


def frozen_once_published(terms_of: Mapping[str, str]) -> Step:
    """
    A migration step: these rows cannot change once their terms are published.

    :param terms_of: table to an SQL expression for the id of a row's terms; ``{row}`` is the row
    """

    def create(apps: Apps, editor: BaseDatabaseSchemaEditor) -> None:
        for table, expression in terms_of.items():
            for statement in _frozen(table, expression, editor.connection.vendor):
                editor.execute(statement, params=None)

    return create


def kept(conditions: Mapping[str, str], *, deleted: bool = False) -> Step:
    """
    A migration step: of these rows something never changes, and none is deleted.

    :param conditions: table to an SQL condition over ``OLD`` and ``NEW`` that no update may fulfil
    :param deleted: rows may be deleted
    """

    def create(apps: Apps, editor: BaseDatabaseSchemaEditor) -> None:
        for table, condition in conditions.items():
            message = f"{table} keeps what it was made with"
            vendor = editor.connection.vendor
            statements = _refusing(table, "update", vendor, message=message, when=condition)
            if not deleted:
                # Row by row, as the update: by that these tables are told from append-only ones.
                statements += _refusing(table, "delete", vendor, message=message, when="TRUE")
            for statement in statements:
                editor.execute(statement, params=None)

    return create


def refusing_updates(table: str, *, when: str, message: str) -> Step:
    """
    A migration step: a row is not changed so that this holds.

    :param when: an SQL condition over ``OLD`` and ``NEW``
    """

    def create(apps: Apps, editor: BaseDatabaseSchemaEditor) -> None:
        for statement in _refusing(table, "update", editor.connection.vendor, message=message, when=when):
            editor.execute(statement, params=None)

    return create


def removed(*tables: str) -> Step:
    """The way back: drop our triggers from these tables."""

    def drop(apps: Apps, editor: BaseDatabaseSchemaEditor) -> None:
        for table in tables:
            for operation in ("insert", "update", "delete"):
                name = f"{table}_refuses_{operation}"
                if editor.connection.vendor == "postgresql":
                    editor.execute(f"DROP TRIGGER IF EXISTS {name} ON {table}", params=None)
                    editor.execute(f"DROP FUNCTION IF EXISTS {name}()", params=None)
                else:
                    editor.execute(f"DROP TRIGGER IF EXISTS {name}", params=None)

    return drop


def installed(connection: BaseDatabaseWrapper) -> list[str]:
    """The names of our triggers that the database has, in order."""
    query = {
        "postgresql": "SELECT tgname FROM pg_trigger WHERE tgname LIKE '%_refuses_%'",
        "sqlite": "SELECT name FROM sqlite_master WHERE type = 'trigger' AND name LIKE '%_refuses_%'",
    }[connection.vendor]
    with connection.cursor() as cursor:
        cursor.execute(query)
        return sorted(row[0] for row in cursor.fetchall())


def _append_only(table: str, vendor: str) -> list[str]:
    message = f"{table} is append-only"
    return [
        statement
        for operation in ("update", "delete")
        for statement in _refusing(table, operation, vendor, message=message)
    ]


def _frozen(table: str, expression: str, vendor: str) -> list[str]:
    message = f"{table} belongs to published terms, which never change"
    rows = {"insert": ["NEW"], "update": ["OLD", "NEW"], "delete": ["OLD"]}
    if table == "referrals_terms":
        # Publishing is itself an update: only what was published before is frozen.
        rows = {"update": ["OLD"], "delete": ["OLD"]}
    statements = []
    for operation, affected in rows.items():
        published = " OR ".join(
            "EXISTS (SELECT 1 FROM referrals_terms published WHERE published.published_at IS NOT NULL"  # noqa: S608
            f" AND published.id = ({expression.format(row=row)}))"
            for row in affected
        )
        statements += _refusing(table, operation, vendor, message=message, when=published)
    return statements


def _refusing(table: str, operation: str, vendor: str, *, message: str, when: str = "") -> list[str]:
    name = f"{table}_refuses_{operation}"
    if vendor == "sqlite":
        condition = f"WHEN {when} " if when else ""
        return [
            (
                f"CREATE TRIGGER {name} BEFORE {operation.upper()} ON {table} FOR EACH ROW {condition}"
                f"BEGIN SELECT RAISE(ABORT, '{message}'); END"
            )
        ]
    refusal = f"RAISE EXCEPTION '{message}' USING ERRCODE = 'integrity_constraint_violation';"
    passed_on = "OLD" if operation == "delete" else "NEW"
    body = f"IF {when} THEN {refusal} END IF; RETURN {passed_on};" if when else refusal
    # Refused without looking at the rows: once per statement is enough.
    scope = "ROW" if when else "STATEMENT"
    return [
        f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {body} END $$",
        (
            f"CREATE TRIGGER {name} BEFORE {operation.upper()} ON {table}"
            f" FOR EACH {scope} EXECUTE FUNCTION {name}()"
        ),
    ]
