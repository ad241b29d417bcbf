"""A Redis, a PostgreSQL that writes to the disk, and for every test an installation with due bonuses."""

import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import psycopg
import pytest

from tests import postgres
from tests.chaos.site import BASE_DIR, Broker, Site

STAGED = "staged"
numbers = count(1)


@pytest.fixture(scope="session")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    """A Redis of this run."""
    if os.environ.get("TEST_DATABASE") == "sqlite":
        pytest.skip("has a PostgreSQL of its own: it has run, or will, in the run on PostgreSQL")
    if shutil.which("redis-server") is None:
        pytest.skip("redis-server is not installed: no process is killed")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    running = Broker(tmp_path_factory.mktemp("redis"), port)
    yield running
    running.stop()


@pytest.fixture(scope="session")
def server(broker: Broker, tmp_path_factory: pytest.TempPathFactory) -> Iterator[postgres.Server]:
    """A PostgreSQL of this run, with a database to copy: its bonuses are due."""
    try:
        running = postgres.start(durable=True)
    except postgres.CannotStart as reason:
        pytest.skip(f"the embedded PostgreSQL does not start: {reason}")
    try:
        with _maintaining(running) as connection:
            connection.execute(f"CREATE DATABASE {STAGED} OWNER {postgres.OWNER}")
            if sys.platform == "linux":
                # After a crash it would else wait for the disk file by file.
                connection.execute("ALTER SYSTEM SET recovery_init_sync_method = 'syncfs'")
        environment = {
            "PATH": os.defpath,
            "DATABASE_URL": running.url(name=STAGED),
            "DATA_DIR": str(tmp_path_factory.mktemp("staging")),
        }
        command = [sys.executable, "-m", "tests.chaos.stage"]
        subprocess.run(command, cwd=BASE_DIR, env=environment, check=True, capture_output=True, text=True)
        yield running
    finally:
        running.stop()


@pytest.fixture
def site(server: postgres.Server, broker: Broker, tmp_path: Path) -> Iterator[Site]:
    """An installation with a database of its own, and nothing in Redis."""
    broker.client.flushall()
    database = f"site{next(numbers)}"
    with _maintaining(server) as connection:
        connection.execute(f"CREATE DATABASE {database} TEMPLATE {STAGED} OWNER {postgres.OWNER}")
    site = Site(tmp_path, server=server, database=database, broker=broker.address)
    try:
        yield site
    finally:
        site.stop()
        with _maintaining(server) as connection:
            connection.execute(f"DROP DATABASE {database} WITH (FORCE)")


def _maintaining(server: postgres.Server) -> psycopg.Connection:
    return psycopg.connect(server.url(user="postgres", name="postgres"), autocommit=True)
