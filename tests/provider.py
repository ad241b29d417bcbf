"""
A payment service of the tests: a process of its own, over HTTP, with its own book in its own file.

``python -m tests.provider FOLDER`` listens on a port, writes it to ``FOLDER/port`` and keeps its book in
``FOLDER/book.sqlite3``. It speaks as PayPal, Stripe and the host do. How it answers the next orders stands in
the book, too: one mood for each, then it is well-behaved again.

    well            takes it and says so            slow        takes it, and thinks a while first
    cut             takes it and hangs up           cut_before  hangs up and takes nothing
    500, 429        takes nothing                   500_after   takes it and says that it failed
    drip            takes it; a letter at a time    half_open   takes it and never says a word
    refuse          will not pay it                 mute        takes it and gives no number
    poor            has no money for it             early       tells of it before it answers, and after
    redirect        sends us elsewhere              huge        takes it; the answer has no end
"""

import base64
import contextlib
import json
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit
from urllib.request import Request, urlopen

from standardwebhooks import Webhook

BASE_DIR = Path(__file__).resolve().parent.parent
TABLES = """
    CREATE TABLE accepted (
        number INTEGER PRIMARY KEY, rail TEXT, key TEXT, reference TEXT, recipient TEXT,
        amount TEXT, currency TEXT, status TEXT, returned INTEGER DEFAULT 0
    );
    CREATE TABLE called (number INTEGER PRIMARY KEY, what TEXT, key TEXT, mood TEXT, headers TEXT, body TEXT);
    CREATE TABLE moods (number INTEGER PRIMARY KEY, mood TEXT);
    CREATE TABLE settings (name TEXT PRIMARY KEY, value TEXT);
"""
PATIENCE = 20


class Provider:
    """The service as a test sees it: its address, its moods, its book."""

    def __init__(self, folder: Path, port: int) -> None:
        self.folder, self.port = folder, port
        self.address = f"http://127.0.0.1:{port}"
        self.account = f"http://client:secret@127.0.0.1:{port}"

    def behaves(self, *moods: str) -> None:
        """How it takes the next orders."""
        with opened(self.folder) as book:
            book.executemany("INSERT INTO moods (mood) VALUES (?)", [(mood,) for mood in moods])

    def sets(self, name: str, value: str) -> None:
        """``forgets``: keys mean nothing to it. ``calls_back``: an address, a client, a secret."""
        with opened(self.folder) as book:
            book.execute("REPLACE INTO settings VALUES (?, ?)", (name, value))

    def says(self, status: str, *, key: str | None = None) -> None:
        """What has become of what it took."""
        with opened(self.folder) as book:
            book.execute("UPDATE accepted SET status = ? WHERE key = COALESCE(?, key)", (status, key))

    def accepted(self) -> list[dict[str, Any]]:
        return self._rows("SELECT * FROM accepted ORDER BY number")

    def called(self, what: str) -> list[dict[str, Any]]:
        return [row for row in self._rows("SELECT * FROM called ORDER BY number") if row["what"] == what]

    def paid_twice(self) -> list[str]:
        """The checker of its book: what it took more than once, by our reference, or the host's key."""
        counted = Counter(row["reference"] or row["key"] for row in self.accepted())
        return sorted(reference for reference, count in counted.items() if count > 1)

    def _rows(self, query: str) -> list[dict[str, Any]]:
        with opened(self.folder) as book:
            return [dict(row) for row in book.execute(query)]


@contextmanager
def opened(folder: Path) -> Iterator[sqlite3.Connection]:
    book = sqlite3.connect(folder / "book.sqlite3", timeout=PATIENCE)
    book.row_factory = sqlite3.Row
    try:
        with book:
            yield book
    finally:
        book.close()


@contextmanager
def listening(folder: Path) -> Iterator[Provider]:
    """The service in a process of its own, that runs meanwhile."""
    folder.mkdir(exist_ok=True)
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.provider", str(folder)], cwd=BASE_DIR, stdout=log, stderr=log
        )
    try:
        end = time.monotonic() + PATIENCE
        while not (port := folder / "port").exists():
            assert process.poll() is None, (folder / "log").read_text()
            assert time.monotonic() < end, (folder / "log").read_text()
            time.sleep(0.02)
        yield Provider(folder, int(port.read_text()))
    finally:
        process.kill()
        process.wait(timeout=PATIENCE)


