"""
``dev.py bench release``: the release of what is due, against plain SQL that writes the same rows.

Both run in turn, each in a process of its own, on a fresh copy of the same books. A figure counts only if
both left as many rows in every table and every invariant of the books holds after each run.
"""

import argparse
import json
import os
import secrets
import statistics
import subprocess
import sys
import tempfile
from collections import Counter
from typing import Any, NoReturn

from tests import postgres
from tests.bench import databases
from tests.bench.databases import Databases
from tests.bench.floor import AS_OF, Plain

OURS, FLOOR = "tests.bench.ours", "tests.bench.floor"
SLOWEST_RATIO = 1.5
LOWEST_RATE_RATIO = 0.8
"""Of many bonuses as many are paid a second, nearly, as of a tenth of them."""
MOST_GROWTH_MB = 16
FEW_BONUSES = 10_000

Figures = dict[str, Any]


def main(arguments: list[str]) -> int:
    """Print the figures as JSON; 1 if they miss the goal."""
    options = _options(arguments)
    try:
        with (
            databases.of(options.database) as made,
            tempfile.TemporaryDirectory(prefix="referrals-bench-data-") as folder,
        ):
            os.environ |= _as_in_production(folder)
            figures = _race(made, bonuses=options.bonuses, rounds=options.rounds)
    except postgres.CannotStart as reason:
        _stop(f"PostgreSQL does not start here: {reason}")
    json.dump(figures, sys.stdout, indent=2)
    sys.stdout.write("\n")
    return 0 if figures["passed"] else 1


def _options(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="dev.py bench release", description=__doc__)
    parser.add_argument("--bonuses", type=int, default=100_000, metavar="N", help="default: 100000")
    parser.add_argument("--rounds", type=int, default=3, metavar="R", help="of both sides; default: 3")
    parser.add_argument("--database", choices=["postgres", "sqlite"], default="postgres")
    return parser.parse_args(arguments)


def _as_in_production(folder: str) -> dict[str, str]:
    """Settings under which Django keeps no record of its statements."""
    return {
        "DATA_DIR": folder,
        "DEBUG": "no",
        "SECRET_KEY": secrets.token_hex(32),
        "ALLOWED_HOSTS": "localhost",
        "DJANGO_SETTINGS_MODULE": "config.settings",
    }


