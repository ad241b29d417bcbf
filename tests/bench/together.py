"""
``dev.py bench together``: two workers release what is due, against one; and facts that come in meanwhile.

Each run has a fresh copy of the same books on PostgreSQL. A figure counts only if every bonus was paid once
and every invariant of the books holds after each run; a deadlock that PostgreSQL counted is told.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from threading import Event, Thread
from typing import Any
from urllib.parse import urlsplit

import psycopg

from tests import postgres, server
from tests.bench import databases, intake, load, release
from tests.bench.databases import Databases
from tests.bench.floor import AS_OF

LOWEST_SPEED_UP = 1.25
MOST_SLOWER = 3.0
LONGEST_SECONDS = 2.0
ACCOUNTS = 100
HOST = "intake"

Figures = dict[str, Any]


def main(arguments: list[str]) -> int:
    """Print the figures as JSON; 1 if they miss the goal."""
    parser = argparse.ArgumentParser(prog="dev.py bench together", description=__doc__)
    parser.add_argument("--bonuses", type=int, default=200_000, metavar="N", help="default: 200000")
    parser.add_argument("--rounds", type=int, default=3, metavar="R", help="of one, two, busy; default: 3")
    parser.add_argument(
        "--deadlock-rounds", type=int, default=20, metavar="D", help="of two workers more; default: 20"
    )
    parser.add_argument(
        "--deadlock-bonuses", type=int, default=20_000, metavar="M", help="in each of these; default: 20000"
    )
    parser.add_argument("--seconds", type=float, default=10, metavar="S", help="facts come in; default: 10")
    parser.add_argument("--connections", type=int, default=8, metavar="C", help="they come by; default: 8")
    options = parser.parse_args(arguments)
    try:
        with (
            databases.of("postgres") as made,
            tempfile.TemporaryDirectory(prefix="referrals-bench-data-") as folder,
        ):
            os.environ |= release._as_in_production(folder)
            figures = _Bench(made, Path(folder), options).figures()
    except postgres.CannotStart as reason:
        release._stop(f"PostgreSQL does not start here: {reason}")
    json.dump(figures, sys.stdout, indent=2)
    sys.stdout.write("\n")
    return 0 if figures["passed"] else 1


class _Bench:
    def __init__(self, made: Databases, folder: Path, options: argparse.Namespace) -> None:
        self.made, self.folder, self.options = made, folder, options
        self.template = release._template(made, options.bonuses)
        told = release._python("-m", "tests.bench.intake_host", str(ACCOUNTS), HOST, url=self.template)
        self.known = json.loads(told.splitlines()[-1])
        self.facts = intake._told(self.known)
        self.deadlocks = 0
        self.longest: list[float] = []

    def figures(self) -> Figures:
        options = self.options
        seconds: dict[int, list[float]] = {1: [], 2: []}
        for number in range(options.rounds):
            for workers, took in seconds.items():
                took.append(self._released(self.template, workers, bonuses=options.bonuses))
                release._say(f"round {number + 1}: {workers} worker(s): {took[-1]:.2f} s")
        few = min(options.deadlock_bonuses, options.bonuses)
        small = self.template if few == options.bonuses else release._template(self.made, few)
        for number in range(options.deadlock_rounds):
            self._released(small, 2, bonuses=few)
            release._say(f"deadlocks after {number + 1} more rounds of two: {self.deadlocks}")
        p99: dict[str, list[float]] = {"idle": [], "busy": []}
        overlapped = [self._busy(p99) for _ in range(options.rounds)]
        speed_up = statistics.median(one / two for one, two in zip(seconds[1], seconds[2], strict=True))
        slower = statistics.median(busy / idle for idle, busy in zip(p99["idle"], p99["busy"], strict=True))
        longest = max(self.longest, default=0.0)
        return {
            "goal": "together",
            **self.made.described(),
            "bonuses": options.bonuses,
            "seconds_of_one": [round(each, 3) for each in seconds[1]],
            "seconds_of_two": [round(each, 3) for each in seconds[2]],
            "speed_up": round(speed_up, 3),
            "speed_up_at_least": LOWEST_SPEED_UP,
            "rounds_of_two": options.rounds + options.deadlock_rounds,
            "deadlocks": self.deadlocks,
            "connections": options.connections,
            "intake_p99_ms": {when: [round(each, 1) for each in took] for when, took in p99.items()},
            "intake_slower": round(slower, 2),
            "intake_slower_at_most": MOST_SLOWER,
            # Else the release was over before the facts were in, and the figure says nothing.
            "release_ran_all_the_time": all(overlapped),
            "longest_transaction_seconds": round(longest, 2),
            "longest_transaction_seconds_at_most": LONGEST_SECONDS,
            "books_verified": True,
            "passed": speed_up >= LOWEST_SPEED_UP
            and not self.deadlocks
            and all(overlapped)
            and slower <= MOST_SLOWER
            and longest <= LONGEST_SECONDS,
        }

    def _released(self, template: str, workers: int, *, bonuses: int) -> float:
        """How long so many workers take that begin at once, on books that are in order afterwards."""
        url = self.made.copied(template, "copy")
        return self._ended(url, self._started(url, workers), bonuses=bonuses)

    def _started(self, url: str, workers: int) -> list[subprocess.Popen[str]]:
        with tempfile.TemporaryDirectory(dir=self.folder) as folder:
            go = Path(folder) / "go"
            running = [
                subprocess.Popen(
                    [sys.executable, "-m", release.OURS, str(go)],
                    env=os.environ | {"DATABASE_URL": url},
                    stdout=subprocess.PIPE,
                    stderr=subprocess.DEVNULL,
                    text=True,
                )
                for _ in range(workers)
            ]
            while len(list(go.parent.glob("go.*"))) < workers:
                if any(process.poll() is not None for process in running):
                    release._stop("A worker did not start.")
                time.sleep(0.01)
            go.touch()
            # They look for it every few milliseconds.
            time.sleep(0.1)
        return running

    def _ended(self, url: str, running: list[subprocess.Popen[str]], *, bonuses: int) -> float:
        told = [json.loads(process.communicate()[0] or "{}") for process in running]
        paid = sum(each.get("paid", 0) for each in told)
        if paid != bonuses:
            release._stop(f"{len(running)} workers paid {paid} of {bonuses} bonuses.")
        release._verify(url, "--as-of", AS_OF.isoformat())
        self.deadlocks += _asked(url, "SELECT deadlocks FROM pg_stat_database WHERE datname = %s")
        return max(each["seconds"] for each in told)

    def _busy(self, p99: dict[str, list[float]]) -> bool:
        """Facts come in, first while nothing else runs and then while a worker releases."""
        url = self.made.copied(self.template, "copy")
        with server.running(url, self.folder, workers=2, threads=4) as web:
            self._send(web, seconds=1)
            idle = self._send(web, seconds=self.options.seconds)
            (worker,) = self._started(url, 1)
            over = Event()
            watching = Thread(target=self._watch, args=(url, over))
            watching.start()
            busy = self._send(web, seconds=self.options.seconds)
            ran_all_the_time = worker.poll() is None
            self._ended(url, [worker], bonuses=self.options.bonuses)
            over.set()
            watching.join()
        p99["idle"].append(idle.percentile(0.99))
        p99["busy"].append(busy.percentile(0.99))
        release._say(f"facts: p99 {p99['idle'][-1]:.1f} ms alone, {p99['busy'][-1]:.1f} ms beside a release")
        return ran_all_the_time

    def _send(self, web: server.Server, *, seconds: float) -> load.Load:
        requests = (intake._signed(self.known, intake._as_sent(fact)) for fact in self.facts)
        return intake._turn(web, "ours", requests, self.options.connections, seconds=seconds)[0]

    def _watch(self, url: str, over: Event) -> None:
        """Remember the longest transaction that is seen."""
        asked = (
            "SELECT COALESCE(EXTRACT(EPOCH FROM MAX(clock_timestamp() - xact_start)) * 1000, 0)"
            " FROM pg_stat_activity WHERE datname = %s AND pid <> pg_backend_pid()"
        )
        while not over.wait(0.1):
            self.longest.append(_asked(url, asked) / 1_000)


def _asked(url: str, statement: str) -> int:
    with psycopg.connect(url) as connection:
        row = connection.execute(statement, [urlsplit(url).path[1:]]).fetchone()
    return int(row[0]) if row else 0