class Conversation(BaseHTTPRequestHandler):
    """One call of one of the three."""

    folder: Path

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        match urlsplit(self.path).path:
            case "/v1/oauth2/token":
                login = base64.b64encode(b"client:secret").decode()
                known = self.headers["Authorization"] == f"Basic {login}"
                self._say(200 if known else 401, {"access_token": "token"} if known else {})
            case "/v1/payments/payouts":
                self._paypal(json.loads(body), body)
            case "/v1/transfers":
                self._stripe({name: value[0] for name, value in parse_qs(body.decode()).items()}, body)
            case "/credits":
                self._host(json.loads(body), body)
            case _:
                self._say(404, {})

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        if parts.path == "/v1/transfers":
            key = parse_qs(parts.query)["transfer_group"][0]
            self._note("ask", key)
            found = [_transfer(row) for row in self._known(key)]
            self._say(200, {"object": "list", "data": found})
        elif parts.path.startswith("/v1/payments/payouts/"):
            number = parts.path.rpartition("/")[2].removeprefix("BATCH")
            with opened(self.folder) as book:
                row = book.execute("SELECT * FROM accepted WHERE number = ?", (number,)).fetchone()
            self._note("ask", row["key"] if row else "")
            self._say(200 if row else 404, _batch(row) if row else {})
        else:
            self._say(404, {})

    def _paypal(self, told: dict[str, Any], body: bytes) -> None:
        key = told["sender_batch_header"]["sender_batch_id"]
        known = self._known(key)
        if known and not (told["items"] and self._setting("forgets")):
            self._note("ask" if not told["items"] else "send", key, body=body)
            link = {"href": f"http://elsewhere.example/v1/payments/payouts/BATCH{known[0]['number']}"}
            self._say(
                400,
                {
                    "name": "USER_BUSINESS_ERROR",
                    "links": [link],
                    "details": [{"field": "SENDER_BATCH_ID", "issue": "Duplicate batch request"}],
                },
            )
            return
        if not told["items"]:
            self._note("ask", key, body=body)
            self._say(400, {"name": "VALIDATION_ERROR", "details": [{"field": "items"}]})
            return
        (item,) = told["items"]
        order = (
            "PAYPAL_API",
            key,
            item["sender_item_id"],
            item["receiver"],
            item["amount"]["value"],
            item["amount"]["currency"],
        )
        self._take(order, body, answer=lambda row: _batch(row), status=201)

    def _stripe(self, told: dict[str, str], body: bytes) -> None:
        key = self.headers["Idempotency-Key"]
        if (known := self._known(key)) and not self._setting("forgets"):
            self._note("send", key, body=body)
            self._say(200, _transfer(known[0]))
            return
        order = (
            "STRIPE",
            key,
            told["metadata[reference]"],
            told["destination"],
            told["amount"],
            told["currency"],
        )
        self._take(order, body, answer=lambda row: _transfer(row), status=200)

    def _host(self, told: dict[str, str], body: bytes) -> None:
        key = told["key"]
        known = self._known(key)
        if told["type"] == "balance.asked":
            self._note("ask", key, body=body)
            self._say(200, {"status": known[0]["status"] if known else "not_known"})
            return
        if known and not self._setting("forgets"):
            self._note("send", key, body=body)
            self._say(200, {"status": "accepted"})
            return
        order = ("HOST", key, "", told["referrer"], told["amount"], told["currency"])
        self._take(order, body, answer=lambda row: {"status": row["status"]}, status=200)

    def _take(self, order: tuple[str, ...], body: bytes, *, answer: Any, status: int) -> None:
        """Take an order, or do not, as the mood of the moment is."""
        mood = self._mood()
        key = order[1]
        self._note("send", key, mood=mood, body=body)
        if mood in {"429", "500"}:
            self._say(int(mood), {})
        elif mood == "cut_before":
            self._hang_up()
        elif mood == "redirect":
            self._say(307, {}, Location=f"http://127.0.0.1:{self.server.server_address[1]}/v1/transfers")
        elif mood == "refuse":
            told = {
                "name": "RECEIVER_UNREGISTERED",
                "message": "Nobody is there.",
                "error": {"message": "Nobody is there."},
            }
            self._say(422, told)
        elif mood == "poor":
            error = {"name": "INSUFFICIENT_FUNDS", "error": {"code": "balance_insufficient"}}
            self._say(400, error)
        else:
            if mood == "slow":
                time.sleep(0.7)
            row = self._accept(order)
            self._answer(mood, key, answer(row), status)

    def _answer(self, mood: str, key: str, told: dict[str, Any], status: int) -> None:
        if mood == "cut":
            self._hang_up()
        elif mood == "500_after":
            self._say(500, {})
        elif mood == "mute":
            self._say(status, {})
        elif mood == "half_open":
            time.sleep(PATIENCE)
        elif mood == "drip":
            self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
            for _ in range(100):
                self.wfile.write(b" ")
                self.wfile.flush()
                time.sleep(0.2)
        elif mood == "huge":
            with contextlib.suppress(OSError):
                self.wfile.write(b"HTTP/1.1 200 OK\r\n\r\n")
                while True:
                    self.wfile.write(b" " * 10_000)
        else:
            if mood == "early":
                for _ in range(2):
                    self._tell_back(key)
            self._say(status, told)
            if mood == "early":
                self._tell_back(key)

    def _tell_back(self, key: str) -> None:
        """Confirm to whoever ordered, signed by the secret that they gave out."""
        address, client, secret = self._setting("calls_back").split(" ")
        body, at = json.dumps({"key": key, "status": "confirmed"}), datetime.now(tz=UTC)
        message = f"confirm-{at.timestamp()}"
        headers = {
            "Content-Type": "application/json",
            "webhook-client": client,
            "webhook-id": message,
            "webhook-timestamp": str(int(at.timestamp())),
            "webhook-signature": Webhook(secret).sign(message, at, body),
        }
        with urlopen(Request(address, body.encode(), headers)) as answer:  # noqa: S310
            self._note("told", key, mood=str(answer.status))

    def _accept(self, order: tuple[str, ...]) -> sqlite3.Row:
        insert = (
            "INSERT INTO accepted (rail, key, reference, recipient, amount, currency, status)"
            " VALUES (?, ?, ?, ?, ?, ?, 'accepted')"
        )
        with opened(self.folder) as book:
            number = book.execute(insert, order).lastrowid
            return book.execute("SELECT * FROM accepted WHERE number = ?", (number,)).fetchone()

    def _known(self, key: str) -> list[sqlite3.Row]:
        with opened(self.folder) as book:
            return book.execute("SELECT * FROM accepted WHERE key = ? ORDER BY number", (key,)).fetchall()

    def _mood(self) -> str:
        with opened(self.folder) as book:
            book.execute("BEGIN IMMEDIATE")
            row = book.execute("SELECT * FROM moods ORDER BY number LIMIT 1").fetchone()
            if row is None:
                return "well"
            book.execute("DELETE FROM moods WHERE number = ?", (row["number"],))
            return str(row["mood"])

    def _setting(self, name: str) -> str:
        with opened(self.folder) as book:
            row = book.execute("SELECT value FROM settings WHERE name = ?", (name,)).fetchone()
            return row["value"] if row else ""

    def _note(self, what: str, key: str, *, mood: str = "", body: bytes = b"") -> None:
        headers = json.dumps({name.lower(): value for name, value in self.headers.items()})
        with opened(self.folder) as book:
            book.execute(
                "INSERT INTO called (what, key, mood, headers, body) VALUES (?, ?, ?, ?, ?)",
                (what, key, mood, headers, body.decode()),
            )

    def _hang_up(self) -> None:
        self.close_connection = True
        self.connection.close()

    def _say(self, status: int, told: dict[str, Any], **headers: str) -> None:
        body = json.dumps(told).encode()
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: object) -> None:
        """Its book says it all."""


