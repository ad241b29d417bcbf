"""Where a benchmark runs: databases of its own, copied from a template, and thrown away at the end."""

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit

import psycopg
from psycopg import sql

from tests import postgres


class Databases(Protocol):
    """What both kinds of database can do; a database is named by its address, as in DATABASE_URL."""

    def empty(self, name: str) -> str:
        """Make an empty database of that name."""

    def copied(self, template: str, name: str) -> str:
        """Make a database as the template is now, in place of an earlier one of that name."""

    def described(self) -> dict[str, str]:
        """Say what it is, and whether a commit reaches the disk."""


class Sqlite:
    """A file for each database; what the settings of the project say makes a commit reach the disk."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def empty(self, name: str) -> str:
        for left in self.folder.glob(f"{name}.sqlite3*"):
            left.unlink()
        return f"sqlite:///{self.folder / name}.sqlite3"

    def copied(self, template: str, name: str) -> str:
        url = self.empty(name)
        shutil.copyfile(urlsplit(template).path[1:], urlsplit(url).path[1:])
        return url

    def described(self) -> dict[str, str]:
        return {"database": "sqlite", "synchronous": "full"}


class Postgres:
    """Databases of one server; a copy begins with a checkpoint, so that all begin alike."""

    def __init__(self, url: str) -> None:
        self.url = url
        # Two benchmarks on one server do not meet.
        self.prefix = f"bench_{os.getpid()}_"
        self.made: set[str] = set()

    def empty(self, name: str) -> str:
        return self._make(name, sql.SQL(""))

    def copied(self, template: str, name: str) -> str:
        source = sql.Identifier(urlsplit(template).path[1:])
        return self._make(name, sql.SQL("TEMPLATE {} STRATEGY FILE_COPY").format(source))

    def described(self) -> dict[str, str]:
        with psycopg.connect(self.url) as connection:
            names = ("server_version", "fsync", "synchronous_commit")
            shown = {name: connection.execute(f"SHOW {name}").fetchone() for name in names}
        return {"database": "postgres"} | {name: str(row[0]) for name, row in shown.items() if row}

    def drop(self) -> None:
        """Drop all that was made."""
        for name in sorted(self.made):
            self._execute(sql.SQL("DROP DATABASE IF EXISTS {}").format(sql.Identifier(name)))

    def _make(self, name: str, how: sql.Composable) -> str:
        full_name = self.prefix + name
        identifier = sql.Identifier(full_name)
        self._execute(sql.SQL("DROP DATABASE IF EXISTS {}").format(identifier))
        self._execute(sql.SQL("CREATE DATABASE {} {}").format(identifier, how))
        self.made.add(full_name)
        return urlsplit(self.url)._replace(path=f"/{full_name}").geturl()

    def _execute(self, statement: sql.Composable) -> None:
        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute(statement)


@contextlib.contextmanager
def of(kind: str) -> Iterator[Databases]:
    """
    Databases of that kind: on the server of DATABASE_URL, if it is of that kind, else on one of our own.

    :raises CannotStart: if a server of our own cannot be started on this machine
    """
    if kind == "sqlite":
        with tempfile.TemporaryDirectory(prefix="referrals-bench-") as folder:
            yield Sqlite(Path(folder))
        return
    given = os.environ.get("DATABASE_URL", "")
    server = None if urlsplit(given).scheme.startswith("postgres") else postgres.start(durable=True)
    try:
        databases = Postgres(server.url() if server else given)
        try:
            yield databases
        finally:
            databases.drop()
    finally:
        if server:
            server.stop()
