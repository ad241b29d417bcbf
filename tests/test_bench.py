"""The benchmarks run and tell their figures; what these are says nothing here, with so few rows."""

import json
import subprocess
import sys

import pytest
from django.conf import settings
from django.db import connection


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
    assert {"ours_seconds", "floor_seconds", "ratio", "worker_grown_mb", "passed"} <= figures.keys()


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


@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has one writer at a time anyway")
def test_two_workers_release_together_while_facts_come_in():
    run = subprocess.run(
        [
            *(sys.executable, "-m", "tests.bench", "together"),
            *("--bonuses", "300", "--rounds", "1", "--deadlock-rounds", "2", "--seconds", "0.5"),
        ],
        cwd=settings.BASE_DIR,
        capture_output=True,
        text=True,
        check=False,
    )

    # 1: so few bonuses are paid before the facts have come in.
    assert run.returncode in {0, 1}, run.stderr
    figures = json.loads(run.stdout)
    assert {name: figures[name] for name in ("goal", "bonuses", "deadlocks", "books_verified")} == {
        "goal": "together",
        "bonuses": 300,
        "deadlocks": 0,
        "books_verified": True,
    }
    assert (figures["rounds_of_two"], len(figures["intake_p99_ms"]["busy"])) == (3, 1)


def test_an_unknown_goal_is_refused():
    run = subprocess.run(
        [sys.executable, "-m", "tests.bench", "nothing"],
        cwd=settings.BASE_DIR,
        capture_output=True,
        text=True,
        check=False,
    )

    assert (run.returncode, run.stdout) == (2, "")
    assert run.stderr.endswith("Goals: intake, pages, redirect, release, together\n")
