"""
The demo, as somebody meets it who has just cloned the project: one command, and its worker pays what is due.

It runs in processes of its own on a database of its own, so it sees nothing of the other tests.
"""

import os
import re
import signal
import socket
import sqlite3
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from html import unescape
from pathlib import Path
from urllib.parse import urlencode
from urllib.request import HTTPCookieProcessor, build_opener

import pytest

from payouts.demo import cast

BASE_DIR = Path(__file__).resolve().parent.parent
SECONDS_TO_ANSWER = 60
SECONDS_TO_PAY = 60
SECONDS_TO_END = 30


@dataclass(frozen=True)
class Demo:
    """The command while it runs, where it answers, and its folder."""

    process: subprocess.Popen[str]
    site: str
    folder: Path
    started_at: datetime

    def rows(self, query: str, *values: str) -> list[tuple[object, ...]]:
        with closing(sqlite3.connect(f"file:{self.folder / 'db.sqlite3'}?mode=ro", uri=True)) as books:
            return books.execute(query, values).fetchall()

    def paid_since_it_started(self) -> int:
        [(count,)] = self.rows(
            "SELECT count(*) FROM payouts_bonus WHERE status = 'PAID' AND paid_at >= ?",
            self.started_at.strftime("%Y-%m-%d %H:%M:%S"),
        )
        return int(str(count))

    def told_by_job_log(self) -> int:
        """How many bonuses the runs of release say that they have paid."""
        [(count,)] = self.rows("SELECT COALESCE(SUM(done), 0) FROM referrals_jobrun WHERE job = 'release'")
        return int(str(count))


def environment(folder: Path) -> dict[str, str]:
    """What a person has who has set nothing: no database, no broker, an empty data folder."""
    of_ours = (
        "CELERY_",
        "DATABASE_URL",
        "DEBUG",
        "DJANGO_",
        "PYTEST_",
        "REDIS_URL",
        "REQUIRE_",
        "SECRET_KEY",
    )
    plain = {name: value for name, value in os.environ.items() if not name.startswith(of_ours)}
    return plain | {"DATA_DIR": str(folder)}


def wait_for(what: Callable[[], object], *, seconds: float, process: subprocess.Popen[str]) -> bool:
    """Ask until it is so; give up when the time is over or the demo has ended."""
    end = time.monotonic() + seconds
    while time.monotonic() < end and process.poll() is None:
        if what():
            return True
        time.sleep(0.5)
    return False


class Visitor:
    """Somebody with a browser who logs in."""

    def __init__(self, site: str, username: str) -> None:
        self.site = site
        cookies = HTTPCookieProcessor()
        self._opener = build_opener(cookies)
        form = self._opened(f"{site}/accounts/login/")
        [token] = re.findall(r'name="csrfmiddlewaretoken" value="([^"]+)"', form)[:1]
        told = {"login": username, "password": cast.PASSWORD, "csrfmiddlewaretoken": token}
        self.arrives_at = self._opened(f"{site}/accounts/login/", urlencode(told).encode())

    def reads(self, path: str) -> str:
        """The words of a page."""
        return words(self._opened(f"{self.site}{path}"))

    def _opened(self, address: str, body: bytes | None = None) -> str:
        with self._opener.open(address, body, timeout=20) as page:
            return page.read().decode()


def words(page: str) -> str:
    without_code = re.sub(r"(?s)<(script|style)\b.*?</\1>", " ", page)
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", without_code)).split())


def answers(address: str) -> bool:
    try:
        with urllib.request.urlopen(address, timeout=2) as page:  # noqa: S310  our own address
            return bool(page.status == 200)
    except OSError:
        return False


def processes_of(folder: Path) -> list[str]:
    """The command lines of all processes that were told that data folder."""
    told = f"DATA_DIR={folder}".encode()
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if told in (entry / "environ").read_bytes().split(b"\0"):
                found.append((entry / "cmdline").read_text().replace("\0", " "))
        except OSError:
            continue  # it has ended, or is somebody else's
    return [command for command in found if command]


