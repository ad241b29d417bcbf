"""
``dev.py bench intake``: facts taken in over HTTP, against a bare Django view with one INSERT … ON CONFLICT.

Both views stand in one server, behind the same middleware, on one durable PostgreSQL, and take turns. Every
fact is about one of the accounts that the books hold. A figure counts only if all was answered with 2xx, what
was answered is in the table, and the books verify.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import psycopg

from tests import postgres, server
from tests.bench import facts, load

LOWEST_RATIO = 0.75
LOWEST_BATCH_RATIO = 10
ACCOUNTS = 500
PER_BATCH = 100

Figures = dict[str, Any]
Requests = Iterator[bytes]


def main(arguments: list[str]) -> int:
    """Print the figures as JSON; 1 if they miss the goal."""
    parser = argparse.ArgumentParser(prog="dev.py bench intake", description=__doc__)
    parser.add_argument("--seconds", type=float, default=10, metavar="S", help="of each turn; default: 10")
    parser.add_argument("--rounds", type=int, default=3, metavar="R", help="of all sides; default: 3")
    parser.add_argument("--connections", type=int, default=32, metavar="C", help="default: 32")
    parser.add_argument("--workers", type=int, default=2, metavar="W", help="processes; default: 2")
    parser.add_argument("--threads", type=int, default=4, metavar="T", help="of each process; default: 4")
    options = parser.parse_args(arguments)

    database = postgres.start(durable=True)
    try:
        with tempfile.TemporaryDirectory(prefix="referrals-bench-") as folder:
            figures = _race(database.url(), Path(folder), options)
    finally:
        database.stop()
    json.dump(figures, sys.stdout, indent=2)
    sys.stdout.write("\n")
    return 0 if figures["passed"] else 1


def _race(url: str, folder: Path, options: argparse.Namespace) -> Figures:
    known = json.loads(_python(url, folder, "-m", "tests.bench.intake_host", str(ACCOUNTS)))
    told = facts.told(known)
    sides: dict[str, Callable[[], Requests]] = {
        "bare": lambda: (load.request("/bare", json.dumps(fact).encode(), {}) for fact in told),
        "ours": lambda: (facts.signed(known, fact) for fact in told),
        "batch": lambda: (facts.signed_together(known, batch) for batch in facts.batches(told, PER_BATCH)),
    }
    rounds: dict[str, list[load.Load]] = {side: [] for side in sides}
    stored = 0
    settings = {"DJANGO_SETTINGS_MODULE": "tests.bench.intake_settings"}
    with server.running(url, folder, workers=options.workers, threads=options.threads, **settings) as web:
        for side, requests in sides.items():  # every thread has its connection, every module is loaded
            stored += _turn(web, side, requests(), options.connections, seconds=1)[1]
        for _ in range(options.rounds):
            for side, requests in sides.items():
                took, kept = _turn(web, side, requests(), options.connections, seconds=options.seconds)
                rounds[side].append(took)
                stored += kept
                _say(f"{side}: {took.per_second:.0f} requests/s, p99 {took.percentile(0.99):.1f} ms")
    with psycopg.connect(url) as connection:
        [found] = connection.execute("SELECT COUNT(*) FROM referrals_accountevent").fetchone() or (0,)
    if found != stored:
        raise SystemExit(f"{stored} facts were answered with 2xx, and {found} are in the table.")
    _python(url, folder, "manage.py", "verify_books")
    return _judged(rounds, options)


def _turn(
    web: server.Server, side: str, requests: Requests, connections: int, *, seconds: float
) -> tuple[load.Load, int]:
    """One side's turn: what came of it, and how many facts were stored."""
    # Made before the clock runs: signing is the host's work.
    most = int(seconds * (400 if side == "batch" else 6_000)) + connections
    made = iter(list(islice(requests, most)))
    took = load.send(web.port, made, connections=connections, seconds=seconds)
    if set(took.statuses) != {200 if side == "batch" else 202}:
        raise SystemExit(f"{side}: answered with {dict(took.statuses)}.")
    return took, len(took.latencies) * (PER_BATCH if side == "batch" else 1)


def _judged(rounds: dict[str, list[load.Load]], options: argparse.Namespace) -> Figures:
    rates = {side: [round(took.per_second) for took in turns] for side, turns in rounds.items()}
    rate = {side: statistics.median(took.per_second for took in turns) for side, turns in rounds.items()}
    p99 = {side: statistics.median(took.percentile(0.99) for took in turns) for side, turns in rounds.items()}
    ratio = rate["ours"] / rate["bare"]
    batch_ratio = rate["batch"] * PER_BATCH / rate["ours"]
    return {
        "goal": "intake",
        "server": f"granian, {options.workers} processes of {options.threads} threads",
        "connections": options.connections,
        "requests_per_second": rates,
        "p99_ms": {side: round(value, 1) for side, value in p99.items()},
        "ratio": round(ratio, 3),
        "ratio_at_least": LOWEST_RATIO,
        "p99_ratio": round(p99["ours"] / p99["bare"], 2),
        "events_per_second_in_batches": round(rate["batch"] * PER_BATCH),
        "batch_ratio": round(batch_ratio, 1),
        "batch_ratio_at_least": LOWEST_BATCH_RATIO,
        "books_verified": True,
        "passed": ratio >= LOWEST_RATIO and batch_ratio >= LOWEST_BATCH_RATIO,
    }


def _python(url: str, folder: Path, *arguments: str) -> str:
    environment = server.as_in_production(url, folder)
    done = subprocess.run(
        [sys.executable, *arguments], env=environment, check=False, capture_output=True, text=True
    )
    if done.returncode:
        raise SystemExit(f"{' '.join(arguments)} failed; no figure counts.\n{done.stdout}{done.stderr}")
    return done.stdout


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")
