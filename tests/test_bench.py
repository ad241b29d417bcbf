"""The benchmarks run and tell their figures; what these are says nothing here, with so few rows."""

import json
import subprocess
import sys

import pytest
from django.conf import settings
from django.db import connection


@pytest.mark.each_database
def test_the_release_is_raced_against_plain_sql_on_the_database_of_this_run():
    database = {"postgresql": "postgres", "sqlite": "sqlite"}[connection.vendor]

    run = subprocess.run(
        [
            *(sys.executable, "-m", "tests.bench", "release"),
            *("--bonuses", "300", "--rounds", "1", "--database", database),
        ],
        cwd=settings.BASE_DIR,
        capture_output=True,
        text=True,
        check=False,
    )

    # 1: so few bonuses may well miss the goal.
    assert run.returncode in {0, 1}, run.stderr
    figures = json.loads(run.stdout)
    assert {name: figures[name] for name in ("goal", "database", "bonuses", "books_verified")} == {
        "goal": "release",
        "database": database,
        "bonuses": 300,
        "books_verified": True,
    }
    assert {
        "ours_seconds",
        "floor_seconds",
        "ratio",
        "rate_ratio",
        "worker_grown_mb",
        "passed",
    } <= figures.keys()


@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has one writer at a time")
def test_two_workers_are_raced_against_one_and_facts_come_in_meanwhile():
    run = subprocess.run(
        [
            *(sys.executable, "-m", "tests.bench", "workers"),
            *("--bonuses", "300", "--rounds", "1", "--compared", "1", "--idle", "1"),
        ],
        cwd=settings.BASE_DIR,
        capture_output=True,
        text=True,
        check=False,
    )

    # 1: so few bonuses may well miss the goal.
    assert run.returncode in {0, 1}, run.stderr
    figures = json.loads(run.stdout)
    assert (figures["goal"], figures["bonuses"], figures["books_verified"]) == ("workers", 300, True)
    assert (figures["deadlocks"], len(figures["two_seconds"])) == (0, 1)
    assert figures["intake_meanwhile"].keys() >= {"idle_p99_ms", "busy_p99_ms", "p99_ratio", "passed"}


@pytest.mark.skipif(connection.vendor != "postgresql", reason="the pages are measured on PostgreSQL")
def test_the_pages_are_measured_over_made_accounts():
    run = subprocess.run(
        [
            *(sys.executable, "-m", "tests.bench", "pages"),
            *("--accounts", "2000", "--rounds", "1", "--no-browser"),
        ],
        cwd=settings.BASE_DIR,
        capture_output=True,
        text=True,
        check=False,
    )

    # 1: what it is measured on may well be busy.
    assert run.returncode in {0, 1}, run.stderr
    figures = json.loads(run.stdout)
    assert (figures["goal"], figures["accounts"], figures["books_verified"]) == ("pages", 2000, True)
    assert {"queue, now", "queue, search phone", "accounts, page 1,000", "review page"} <= figures[
        "pages"
    ].keys()
    assert figures["goals"]["queries_at_most"]["passed"], figures["goals"]


def test_an_unknown_goal_is_refused():
    run = subprocess.run(
        [sys.executable, "-m", "tests.bench", "nothing"],
        cwd=settings.BASE_DIR,
        capture_output=True,
        text=True,
        check=False,
    )

    assert (run.returncode, run.stdout) == (2, "")
    assert run.stderr.endswith("Goals: intake, pages, redirect, release, workers\n")
