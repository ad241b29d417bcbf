#!/usr/bin/env python3
"""
All the set-up, then the job. Standard library only.

    python3 dev.py demo [ADDRESS:PORT]       make the database, load the programs, start the web server; so
                                             far no example data, no worker, and no log-in before
                                             "python3 dev.py manage createsuperuser"
    python3 dev.py test [--all] [ARGUMENTS]  the tests on PostgreSQL, then on SQLite; the arguments go on to
                                             pytest; --all: lint and types first
    python3 dev.py bench GOAL [ARGUMENTS]    one benchmark
    python3 dev.py manage COMMAND …          one of Django's or this project's commands

The virtual environment in .venv is filled from a lock file with hashes; nothing is done twice.
"""

# So that an older Python gets as far as the sentence that says it is too old.
from __future__ import annotations

import hashlib
import importlib.util
import os
import subprocess
import sys
import venv
from pathlib import Path

BASE_DIR = Path(__file__).resolve().parent
ENVIRONMENT = BASE_DIR / ".venv"
PYTHON = ENVIRONMENT / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
# Each holds the one before it, so what fills the environment from one has filled it from those before, too.
LOCKS = ["requirements.lock", "requirements-test.lock", "requirements-dev.lock"]
RUNTIME, TEST, DEVELOPMENT = LOCKS

LINT: list[tuple[str, list[str]]] = [
    ("ruff check", ["-m", "ruff", "check", "."]),
    ("ruff format", ["-m", "ruff", "format", "--check", "."]),
    ("mypy", ["-m", "mypy"]),
]


def run(*arguments: str, **variables: str | None) -> int:
    """Run Python in the environment; a variable that is None is taken out. Return the exit code."""
    changed = {name: value for name, value in (os.environ | variables).items() if value is not None}
    sys.stdout.flush()
    with subprocess.Popen([PYTHON, *arguments], cwd=BASE_DIR, env=changed) as process:
        try:
            return process.wait()
        except KeyboardInterrupt:
            # It was told, too, and clears up in its own time: an embedded server must be stopped.
            process.wait()
            sys.exit(130)


def make_environment() -> None:
    """Make the virtual environment, or make it anew if it is of another Python."""
    version = "import sys; print(*sys.version_info[:2])"
    try:
        found = subprocess.run([PYTHON, "-c", version], capture_output=True, text=True, check=True).stdout
        if tuple(map(int, found.split())) == sys.version_info[:2]:
            return
    except (OSError, subprocess.CalledProcessError):
        pass
    print(f"Making {ENVIRONMENT.name} with Python {sys.version_info[0]}.{sys.version_info[1]} ...")
    missing = (
        "This Python cannot make virtual environments. On Debian and Ubuntu: apt-get install python3-venv"
    )
    if importlib.util.find_spec("ensurepip") is None:
        sys.exit(missing)
    try:
        venv.create(ENVIRONMENT, with_pip=True, clear=True, symlinks=os.name != "nt")
    except subprocess.CalledProcessError as failure:
        sys.exit(f"{missing}\n{failure}")


def install(lock: str) -> None:
    """Fill the environment from a lock, unless a stamp says that this was done."""
    make_environment()
    stamps = {
        ENVIRONMENT / f"{name}.sha256": hashlib.sha256((BASE_DIR / name).read_bytes()).hexdigest()
        for name in LOCKS[: LOCKS.index(lock) + 1]
    }
    stamp, digest = list(stamps.items())[-1]
    if stamp.exists() and stamp.read_text() == digest:
        return
    print(f"Installing {lock}; the first time this takes a minute ...")
    pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--require-hashes", "-r", lock]
    if run(*pip):
        sys.exit(f"{lock} could not be installed; what pip says stands above.")
    for done, content in stamps.items():
        done.write_text(content)


def test(arguments: list[str]) -> int:
    """Run the tests on PostgreSQL, then on SQLite; with --all, first lint and types."""
    everything = "--all" in arguments
    install(DEVELOPMENT if everything else TEST)
    failed = []
    for name, command in LINT if everything else []:
        print(f"\n=== {name}")
        if run(*command):
            failed.append(name)
    pytest = ["-m", "pytest", "-n", "2", *(argument for argument in arguments if argument != "--all")]
    service = os.environ.get("DATABASE_URL")
    print(f"\n=== tests on {'the database of DATABASE_URL' if service else 'an embedded PostgreSQL'}")
    if run(*pytest, TEST_DATABASE="postgres"):
        failed.append("tests on PostgreSQL")
    print("\n=== tests on SQLite")
    if run(*pytest, TEST_DATABASE="sqlite", DATABASE_URL=None):
        failed.append("tests on SQLite")
    if failed:
        print(f"=== failed: {', '.join(failed)} ===")
    return 1 if failed else 0


def bench(arguments: list[str]) -> int:
    """Run one benchmark in the environment of the tests."""
    install(TEST)
    return run("-m", "tests.bench", *arguments)


def manage(arguments: list[str]) -> int:
    """Run one of Django's or this project's commands."""
    install(RUNTIME)
    return run("manage.py", *arguments)


def demo(arguments: list[str]) -> int:
    """Make the database, load the programs, start the web server until Ctrl-C."""
    install(RUNTIME)
    programs = sorted(str(path) for path in (BASE_DIR / "referrals" / "programs").glob("*.yaml"))
    for command in (["migrate", "--verbosity", "0"], ["load_program", *programs]):
        if code := run("manage.py", *command):
            return code
    return run("manage.py", "runserver", *arguments)


JOBS = {"demo": demo, "test": test, "bench": bench, "manage": manage}


def main(job: str = "--help", *arguments: str) -> int:
    """Do the job that the command line names."""
    asks = {"-h", "--help"}
    # Django's commands explain themselves.
    if job in JOBS and (job == "manage" or not asks & set(arguments)):
        return JOBS[job](list(arguments))
    print(__doc__.strip())
    return 0 if job in asks | set(JOBS) else 2


if __name__ == "__main__":
    if sys.version_info < (3, 11):  # noqa: UP036  whoever starts it with an older one shall read why
        sys.exit(f"Python 3.11 or newer is needed; this is {sys.version.split()[0]}.")
    sys.exit(main(*sys.argv[1:]))
