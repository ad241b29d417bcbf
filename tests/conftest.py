"""
The database of a test run, and what every test may ask for.

``TEST_DATABASE`` says which: ``postgres`` (the service of ``DATABASE_URL``, else an embedded server) or
``sqlite``. Without it, the database of ``DATABASE_URL``, else SQLite.
"""

import contextlib
import gc
import os
import shutil
import tempfile
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.conf import settings
from django.contrib.auth.models import Permission
from django.contrib.contenttypes.models import ContentType
from django.db import ProgrammingError, connection, connections, transaction
from django.db.models import Model
from django.test import TransactionTestCase
from pytest_django import DjangoDbBlocker

from config.environment import database
from referrals.models import Calendar, Holiday
from tests import postgres
from tests.filled import filled

fallback_reason = pytest.StashKey[str]()
ONCE = "--but-not-what-needs-no-database"
Rows = dict[type[Model], list[Any]]
DATABASE_FIXTURES = {"db", "django_db_setup", "transactional_db", "live_server"}


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        ONCE,
        action="store_true",
        help="leave out tests that need no database, and those marked any_database: for a second run, on "
        "another database, where they would prove nothing new",
    )


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what a run on another database has shown already."""
    if not config.getoption(ONCE):
        return
    kept = [item for item in items if _depends_on_database(item)]
    config.hook.pytest_deselected(items=[item for item in items if item not in set(kept)])
    items[:] = kept


def _depends_on_database(item: pytest.Item) -> bool:
    if item.get_closest_marker("any_database"):
        return False
    fixtures = DATABASE_FIXTURES & set(getattr(item, "fixturenames", ()))
    return bool(fixtures) or any(map(item.get_closest_marker, ["django_db", "each_database"]))


def pytest_collection_finish() -> None:
    """What is imported by now stays: no collection of garbage need look at it again."""
    gc.collect()
    gc.freeze()


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
def triggers_laid_aside(of: Collection[str] | None = None) -> Iterator[None]:
    """Take all triggers, or those of these tables, out of a SQLite database; put them back as they were."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT name, tbl_name, sql FROM sqlite_master WHERE type = 'trigger'")
        found = [(name, sql) for name, table, sql in cursor.fetchall() if of is None or table in of]
        for name, _ in found:
            cursor.execute(f'DROP TRIGGER "{name}"')
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            for _, statement in found:
                cursor.execute(statement)


@pytest.fixture(scope="session")
def django_db_setup(
    django_db_setup: None, django_db_blocker: DjangoDbBlocker
) -> dict[type[Model], list[Any]]:
    """The database as pytest-django makes it, and the rows that data migrations have left."""
    with django_db_blocker.unblock():
        return _seeded()


@pytest.fixture(scope="session", autouse=True)
def transactional_tests_end_with_the_database_as_migrated(request: pytest.FixtureRequest) -> Iterator[None]:
    """
    Take the rows of a transactional test away, and put back what it changed of those of data migrations.

    Django's own flush empties every table, and makes types and permissions anew. On SQLite it is a DELETE,
    which append-only tables refuse; on PostgreSQL a TRUNCATE of all tables, which takes longer than most
    tests. Here only tables with rows are emptied, and neither triggers nor keys look at that.
    """
    flush = TransactionTestCase._fixture_teardown
    emptied = {"postgresql": _emptied_on_postgresql, "sqlite": _emptied_on_sqlite}

    def take_rows_away(case: TransactionTestCase) -> None:
        as_migrated = request.getfixturevalue("django_db_setup")
        kept = {*MADE_BY_DJANGO, *([] if _seeded() != as_migrated else map(_table, SEEDED))}
        tables = {*connection.introspection.django_table_names(only_existing=True)} - kept
        if not emptied[connection.vendor](filled(tables)):
            flush(case)
        if _seeded() != as_migrated:
            for model, rows in as_migrated.items():
                model._default_manager.bulk_create(model(*row) for row in rows)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(TransactionTestCase, "_fixture_teardown", take_rows_away)
        yield


SEEDED: list[type[Model]] = [Calendar, Holiday]
"""What data migrations fill, the first before what points to it."""
MADE_BY_DJANGO = {ContentType._meta.db_table, Permission._meta.db_table, "django_migrations"}
"""Tables whose rows follow from the models, and are no test's."""


def _table(model: type[Model]) -> str:
    return model._meta.db_table


def _seeded() -> Rows:
    return {model: list(model._default_manager.order_by("pk").values_list()) for model in SEEDED}


def _emptied_on_postgresql(tables: list[str]) -> bool:
    """Delete all rows of these tables; return False if the server's role may not do that unseen."""
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SET LOCAL session_replication_role = replica")
            for table in tables:
                cursor.execute(f"DELETE FROM {table}")  # noqa: S608
    except ProgrammingError:
        return False
    return True


def _emptied_on_sqlite(tables: list[str]) -> bool:
    """Delete all rows of these tables, while their triggers are laid aside."""
    aside = triggers_laid_aside(of=tables)
    with connection.constraint_checks_disabled(), transaction.atomic(), aside, connection.cursor() as cursor:
        for table in tables:
            cursor.execute(f"DELETE FROM {table}")  # noqa: S608
    return True


def connected_as(**changed: str) -> psycopg.Connection:
    """Open a connection of its own to the test database, outside of the test's transaction."""
    known = {"dbname", "user", "password", "host", "port"}
    parameters = {name: value for name, value in connection.get_connection_params().items() if name in known}
    return psycopg.connect(**parameters | changed)


@pytest.fixture(scope="module")
def rows_of_module(django_db_setup: Rows, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """
    What a fixture of a module makes with this one is there for all its tests; each takes back its own.

    Not for modules with transactional tests: these would wait for it.
    """
    with django_db_blocker.unblock(), transaction.atomic():
        yield
        transaction.set_rollback(True)


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
