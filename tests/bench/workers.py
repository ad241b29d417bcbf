"""
``dev.py bench workers``: one worker that pays what is due, two of them, and facts that come in meanwhile.

One and two take turns on fresh copies of the same books; then two go on alone for the rest of the rounds, to
see whether they ever wait for each other in a circle. At last facts are told over HTTP, first to an idle
server, then while one worker pays. A figure counts only if every invariant of the books holds after each run.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from itertools import islice
from pathlib import Path
from typing import Any, NoReturn

import psycopg

from tests import postgres, server
from tests.bench import databases, facts, load
from tests.bench.databases import Databases
from tests.bench.floor import AS_OF

LOWEST_RATIO = 1.25
SLOWEST_P99_RATIO = 3
LONGEST_TRANSACTION_SECONDS = 2
BEGIN_AFTER_SECONDS = 4
"""Until then both have loaded all they need."""
ACCOUNTS = 500

Figures = dict[str, Any]


def main(arguments: list[str]) -> int:
    """Print the figures as JSON; 1 if they miss a goal."""
    parser = argparse.ArgumentParser(prog="dev.py bench workers", description=__doc__)
    parser.add_argument("--bonuses", type=int, default=200_000, metavar="N", help="default: 200000")
    parser.add_argument("--rounds", type=int, default=20, metavar="R", help="of two workers; default: 20")
    parser.add_argument("--compared", type=int, default=3, metavar="C", help="of one as well; default: 3")
    parser.add_argument("--connections", type=int, default=4, metavar="C", help="tell facts; default: 4")
    parser.add_argument("--idle", type=float, default=20, metavar="S", help="seconds without; default: 20")
    options = parser.parse_args(arguments)
    try:
        with databases.of("postgres") as made, tempfile.TemporaryDirectory(prefix="referrals-bench-") as at:
            figures = _measured(made, Path(at), options)
    except postgres.CannotStart as reason:
        sys.stderr.write(f"PostgreSQL does not start here: {reason}\n")
        return 2
    json.dump(figures, sys.stdout, indent=2)
    sys.stdout.write("\n")
    return 0 if figures["passed"] else 1


def _measured(made: Databases, folder: Path, options: argparse.Namespace) -> Figures:
    _say(f"making {options.bonuses:,} bonuses")
    template = made.empty("template_workers")
    _python(template, folder, "-m", "tests.bench.books", str(options.bonuses))
    seconds: dict[int, list[float]] = {1: [], 2: []}
    deadlocks = 0
    for number in range(max(options.rounds, options.compared)):
        for workers in (1, 2) if number < options.compared else (2,):
            url = made.copied(template, "copy")
            seconds[workers].append(_pay(url, folder, workers=workers, bonuses=options.bonuses))
            deadlocks += _deadlocks(url)
            _say(f"round {number + 1} of {options.rounds}: {workers}: {seconds[workers][-1]:.2f} s")
    pairs = zip(seconds[1], seconds[2], strict=False)
    ratio = round(statistics.median(one / two for one, two in pairs), 3)
    meanwhile = _meanwhile(made.copied(template, "copy"), folder, options)
    return {
        "goal": "workers",
        **made.described(),
        "bonuses": options.bonuses,
        "one_seconds": [round(each, 2) for each in seconds[1]],
        "two_seconds": [round(each, 2) for each in seconds[2]],
        "two_per_second": round(options.bonuses / statistics.median(seconds[2])),
        "ratio": ratio,
        "ratio_at_least": LOWEST_RATIO,
        "deadlocks": deadlocks,
        "intake_meanwhile": meanwhile,
        "books_verified": True,
        "passed": ratio >= LOWEST_RATIO and not deadlocks and meanwhile["passed"],
    }


def _pay(url: str, folder: Path, *, workers: int, bonuses: int) -> float:
    """The seconds from the common begin to the end of the last worker, on books that are in order after."""
    begins = time.monotonic() + BEGIN_AFTER_SECONDS
    running = [_ours(url, folder, begins) for _ in range(workers)]
    told = [_told(process) for process in running]
    if sum(each["paid"] for each in told) != bonuses or any(each["failed"] for each in told):
        _stop(f"{bonuses} bonuses were due, and the workers told: {told}")
    _verify(url, folder)
    return float(max(each["ended"] for each in told) - begins)


def _meanwhile(url: str, folder: Path, options: argparse.Namespace) -> Figures:
    """How long a fact takes on an idle machine, and while a worker pays."""
    # Of a host of their own: a bonus waits while facts about its account are not looked at.
    known = json.loads(_python(url, folder, "-m", "tests.bench.intake_host", str(ACCOUNTS), "intake"))
    requests = (facts.signed(known, fact) for fact in facts.told(known))
    # Made before the clock runs: signing is the host's work.
    enough = int(options.idle * 4_000) + options.connections
    with server.running(url, folder, workers=2, threads=4) as web:
        idle, busy = load.Load(), load.Load()
        for seconds, turn in ((1.0, load.Load()), (options.idle, idle)):
            prepared = iter(list(islice(requests, enough)))
            _add(turn, load.send(web.port, prepared, connections=options.connections, seconds=seconds))
        prepared = iter(list(islice(requests, 4 * enough)))
        with _Watched(url) as watched:
            process = _ours(url, folder, 0)
            while process.poll() is None:
                _add(busy, load.send(web.port, prepared, connections=options.connections, seconds=1))
        paid = _told(process)["paid"]
    if paid != options.bonuses or set(idle.statuses) | set(busy.statuses) != {202}:
        _stop(f"{paid} paid; answered with {dict(idle.statuses)}, then {dict(busy.statuses)}.")
    _verify(url, folder)
    ratio = round(busy.percentile(0.99) / idle.percentile(0.99), 2)
    return {
        "connections": options.connections,
        "idle_p99_ms": round(idle.percentile(0.99), 1),
        "busy_p99_ms": round(busy.percentile(0.99), 1),
        "idle_per_second": round(idle.per_second),
        "busy_per_second": round(busy.per_second),
        "p99_ratio": ratio,
        "p99_ratio_at_most": SLOWEST_P99_RATIO,
        "longest_transaction_seconds": round(watched.longest, 2),
        "longest_transaction_seconds_at_most": LONGEST_TRANSACTION_SECONDS,
        "passed": ratio <= SLOWEST_P99_RATIO and watched.longest <= LONGEST_TRANSACTION_SECONDS,
    }


def _add(load_so_far: load.Load, more: load.Load) -> None:
    load_so_far.seconds += more.seconds
    load_so_far.statuses += more.statuses
    load_so_far.latencies += more.latencies


class _Watched:
    """Looks every 20 ms how old the oldest transaction that wrote anything is."""

    def __init__(self, url: str) -> None:
        self.url, self.longest, self._over = url, 0.0, threading.Event()

    def __enter__(self) -> "_Watched":
        self._thread = threading.Thread(target=self._watch)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _watch(self) -> None:
        asked = """
            SELECT COALESCE(MAX(EXTRACT(EPOCH FROM clock_timestamp() - xact_start)), 0)
            FROM pg_stat_activity
            WHERE datname = current_database() AND backend_xid IS NOT NULL
        """
        with psycopg.connect(self.url, autocommit=True) as connection:
            while not self._over.wait(0.02):
                [age] = connection.execute(asked).fetchone() or (0,)
                self.longest = max(self.longest, float(age))


def _deadlocks(url: str) -> int:
    with psycopg.connect(url) as connection:
        asked = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"
        [number] = connection.execute(asked).fetchone() or (0,)
    return int(number)


def _ours(url: str, folder: Path, begins: float) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", "tests.bench.ours", str(begins)],
        env=server.as_in_production(url, folder),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def _told(process: "subprocess.Popen[str]") -> Figures:
    out, errors = process.communicate()
    if process.returncode:
        _stop(f"A worker failed; no figure counts.\n{errors}")
    told: Figures = json.loads(out)
    return told


def _verify(url: str, folder: Path) -> None:
    _python(url, folder, "manage.py", "verify_books", "--as-of", AS_OF.isoformat())


def _python(url: str, folder: Path, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, *arguments],
        env=os.environ | server.as_in_production(url, folder),
        check=False,
        capture_output=True,
        text=True,
    )
    if done.returncode:
        _stop(f"{' '.join(arguments)} failed; no figure counts.\n{done.stdout}{done.stderr}")
    return done.stdout


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")


def _stop(reason: str) -> NoReturn:
    """End without any figure."""
    _say(reason)
    sys.exit(2)
