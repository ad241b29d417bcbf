"""
What was answered with 2xx is stored: nothing acknowledged is lost when the server or the database is killed.

A real server on a PostgreSQL that writes to the disk; the host's software keeps telling, tells again what was
not answered, and keeps a list of its own of what was.
"""

import http.client
import json
import os
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest

from tests import postgres, server
from tests.host import EVENTS, event, signed

CLIENTS = 6
BATCH = 5


class Installation:
    """A database with a few accounts, a server on it, and what the host knows."""

    def __init__(self, database: postgres.Server, folder: Path) -> None:
        self.database, self.folder = database, folder
        made = subprocess.run(
            [sys.executable, "-m", "tests.bench.intake_host", "3"],
            cwd=server.BASE_DIR,
            env=server.as_in_production(database.url(), folder),
            capture_output=True,
            text=True,
            check=True,
        )
        self.known = json.loads(made.stdout.splitlines()[-1])

    def tell(self, port: int, events: list[dict[str, object]]) -> list[str]:
        """Tell a batch in a call of its own; the ids that were acknowledged."""
        body = json.dumps({"events": events}).encode()
        headers = signed(self.known["public_id"], self.known["secret"], body)
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
        try:
            connection.request("POST", EVENTS, body, {"Host": "localhost", **headers})
            answer = connection.getresponse()
            if answer.status != 200:
                return []
            results = json.loads(answer.read())["results"]
            return [result["event_id"] for result in results if result["status"] in {200, 202}]
        except (OSError, http.client.HTTPException, ValueError):
            return []
        finally:
            connection.close()

    def stored(self) -> Counter[str]:
        with psycopg.connect(self.database.url()) as connection:
            rows = connection.execute("SELECT event_id FROM referrals_accountevent").fetchall()
        return Counter(event_id for (event_id,) in rows)


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    if os.environ.get("TEST_DATABASE") == "sqlite":
        pytest.skip("has a PostgreSQL of its own: it has run, or will, in the run on PostgreSQL")
    try:
        database = postgres.start(durable=True)
    except postgres.CannotStart as reason:
        pytest.skip(f"the embedded PostgreSQL does not start: {reason}")
    try:
        yield Installation(database, tmp_path_factory.mktemp("installation"))
    finally:
        database.stop()


def acknowledged_during(
    disaster: Callable[[server.Server], None], installation: Installation, web: server.Server
) -> set[str]:
    """Let all clients tell while the disaster happens, twice, and after it; what they were told is stored."""
    acknowledged: set[str] = set()
    over = threading.Event()
    test = uuid4().hex  # the tests share the table

    def keep_telling(client: int) -> None:
        number = 0
        while not over.is_set():
            told = [event(f"{test}-{client}-{number + n}", f"account{n % 3}") for n in range(BATCH)]
            answered = installation.tell(web.port, told)
            acknowledged.update(answered)
            # What was not answered is told again, as a host's software does.
            if len(answered) == BATCH:
                number += BATCH
            else:
                time.sleep(0.05)

    clients = [threading.Thread(target=keep_telling, args=[number]) for number in range(CLIENTS)]
    for client in clients:
        client.start()
    try:
        for _ in range(2):
            before = len(acknowledged)
            wait_for(lambda before=before: len(acknowledged) >= before + 20 * BATCH)
            disaster(web)
        before = len(acknowledged)
        wait_for(lambda: len(acknowledged) >= before + 5 * BATCH)
    finally:
        over.set()
        for client in clients:
            client.join()
    return acknowledged


def wait_for(condition: Callable[[], bool]) -> None:
    """Wait until it is so; it is not, after two minutes: something is wrong."""
    for _ in range(1_200):
        if condition():
            return
        time.sleep(0.1)
    raise TimeoutError("the clients are no longer answered")


def kill_the_server(web: server.Server) -> None:
    web.kill()
    web.start()


def kill_the_database(installation: Installation) -> Callable[[server.Server], None]:
    return lambda _: installation.database.restart()


def test_what_was_acknowledged_survives_the_death_of_the_server(installation):
    with server.running(installation.database.url(), installation.folder) as web:
        acknowledged = acknowledged_during(kill_the_server, installation, web)

    stored = installation.stored()
    assert acknowledged - set(stored) == set()
    assert set(stored.values()) == {1}


def test_what_was_acknowledged_survives_the_death_of_the_database(installation):
    with server.running(installation.database.url(), installation.folder) as web:
        acknowledged = acknowledged_during(kill_the_database(installation), installation, web)

    stored = installation.stored()
    assert acknowledged - set(stored) == set()
    assert set(stored.values()) == {1}


def test_without_storing_first_the_death_of_the_server_loses_what_was_acknowledged(installation):
    """Negative control: a server that answers before it commits is found out."""
    forgetful = {"DJANGO_SETTINGS_MODULE": "tests.referrals.forgetful_site"}
    with server.running(installation.database.url(), installation.folder, **forgetful) as web:
        acknowledged = acknowledged_during(kill_the_server, installation, web)

    assert acknowledged - set(installation.stored()) != set()


def test_without_the_disk_the_death_of_the_database_loses_what_was_acknowledged(installation):
    """Negative control: a database that does not wait for the disk is found out."""
    url = installation.database.url(user="postgres", name="postgres")
    with psycopg.connect(url, autocommit=True) as superuser:
        superuser.execute("ALTER SYSTEM SET synchronous_commit = off")
        superuser.execute("ALTER SYSTEM SET wal_writer_delay = '10s'")
        superuser.execute("SELECT pg_reload_conf()")
    try:
        with server.running(installation.database.url(), installation.folder) as web:
            acknowledged = acknowledged_during(kill_the_database(installation), installation, web)
    finally:
        with psycopg.connect(url, autocommit=True) as superuser:
            superuser.execute("ALTER SYSTEM RESET ALL")
            superuser.execute("SELECT pg_reload_conf()")

    assert acknowledged - set(installation.stored()) != set()
