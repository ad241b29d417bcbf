"""
``dev.py bench redirect``: opening a link, against the same view that records nothing.

One granian on a durable PostgreSQL, 32 connections; the sides take turns. Every click is a new visitor's: the
dearest kind, with a cookie and a touch. A figure counts only if, after each round, no more clicks are counted
than were requested, none is missing, and every invariant of the books holds. Then the server is told to end,
is killed, and loses its database, each in the midst of clicks.
"""

import argparse
import contextlib
import json
import os
import secrets
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn

import psycopg

from tests import postgres

OURS, BARE, PLAIN = "/r/", "/bare/", "/plain/"
LINKS, OPENED = 50_000, 5_000
LEAST_RATIO = 0.85
LEAST_OF_PLAIN = 4.0
SLOWEST_P99 = 2.0
WORKERS, THREADS = 2, 4
FLUSH_SECONDS = 1.0
WARM_UP_SECONDS = 15

Figures = dict[str, Any]


def main(arguments: list[str]) -> int:
    """Print the figures as JSON; 1 if they miss the goal."""
    parser = argparse.ArgumentParser(prog="dev.py bench redirect", description=__doc__)
    parser.add_argument("--rounds", type=int, default=4, metavar="R", help="of each side; default: 4")
    parser.add_argument("--seconds", type=float, default=6, metavar="S", help="of a round; default: 6")
    options = parser.parse_args(arguments)
    try:
        server = postgres.start(durable=True)
    except postgres.CannotStart as reason:
        _stop(f"PostgreSQL does not start here: {reason}")
    with contextlib.ExitStack() as stack:
        stack.callback(lambda: server.folder.exists() and server.stop())
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="referrals-bench-data-"))
        os.environ |= _as_in_production(folder, server.url())
        _say(f"making {LINKS:,} links")
        _python("-m", "tests.bench.redirect_site", str(LINKS))
        figures = _race(rounds=options.rounds, seconds=options.seconds, log=Path(folder) / "log")
        figures |= _mishaps(server, log=Path(folder) / "log")
    figures["passed"] = _passed(figures)
    json.dump(figures, sys.stdout, indent=2)
    sys.stdout.write("\n")
    return 0 if figures["passed"] else 1


def _as_in_production(folder: str, url: str) -> dict[str, str]:
    return {
        "DATA_DIR": folder,
        "DATABASE_URL": url,
        "DEBUG": "no",
        "SECRET_KEY": secrets.token_hex(32),
        "ALLOWED_HOSTS": "localhost",
        "SECURE_SSL_REDIRECT": "no",
        "DJANGO_SETTINGS_MODULE": "config.settings",
    }


def _race(*, rounds: int, seconds: float, log: Path) -> Figures:
    runs: dict[str, list[Figures]] = {BARE: [], OURS: [], PLAIN: []}
    with _served(log) as (port, web):
        # Until every link was opened in both workers: a first time asks the database, whoever's turn it is.
        for path in (PLAIN, OURS, BARE):
            _clients(port, path, seconds=2 if path == PLAIN else WARM_UP_SECONDS)
        for number in range(rounds):
            # The order turns, so that what still warms up favours neither.
            for path, done in list(runs.items())[:: 1 if number % 2 == 0 else -1]:
                time.sleep(2 * FLUSH_SECONDS)
                counted, busy = _counted(), _cpu_seconds(web)
                run = _clients(port, path, seconds=seconds)
                time.sleep(2 * FLUSH_SECONDS)
                run["cpu_us"] = round((_cpu_seconds(web) - busy) / run["answered"] * 1e6)
                done.append(run)
                _say(f"round {number + 1} of {rounds}: {path} {run['per_second']:,} a second")
                if set(run["statuses"]) != {"302"}:
                    _stop(f"{path} answered {run['statuses']}.")
                new = _counted() - counted
                if path != BARE and new != run["answered"]:
                    _stop(f"{path}: {new} clicks counted, {run['answered']} answered.")
            _python("manage.py", "verify_books")

    def median(path: str, name: str) -> float:
        return statistics.median(run[name] for run in runs[path])

    ours, bare, plain = (median(path, "per_second") for path in (OURS, BARE, PLAIN))
    return {
        "goal": "redirect",
        "workers": WORKERS,
        "threads": THREADS,
        "links": LINKS,
        "ours_per_second": [run["per_second"] for run in runs[OURS]],
        "bare_per_second": [run["per_second"] for run in runs[BARE]],
        "plain_per_second": [run["per_second"] for run in runs[PLAIN]],
        "ratio": round(ours / bare, 3),
        "ratio_at_least": LEAST_RATIO,
        # What the server alone computes per click: no client's share hides in it.
        "server_cpu_us": {name: median(path, "cpu_us") for name, path in (("ours", OURS), ("bare", BARE))},
        "ratio_to_lookup_and_insert": round(ours / plain, 2),
        "ratio_to_lookup_and_insert_at_least": LEAST_OF_PLAIN,
        "p99_ms": {name: median(path, "p99_ms") for name, path in (("ours", OURS), ("bare", BARE))},
        "p99_ratio": round(median(OURS, "p99_ms") / median(BARE, "p99_ms"), 2),
        "p99_ratio_at_most": SLOWEST_P99,
        "counted_as_requested": True,
        "books_verified": True,
    }