def _batch(row: sqlite3.Row) -> dict[str, Any]:
    status = {"accepted": "PENDING", "confirmed": "SUCCESS", "refused": "FAILED", "returned": "RETURNED"}
    return {
        "batch_header": {
            "payout_batch_id": f"BATCH{row['number']}",
            "batch_status": "SUCCESS",
            "sender_batch_header": {"sender_batch_id": row["key"]},
        },
        "items": [
            {
                "transaction_status": status[row["status"]],
                "payout_item": {"amount": {"value": row["amount"], "currency": row["currency"]}},
            }
        ],
    }


def _transfer(row: sqlite3.Row) -> dict[str, Any]:
    return {
        "object": "transfer",
        "id": f"tr_{row['number']}",
        "transfer_group": row["key"],
        "amount": int(row["amount"]),
        "currency": row["currency"],
        "destination": row["recipient"],
        "reversed": row["status"] == "returned",
    }


def main(folder: Path) -> None:
    """Listen until somebody kills it."""
    book = sqlite3.connect(folder / "book.sqlite3")
    book.executescript("PRAGMA journal_mode=WAL;" + TABLES)
    book.close()
    Conversation.folder = folder
    server = ThreadingHTTPServer(("127.0.0.1", 0), Conversation)
    waiting = folder / "port.new"
    waiting.write_text(str(server.server_address[1]))
    waiting.rename(folder / "port")
    server.serve_forever()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
