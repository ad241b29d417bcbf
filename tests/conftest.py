"""
The database of a test run, and what every test may ask for.

``TEST_DATABASE`` says which: ``postgres`` (the service of ``DATABASE_URL``, else an embedded server) or
``sqlite``. Without it, the database of ``DATABASE_URL``, else SQLite.
"""

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from django.conf import settings
from django.db import connection, connections
from django.test import TransactionTestCase

from config.environment import database
from referrals import calendars
from tests import postgres

fallback_reason = pytest.StashKey[str]()


def pytest_configure(config: pytest.Config) -> None:
    """Choose the database, once: the workers of xdist inherit the environment that is set here."""
    if hasattr(config, "workerinput"):
        return
    # A folder of its own, so that two runs in the same tree do not meet.
    folder = Path(tempfile.mkdtemp(prefix="referrals-tests-"))
    config.add_cleanup(lambda: shutil.rmtree(folder, ignore_errors=True))
    os.environ["DATA_DIR"] = str(folder)
    os.environ["DATABASE_URL"] = _address(config, sqlite=f"sqlite:///{folder / 'db.sqlite3'}")

    # The settings of this process were read before any conftest.
    described = database(os.environ["DATABASE_URL"])
    if "TEST" in described:
        described["TEST"]["NAME"] = str(folder / "test.sqlite3")
    with contextlib.suppress(AttributeError):
        del connections["default"]
    settings.DATABASES["default"] = described
    connections.settings = connections.configure_settings(settings.DATABASES)


def _address(config: pytest.Config, *, sqlite: str) -> str:
    """Return the address of the database that was asked for; start the embedded server if need be."""
    wanted = os.environ.get("TEST_DATABASE", "")
    if wanted not in {"", "postgres", "sqlite"}:
        raise pytest.UsageError(f"TEST_DATABASE={wanted!r} is neither 'postgres' nor 'sqlite'.")
    given = os.environ.get("DATABASE_URL", "")
    if given and wanted != "sqlite":
        return given
    if wanted != "postgres":
        return sqlite
    try:
        server = postgres.start()
    except postgres.CannotStart as reason:
        config.stash[fallback_reason] = str(reason)
        return sqlite
    config.add_cleanup(server.stop)
    return server.url()


def pytest_report_header() -> str:
    """Say on what the tests run."""
    return f"database: {connection.vendor}"


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Say at the end, where it is seen, that PostgreSQL was asked for and not used."""
    if reason := config.stash.get(fallback_reason, None):
        terminalreporter.section("NOT RUN ON POSTGRESQL, but on SQLite", red=True)
        terminalreporter.line(f"The embedded server did not start: {reason}")


@contextlib.contextmanager
def triggers_laid_aside() -> Iterator[None]:
    """Take all triggers out of a SQLite database, and put them back as they were."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'")
        found = cursor.fetchall()
        for name, _ in found:
            cursor.execute(f'DROP TRIGGER "{name}"')
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            for _, statement in found:
                cursor.execute(statement)


@pytest.fixture(scope="session", autouse=True)
def transactional_tests_end_with_the_database_as_migrated() -> Iterator[None]:
    """
    Let the flush at the end of a transactional test pass, and seed again what it took.

    On SQLite a flush is a DELETE, which append-only tables refuse; on PostgreSQL it is a TRUNCATE. The rows
    of data migrations go with the rest.
    """
    flush = TransactionTestCase._fixture_teardown

    def flush_and_seed(case: TransactionTestCase) -> None:
        with triggers_laid_aside() if connection.vendor == "sqlite" else contextlib.nullcontext():
            flush(case)
        calendars.ensure_builtin()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(TransactionTestCase, "_fixture_teardown", flush_and_seed)
        yield


def connected_as(**changed: str) -> psycopg.Connection:
    """Open a connection of its own to the test database, outside of the test's transaction."""
    known = {"dbname", "user", "password", "host", "port"}
    parameters = {name: value for name, value in connection.get_connection_params().items() if name in known}
    return psycopg.connect(**parameters | changed)


@pytest.fixture(scope="session")
def append_only_tables(django_db_setup: None) -> list[str]:
    """
    The tables whose rows PostgreSQL itself neither changes nor deletes, for anybody.

    The application's role is granted everything but that, so that REVOKE is tested beside the triggers.
    """
    if connection.vendor != "postgresql":
        pytest.skip("roles are PostgreSQL's, and this run is on SQLite")
    with connected_as() as owner:
        if not owner.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [postgres.APPLICATION]).fetchone():
            pytest.skip(f"the PostgreSQL of DATABASE_URL has no role {postgres.APPLICATION}")
        # Statement triggers refuse without looking at the rows; those that do look guard published terms.
        rows = owner.execute(
            "SELECT DISTINCT tgrelid::regclass::text FROM pg_trigger"
            " WHERE NOT tgisinternal AND tgtype & 1 = 0"
        ).fetchall()
        tables = sorted(table for (table,) in rows)
        everything = "SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public"
        owner.execute(f"GRANT {everything} TO {postgres.APPLICATION}")
        owner.execute(f"GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO {postgres.APPLICATION}")
        for table in tables:
            owner.execute(f"REVOKE UPDATE, DELETE ON {table} FROM {postgres.APPLICATION}")
    return tables


@pytest.fixture
def application_role_connection(append_only_tables: list[str]) -> Iterator[psycopg.Connection]:
    """
    A connection as the application's role, which does not own the tables.

    It sees only what is committed, so nothing that a test with the ``db`` fixture has written.
    """
    with connected_as(user=postgres.APPLICATION) as application:
        yield application
        application.rollback()