def _mishaps(server: postgres.Server, *, log: Path) -> Figures:
    """What is lost when the server ends in the midst of clicks, and what it answers without a database."""
    told: Figures = {}
    for name, how in (("told_to_end", signal.SIGTERM), ("killed", signal.SIGKILL)):
        with _served(log) as (port, web):
            _clients(port, OURS, seconds=1)
            time.sleep(2 * FLUSH_SECONDS)
            counted = _counted()
            clients = _start_clients(port, OURS, seconds=30)
            time.sleep(2.5)
            for process in _children(web) if how is signal.SIGKILL else [web.pid]:
                os.kill(process, how)
            if how is signal.SIGKILL:
                web.kill()
            web.wait(timeout=30)
            run = json.loads(clients.communicate(timeout=60)[0])
            time.sleep(FLUSH_SECONDS)
            new = _counted() - counted
            told[name] = {"requested": run["requested"], "answered": run["answered"], "counted": new}
            told[name]["lost_seconds"] = round(max(0, run["answered"] - new) / run["per_second"], 2)
            _say(f"{name}: {told[name]}")
    with _served(log) as (port, _):
        # So few that each worker knows them all.
        _clients(port, OURS, links=10, seconds=3)
        server.stop()
        told["without_database"] = _clients(port, OURS, links=10, seconds=8)["statuses"]
        _say(f"without database: {told['without_database']}")
    return told


def _passed(figures: Figures) -> bool:
    ended, killed = figures["told_to_end"], figures["killed"]
    return (
        figures["ratio"] >= LEAST_RATIO
        and figures["ratio_to_lookup_and_insert"] >= LEAST_OF_PLAIN
        and figures["p99_ratio"] <= SLOWEST_P99
        and all(one["counted"] <= one["requested"] for one in (ended, killed))
        and ended["lost_seconds"] == 0
        and killed["lost_seconds"] <= 1.5 * FLUSH_SECONDS
        and set(figures["without_database"]) == {"302"}
    )


@contextlib.contextmanager
def _served(log: Path) -> Iterator[tuple[int, "subprocess.Popen[bytes]"]]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [
        *(sys.executable, "-m", "granian", "--interface", "wsgi", "--host", "127.0.0.1", "--port", str(port)),
        *("--workers", str(WORKERS), "--blocking-threads", str(THREADS), "--log-level", "warning"),
        "tests.bench.redirect_site:application",
    ]
    with log.open("ab") as output, subprocess.Popen(command, stdout=output, stderr=output) as web:
        try:
            _wait_for(port, web, log)
            yield port, web
        finally:
            if web.poll() is None:
                web.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                web.wait(timeout=20)
            web.kill()


def _wait_for(port: int, web: "subprocess.Popen[bytes]", log: Path) -> None:
    for _ in range(300):
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        if web.poll() is not None:
            break
        time.sleep(0.1)
    _stop(f"The web server does not answer.\n{log.read_text()[-4000:]}")


def _clients(port: int, path: str, *, seconds: float, links: int = OPENED) -> Figures:
    told, _ = _start_clients(port, path, seconds=seconds, links=links).communicate(timeout=seconds + 60)
    figures: Figures = json.loads(told)
    return figures


def _start_clients(port: int, path: str, *, seconds: float, links: int = OPENED) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", "tests.bench.clients", str(port), path, str(links), str(seconds)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def _counted() -> int:
    with psycopg.connect(os.environ["DATABASE_URL"]) as connection:
        row = connection.execute("SELECT COALESCE(SUM(times), 0) FROM referrals_click").fetchone()
    return int(row[0]) if row else 0


def _children(web: "subprocess.Popen[bytes]") -> list[int]:
    return [int(pid) for pid in Path(f"/proc/{web.pid}/task/{web.pid}/children").read_text().split()]


def _cpu_seconds(web: "subprocess.Popen[bytes]") -> float:
    """What the workers have computed so far."""
    ticks = 0
    for pid in _children(web):
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def _python(*arguments: str) -> None:
    done = subprocess.run([sys.executable, *arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        _stop(f"{' '.join(arguments)} failed; no figure counts.\n{done.stdout}{done.stderr}")


def _say(progress: str) -> None:
    sys.stderr.write(f"{progress}\n")


def _stop(reason: str) -> NoReturn:
    """End without any figure."""
    _say(reason)
    sys.exit(2)
