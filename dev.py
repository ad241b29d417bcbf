#!/usr/bin/env python3
"""
All the set-up, then the job. Standard library only.

    python3 dev.py demo [ADDRESS:PORT]       make the database, load programs and example data; start the web
                                             server, worker and scheduler as in production, and a script that
                                             plays the host product; default: 127.0.0.1:8000
    python3 dev.py test [--all] [ARGUMENTS]  the tests on PostgreSQL, then on SQLite; the arguments go on to
                                             pytest; --all: lint and types first, and the slow tests
    python3 dev.py bench GOAL [ARGUMENTS]    one benchmark
    python3 dev.py manage COMMAND …          one of Django's or this project's commands

The virtual environment in .venv is filled from a lock file with hashes; nothing is done twice.
"""

# So that an older Python gets as far as the sentence that says it is too old.
from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import math
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
import venv
from collections.abc import Callable
from pathlib import Path

BASE_DIR = Path(__file__).resolve().parent
ENVIRONMENT = BASE_DIR / ".venv"
PYTHON = ENVIRONMENT / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
# Each holds the one before it, so what fills the environment from one has filled it from those before, too.
LOCKS = ["requirements.lock", "requirements-test.lock", "requirements-dev.lock"]
RUNTIME, TEST, DEVELOPMENT = LOCKS

# What pytest says when it has run no test at all.
NOTHING_LEFT = 5

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
    # Each worker begins at another end, and who is done takes over half of what the other has left.
    pytest = ["-m", "pytest", "-n", "2", "--dist", "worksteal"]
    pytest += [] if everything else ["-m", "not slow"]
    pytest += [argument for argument in arguments if argument != "--all"]
    service = os.environ.get("DATABASE_URL")
    print(f"\n=== tests on {'the database of DATABASE_URL' if service else 'an embedded PostgreSQL'}")
    if run(*pytest, TEST_DATABASE="postgres"):
        failed.append("tests on PostgreSQL")
    print("\n=== tests on SQLite")
    # What was shown above and does not depend on the database is left out: plain rules, browsers, processes.
    second = [*pytest, "--but-not-what-needs-no-database"]
    if run(*second, TEST_DATABASE="sqlite", DATABASE_URL=None) not in {0, NOTHING_LEFT}:
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
    """Make and fill the database, then run everything until Ctrl-C."""
    for ending in ("SIGTERM", "SIGHUP"):  # told to end by a script, or the terminal was closed
        if hasattr(signal, ending):
            signal.signal(getattr(signal, ending), signal.default_int_handler)
    host, port = address_in(arguments)
    install(RUNTIME)
    # Asked for under the name that it was started with, too.
    os.environ.setdefault("ALLOWED_HOSTS", f"{host},localhost,127.0.0.1")
    site = f"http://{'127.0.0.1' if host == '0.0.0.0' else host}:{port}"  # noqa: S104  it was asked for
    together = Together(BASE_DIR / Path(os.environ.get("DATA_DIR") or ".data").expanduser() / "logs")
    try:
        log_ins = fill()
        granian = ["granian", "--interface", "wsgi", "--workers", "1", "--blocking-threads", "4", "--no-ws"]
        together.start(
            "web server", "-m", *granian, "--host", host, "--port", str(port), "config.wsgi:application"
        )
        together.start("worker", "-m", "celery", "-A", "config", "worker", "-B", "-P", "threads")
        if together.live_until(lambda: answers(f"{site}/healthz"), within=60):
            together.start("host product", "manage.py", "play_host", site)
            print(f"\n{site}/ answers. {log_ins}")
            print(f"What happens is written to {together.folder}. Ctrl-C ends it.", flush=True)
            together.live_until(lambda: False)
        return 1
    except KeyboardInterrupt:
        print("\nEnding ...", flush=True)
        return 0
    finally:
        together.end()


def fill() -> str:
    """Make the database with programs and example data; return the log-ins. End if that cannot be."""
    programs = sorted(str(path) for path in (BASE_DIR / "referrals" / "programs").glob("*.yaml"))
    print("Making the database and the example data; the first time this takes half a minute ...", flush=True)
    for command in (["migrate", "--verbosity", "0"], ["load_program", *programs]):
        if code := run("manage.py", *command):
            sys.exit(code)
    # What it says is wanted below the address, where one looks in the end.
    seed = [str(PYTHON), "manage.py", "seed_demo"]
    seeded = subprocess.run(seed, cwd=BASE_DIR, stdout=subprocess.PIPE, text=True, check=False)
    if seeded.returncode:
        sys.exit(seeded.returncode)
    return seeded.stdout


def address_in(arguments: list[str]) -> tuple[str, int]:
    """Return the address and the port to answer on; end with a sentence if that cannot be."""
    text = arguments[0] if arguments else "127.0.0.1:8000"
    host, _, port = text.rpartition(":")
    if len(arguments) > 1 or not host or not port.isdecimal() or not 0 < int(port) < 65_536:
        sys.exit(f"{' '.join(arguments)} is no ADDRESS:PORT such as 127.0.0.1:8000.")
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, int(port)))
        except OSError as refusal:
            sys.exit(
                f"{text} cannot be used ({refusal.strerror}). Another program may have it. Another port: "
                f"python3 dev.py demo {host}:{int(port) % 65_535 + 1}"
            )
    return host, int(port)


def answers(url: str) -> bool:
    """Is anybody there?"""
    try:
        with urllib.request.urlopen(url, timeout=1):  # noqa: S310  our own address
            return True
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False


class Together:
    """Processes that live and end together, each with a file for what it says."""

    SECONDS_TO_END = 10

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.children: dict[str, subprocess.Popen[bytes]] = {}
        folder.mkdir(parents=True, exist_ok=True)

    def start(self, name: str, *arguments: str) -> None:
        """Start Python in the environment, in a process group of its own: a Ctrl-C is for us alone."""
        with self.said_by(name).open("wb") as said:
            self.children[name] = subprocess.Popen(
                [PYTHON, *arguments],
                cwd=BASE_DIR,
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def said_by(self, name: str) -> Path:
        return self.folder / f"{name.replace(' ', '-')}.log"

    def live_until(self, ready: Callable[[], bool], *, within: float = math.inf) -> bool:
        """Wait until that is so; if one of them ends first, or the seconds are over, say so, return False."""
        end = time.monotonic() + within
        while not ready():
            if time.monotonic() > end:
                print(f"\nIt does not answer. What the processes said is in {self.folder}.")
                return False
            for name, child in self.children.items():
                if child.poll() is not None:
                    last = self.said_by(name).read_text(errors="replace").splitlines()[-15:]
                    print(
                        f"\nThe {name} has ended by itself, and so the others do. It said:\n", *last, sep="\n"
                    )
                    return False
            time.sleep(0.3)
        return True

    def end(self) -> None:
        """End all: first they are asked to, then they and what they have started are killed."""
        for ending in ("SIGINT", "SIGTERM", "SIGHUP"):
            if hasattr(signal, ending):
                signal.signal(getattr(signal, ending), signal.SIG_IGN)
        for child in self.children.values():
            child.terminate()
        patience = time.monotonic() + self.SECONDS_TO_END
        for child in self.children.values():
            try:
                child.wait(max(0, patience - time.monotonic()))
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()
            if hasattr(os, "killpg"):
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(child.pid, signal.SIGKILL)


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
