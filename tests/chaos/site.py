"""One installation with its database and its processes, and what it looks like from outside."""

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
import redis
from celery import Celery

from tests import postgres

BASE_DIR = Path(__file__).resolve().parent.parent.parent
PATIENCE = 60


class Site:
    """An installation in a folder of its own."""

    def __init__(self, folder: Path, *, server: postgres.Server, database: str, broker: str) -> None:
        self.folder = folder
        self.address = server.url(name=database)
        self.environment = {
            "PATH": os.defpath,
            "DATABASE_URL": self.address,
            "REDIS_URL": broker,
            "DATA_DIR": str(folder / "data"),
        }
        self.messages = Celery("messages", broker=broker, set_as_current=False)
        self._running: list[subprocess.Popen[bytes]] = []

    # --- processes ---------------------------------------------------------------------------------------

    def worker(self, *asked_too: str, pool: str = "prefork", concurrency: int = 1, **variables: str) -> Path:
        """Start a worker and wait until it listens; where it writes what it does."""
        asked = [f"--pool={pool}", f"--concurrency={concurrency}", "--without-gossip", "--without-mingle"]
        log = self._celery("worker", *asked, **variables)
        eventually(lambda: b" ready." in log.read_bytes(), saying=lambda: log.read_text())
        return log

    def beat(self) -> None:
        """Start a beat of its own memory; it wakes every sweep each second."""
        log = self._celery("beat", "--schedule", str(self.folder / f"schedule-{uuid4()}"))
        eventually(lambda: b"beat: Starting" in log.read_bytes(), saying=lambda: log.read_text())

    def send(self, sweep: str = "release", *, times: int = 1) -> None:
        """Send one message, or the same one again and again."""
        name = str(uuid4())
        for _ in range(times):
            self.messages.send_task(f"payouts.{sweep}", task_id=name)

    def died_of_sigkill(self) -> bool:
        """Was the first process that was started killed?"""
        return self._running[0].poll() == -signal.SIGKILL

    def kill(self) -> None:
        """Kill all processes, with their children."""
        for process in self._running:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait(timeout=PATIENCE)
        self._running.clear()

    def stop(self) -> None:
        """Clear up after a test."""
        self.kill()
        self.messages.close()

    def manage(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a command of the project to its end."""
        return subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=BASE_DIR,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=PATIENCE,
        )

    def python(self, *arguments: str, **variables: str) -> subprocess.Popen[str]:
        """Start a program of its own, and do not wait for its end."""
        return subprocess.Popen(
            [sys.executable, *arguments],
            cwd=BASE_DIR,
            env=self.environment | variables,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    def _celery(self, *command: str, **variables: str) -> Path:
        log = self.folder / f"{command[0]}-{len(self._running)}.log"
        with log.open("wb") as opened:
            process = subprocess.Popen(
                [sys.executable, "-m", "celery", "-A", "tests.chaos.hurried", *command, "--loglevel=INFO"],
                cwd=BASE_DIR,
                env=self.environment | variables,
                stdout=opened,
                stderr=opened,
                start_new_session=True,
            )
        self._running.append(process)
        return log

    # --- what can be seen --------------------------------------------------------------------------------

    def statuses(self) -> Counter[str]:
        """How many bonuses are in which status."""
        return Counter(status for (status,) in self.rows("SELECT status FROM payouts_bonus"))

    def released(self) -> int:
        """How many payments the books hold."""
        return len(self.rows("SELECT id FROM payouts_transfer WHERE kind = 'RELEASED'"))

    def runs(self) -> list[tuple[bool, int]]:
        """Of each run of the release: did it end, and how many bonuses did it pay?"""
        return self.rows(
            "SELECT ended_at IS NOT NULL, done FROM referrals_jobrun WHERE job = 'release' ORDER BY id"
        )

    def breaches(self) -> set[str]:
        """The invariants that do not hold, whether all is paid that is due among them."""
        checked = self.manage("verify_books", "--json", "--as-of", datetime.now(UTC).isoformat())
        answer: dict[str, Any] = json.loads(checked.stdout.splitlines()[-1])
        return {breach["invariant"] for breach in answer["breaches"]}

    def end_connections(self, *, which: Callable[[list[int]], list[int]]) -> int:
        """Let the server end some of the connections that others have; returns how many."""
        with psycopg.connect(self.address, autocommit=True) as connection:
            others = connection.execute(
                "SELECT pid FROM pg_stat_activity WHERE datname = current_database()"
                " AND pid <> pg_backend_pid() ORDER BY pid"
            ).fetchall()
            chosen = which([pid for (pid,) in others])
            for pid in chosen:
                connection.execute("SELECT pg_terminate_backend(%s)", [pid])
        return len(chosen)

    def execute(self, statement: str) -> None:
        """Change the database itself, as its owner."""
        with psycopg.connect(self.address, autocommit=True) as connection:
            connection.execute(statement)

    def rows(self, query: str) -> list[Any]:
        """What the database answers."""
        with psycopg.connect(self.address) as connection:
            return connection.execute(query).fetchall()


def eventually(
    condition: Callable[[], bool], *, within: float = PATIENCE, saying: Callable[[], object] = lambda: ""
) -> None:
    """Wait until it is so, and fail if it does not come to be."""
    end = time.monotonic() + within
    while not condition():
        assert time.monotonic() < end, f"it did not come to be within {within} s\n{saying()}"
        time.sleep(0.1)


class Broker:
    """A Redis of its own that keeps nothing."""

    def __init__(self, folder: Path, port: int) -> None:
        self.folder, self.port = folder, port
        self.client = redis.Redis.from_url(self.address)
        self._start()

    @property
    def address(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def restart(self) -> None:
        """Let it die, and start it again: it is empty."""
        self.stop()
        self._start()

    def stop(self) -> None:
        self._process.kill()
        self._process.wait(timeout=PATIENCE)

    def _start(self) -> None:
        command = ["redis-server", "--port", str(self.port), "--bind", "127.0.0.1", "--save", ""]
        with (self.folder / "redis.log").open("ab") as log:
            self._process = subprocess.Popen(
                [*command, "--appendonly", "no", "--dir", str(self.folder)], stdout=log, stderr=log
            )
        eventually(self._answers)

    def _answers(self) -> bool:
        try:
            return bool(self.client.ping())
        except redis.ConnectionError:
            return False