def _race(made: Databases, *, bonuses: int, rounds: int) -> Figures:
    few, tenth = min(FEW_BONUSES, bonuses // 10), bonuses // 10
    templates = {number: _template(made, number) for number in sorted({few, tenth, bonuses})}
    _say(f"memory with {few:,} bonuses")
    small = _run(OURS, made.copied(templates[few], "copy"), bonuses=few)

    sides: dict[str, list[Figures]] = {OURS: [], FLOOR: []}
    tenths: list[Figures] = []
    for number in range(rounds):
        tenths.append(_run(OURS, made.copied(templates[tenth], "copy"), bonuses=tenth))
        rows: list[Counter[str]] = []
        for side, runs in sides.items():
            url = made.copied(templates[bonuses], "copy")
            runs.append(_run(side, url, bonuses=bonuses))
            rows.append(_rows(url))
            _say(f"round {number + 1} of {rounds}: {side}: {runs[-1]['seconds']:.2f} s")
        if rows[0] != rows[1]:
            _stop(f"The two sides left different numbers of rows: {rows[0] - rows[1]}, {rows[1] - rows[0]}.")
    described = {"goal": "release", **made.described(), "bonuses": bonuses}
    return described | _judged(sides, small, tenths, few=few)


def _judged(sides: dict[str, list[Figures]], small: Figures, tenths: list[Figures], *, few: int) -> Figures:
    seconds = {side: [round(run["seconds"], 3) for run in runs] for side, runs in sides.items()}
    paid = sides[OURS][0]["paid"]
    ratio = _median_ratio(sides, "seconds")
    rate_ratio = round(
        statistics.median(
            (many["paid"] / many["seconds"]) / (fewer["paid"] / fewer["seconds"])
            for many, fewer in zip(sides[OURS], tenths, strict=True)
        ),
        3,
    )
    grown_mb = _difference(_most(sides[OURS], "peak_mb"), small["peak_mb"])
    return {
        "ours_seconds": seconds[OURS],
        "floor_seconds": seconds[FLOOR],
        "ours_per_second": round(paid / statistics.median(seconds[OURS])),
        "floor_per_second": round(paid / statistics.median(seconds[FLOOR])),
        "ratio": ratio,
        "ratio_at_most": SLOWEST_RATIO,
        "rate_of_a_tenth": round(statistics.median(run["paid"] / run["seconds"] for run in tenths)),
        "rate_ratio": rate_ratio,
        "rate_ratio_at_least": LOWEST_RATE_RATIO,
        "cpu_ratio": _median_ratio(sides, "cpu_seconds"),
        "worker_mb": _most(sides[OURS], "peak_mb"),
        "worker_grown_mb": grown_mb,
        "worker_grown_mb_since_bonuses": few,
        "worker_grown_mb_at_most": MOST_GROWTH_MB,
        "backend_mb": _most(sides[OURS], "backend_mb"),
        "books_verified": True,
        # Where memory is not told, the goal is not shown.
        "passed": ratio is not None
        and ratio <= SLOWEST_RATIO
        and rate_ratio >= LOWEST_RATE_RATIO
        and grown_mb is not None
        and grown_mb <= MOST_GROWTH_MB,
    }


def _median_ratio(sides: dict[str, list[Figures]], name: str) -> float | None:
    """Round by round: what else the machine does changes less within a round than between two."""
    pairs = [(ours[name], floor[name]) for ours, floor in zip(sides[OURS], sides[FLOOR], strict=True)]
    if any(figure is None for pair in pairs for figure in pair):
        return None
    return round(statistics.median(ours / floor for ours, floor in pairs), 3)


def _template(made: Databases, bonuses: int) -> str:
    _say(f"making {bonuses:,} bonuses")
    url = made.empty(f"template_{bonuses}")
    _python("-m", "tests.bench.books", str(bonuses), url=url)
    _verify(url)
    return url


def _run(side: str, url: str, *, bonuses: int) -> Figures:
    """What one side told of itself, on books that are in order afterwards."""
    told: Figures = json.loads(_python("-m", side, url=url))
    if told["paid"] != bonuses:
        _stop(f"{side} paid {told['paid']} of {bonuses} bonuses.")
    _verify(url, "--as-of", AS_OF.isoformat())
    return told


def _verify(url: str, *arguments: str) -> None:
    _python("manage.py", "verify_books", *arguments, url=url)


def _rows(url: str) -> Counter[str]:
    """How many rows each table has."""
    plain = Plain(url)
    tables = [name for (name,) in plain.execute(plain.tables, {}).fetchall()]
    counts = {name: plain.execute(f'SELECT COUNT(*) FROM "{name}"', {}).fetchone()[0] for name in tables}  # noqa: S608
    plain.connection.close()
    return Counter(counts)


def _python(*arguments: str, url: str) -> str:
    done = subprocess.run(
        [sys.executable, *arguments],
        env=os.environ | {"DATABASE_URL": url},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        _stop(f"{' '.join(arguments)} failed; no figure counts.\n{done.stdout}{done.stderr}")
    return done.stdout


def _most(runs: list[Figures], name: str) -> float | None:
    return max((run[name] for run in runs if run.get(name) is not None), default=None)


def _difference(large: float | None, small: float | None) -> float | None:
    return None if large is None or small is None else round(large - small, 1)


def _say(progress: str) -> None:
    sys.stderr.write(f"{progress}\n")


def _stop(reason: str) -> NoReturn:
    """End without any figure."""
    _say(reason)
    sys.exit(2)
