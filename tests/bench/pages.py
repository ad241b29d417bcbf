"""
``dev.py bench pages``: the pages of staff over a large program, in process and in Chromium.

The accounts are those of ``manage.py make_accounts``, on a PostgreSQL of their own. Each page is asked for as
a caller or a senior would, again and again, by Django's test client: the time counts from the request to the
whole answer, middleware and templates included. A figure counts only if the books verify.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from tests import postgres, server
from tests.bench import databases

Figures = dict[str, Any]


def main(arguments: list[str]) -> int:
    """Print the figures as JSON; 1 if they miss the goal."""
    parser = argparse.ArgumentParser(prog="dev.py bench pages", description=__doc__)
    parser.add_argument("--accounts", type=int, default=1_000_000, metavar="N", help="default: 1000000")
    parser.add_argument("--rounds", type=int, default=20, metavar="R", help="of each page; default: 20")
    parser.add_argument("--no-browser", action="store_true", help="nothing is shown in Chromium")
    options = parser.parse_args(arguments)
    try:
        with (
            databases.of("postgres") as made,
            tempfile.TemporaryDirectory(prefix="referrals-bench-data-") as folder,
        ):
            figures = _measure(made, Path(folder), options)
    except postgres.CannotStart as reason:
        sys.stderr.write(f"PostgreSQL does not start here: {reason}\n")
        return 2
    json.dump(figures, sys.stdout, indent=2)
    sys.stdout.write("\n")
    return 0 if figures["passed"] else 1


def _measure(made: databases.Databases, folder: Path, options: argparse.Namespace) -> Figures:
    url, now = made.empty("pages"), a_busy_hour()
    begun = time.monotonic()
    _run(url, folder, "manage.py", "migrate", "-v0")
    _run(url, folder, "manage.py", "make_accounts", str(options.accounts), *AS_PRODUCTION, now.isoformat())
    seconds = round(time.monotonic() - begun)
    _run(url, folder, "manage.py", "verify_books")
    _run(url, folder, "manage.py", "collectstatic", "--no-input", "-v0")
    asked = json.loads(
        _run(url, folder, "-m", "tests.bench.pages_asked", now.isoformat(), str(options.rounds))
    )
    shown: Figures = {"passed": True}
    if not options.no_browser:
        shown = json.loads(_run(url, folder, "-m", "tests.bench.pages_shown", url, str(folder)))
    return {
        "goal": "pages",
        **made.described(),
        "accounts": options.accounts,
        "made_in_seconds": seconds,
        "load_average": [round(load, 1) for load in os.getloadavg()],
        "books_verified": True,
        **asked,
        "chromium": shown,
        "passed": asked["passed"] and shown["passed"],
    }


AS_PRODUCTION = ["--in-production", "--as-of"]


def a_busy_hour() -> datetime:
    """Last Wednesday at ten: whoever is in Europe may be called, and America still sleeps."""
    today = datetime.now(tz=UTC).replace(hour=10, minute=0, second=0, microsecond=0)
    return today - timedelta(days=(today.weekday() - 2) % 7 or 7)


def _run(url: str, folder: Path, *arguments: str) -> str:
    sys.stderr.write(f"{' '.join(arguments[:3])}\n")
    environment = server.as_in_production(url, folder) | {"REQUIRE_SECOND_FACTOR": "no"}
    done = subprocess.run(
        [sys.executable, *arguments], env=environment, check=False, capture_output=True, text=True
    )
    if done.returncode:
        raise SystemExit(f"{' '.join(arguments)} failed; no figure counts.\n{done.stdout}{done.stderr}")
    return done.stdout