@pytest.fixture
def demo(tmp_path: Path) -> Iterator[Demo]:
    """The demo on a port that is free."""
    if Path(sys.prefix) != BASE_DIR / ".venv":
        pytest.skip("these tests do not run in the environment that dev.py makes; it would make one now")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = subprocess.Popen(
        [sys.executable, "dev.py", "demo", f"127.0.0.1:{port}"],
        cwd=BASE_DIR,
        env=environment(tmp_path),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        yield Demo(process, f"http://127.0.0.1:{port}", tmp_path, datetime.now(UTC))
    finally:
        if process.poll() is None:
            process.terminate()
        process.communicate(timeout=SECONDS_TO_END)


@pytest.mark.slow
def test_one_command_and_within_a_minute_the_worker_has_paid_what_is_due(demo):
    process = demo.process
    answered = wait_for(lambda: answers(f"{demo.site}/"), seconds=SECONDS_TO_ANSWER, process=process)
    assert answered, "it does not answer"

    paid = wait_for(lambda: demo.paid_since_it_started() >= 3, seconds=SECONDS_TO_PAY, process=process)
    assert paid, f"{demo.paid_since_it_started()} paid"
    assert wait_for(lambda: answers(f"{demo.site}/readyz"), seconds=SECONDS_TO_PAY, process=process)
    assert "task_id=" in (demo.folder / "logs" / "worker.log").read_text()
    assert wait_for(lambda: demo.told_by_job_log() >= 3, seconds=SECONDS_TO_PAY, process=process)
    verified = subprocess.run(
        [sys.executable, "manage.py", "verify_books"], cwd=BASE_DIR, env=environment(demo.folder), check=False
    )
    assert verified.returncode == 0

    job_log_admin_books_and_the_referrers_page_agree(demo)

    process.send_signal(signal.SIGTERM)
    said, _ = process.communicate(timeout=SECONDS_TO_END)

    assert process.returncode == 0
    assert all(f"  {one.username} " in said for one in cast.LOG_INS)
    assert (demo.folder / "logs" / "host-product.log").read_text().count(" 201 ") >= 1
    assert f"{demo.site}/ answers" in said
    assert processes_of(demo.folder) == []


def job_log_admin_books_and_the_referrers_page_agree(demo: Demo) -> None:
    """What the worker has paid is told in the same words and amounts everywhere."""
    operator, finance = Visitor(demo.site, "admin"), Visitor(demo.site, "finn")
    # A bonus that becomes due a moment after the first run is paid by the second: together they paid all.
    assert wait_for(
        lambda: demo.told_by_job_log() == demo.paid_since_it_started(),
        seconds=SECONDS_TO_PAY,
        process=demo.process,
    )
    for run, done in demo.rows("SELECT id, done FROM referrals_jobrun WHERE job = 'release' AND done > 0"):
        assert f"Done {done}" in operator.reads(f"/admin/referrals/jobrun/{run}/change/")
    since = demo.started_at.strftime("%Y-%m-%d %H:%M:%S")
    for (bonus,) in demo.rows("SELECT id FROM payouts_bonus WHERE status = 'PAID' AND paid_at >= ?", since):
        assert "✓ Paid" in finance.reads(f"/admin/payouts/bonus/{bonus}/change/")

    [(balance_minor,)] = demo.rows(
        """
        SELECT SUM(CASE WHEN transfer.credit_id = account.id THEN amount_minor ELSE -amount_minor END)
        FROM payouts_ledgeraccount account
        JOIN payouts_transfer transfer ON account.id IN (transfer.credit_id, transfer.debit_id)
        JOIN referrals_enrollment enrollment ON enrollment.id = account.enrollment_id
        JOIN referrals_program program ON program.id = enrollment.program_id
        JOIN referrals_referrer referrer ON referrer.id = enrollment.referrer_id
        WHERE account.kind = 'BALANCE' AND program.slug = 'smartcat' AND referrer.name = 'Rosa Lang'
        """
    )
    page = Visitor(demo.site, "rosa").reads("/refer/smartcat/")
    assert f"Balance ${int(str(balance_minor)) / 100:,.2f}" in page
    paid_to_rosa = demo.rows(
        """
        SELECT bonus.id FROM payouts_bonus bonus
        JOIN referrals_enrollment enrollment ON enrollment.id = bonus.enrollment_id
        JOIN referrals_referrer referrer ON referrer.id = enrollment.referrer_id
        WHERE bonus.paid_at >= ? AND referrer.name = 'Rosa Lang'
        """,
        since,
    )
    assert len(paid_to_rosa) >= 3
    [(paid_at,)] = demo.rows("SELECT MAX(paid_at) FROM payouts_bonus")
    today = datetime.fromisoformat(str(paid_at))
    assert page.count(f"{today:%b} {today.day}, {today.year} Bonus credited") == len(paid_to_rosa)


@pytest.mark.slow
def test_when_one_of_its_processes_dies_it_says_which_and_ends_the_others(demo):
    answered = wait_for(lambda: answers(f"{demo.site}/"), seconds=SECONDS_TO_ANSWER, process=demo.process)
    assert answered, "it does not answer"
    children = Path(f"/proc/{demo.process.pid}/task/{demo.process.pid}/children").read_text().split()
    worker = next(pid for pid in children if "celery" in Path(f"/proc/{pid}/cmdline").read_text())

    os.kill(int(worker), signal.SIGKILL)
    said, _ = demo.process.communicate(timeout=SECONDS_TO_END)

    assert demo.process.returncode == 1
    assert "The worker has ended by itself" in said
    assert processes_of(demo.folder) == []


@pytest.mark.parametrize(
    ("argument", "said"),
    [("nonsense", "is no ADDRESS:PORT"), ("127.0.0.1:0", "is no ADDRESS:PORT"), ("taken", "cannot be used")],
)
def test_an_address_that_cannot_be_used_is_told_in_words(tmp_path, argument, said):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        address = f"127.0.0.1:{taken.getsockname()[1]}" if argument == "taken" else argument

        refused = subprocess.run(
            [sys.executable, "dev.py", "demo", address],
            cwd=BASE_DIR,
            env=environment(tmp_path),
            capture_output=True,
            text=True,
            check=False,
        )

    assert refused.returncode == 1
    assert refused.stderr.startswith(f"{address} {said}")
    assert "Traceback" not in refused.stderr
