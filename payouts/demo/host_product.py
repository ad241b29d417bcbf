"""
The company's software, as it calls from outside: sign-ups with its key, signed facts, links that are opened.

Over HTTP only, with what its file says; it knows no database. Every message is tried until it is answered,
with the same id, so that nothing is lost while the server is away and nothing counts twice.
"""

import json
import random
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.message import Message as Headers
from http import HTTPStatus
from http.client import HTTPException, HTTPMessage
from pathlib import Path
from threading import Event
from typing import IO, Any

from standardwebhooks import Webhook

from payouts.demo.companies import OUTSIDE, Company, company

CREDENTIALS = Path("demo") / "host.json"
ACCOUNT = "acct-"
"""How the host names its accounts, before their numbers."""
PAUSE_SECONDS = 5.0
SIGN_UP_EVERY = 4
"""One step in so many is a sign-up, so one in twenty seconds; of the others one opens a link."""
MOST_SIGN_UPS = 300
LONGEST_WAIT_SECONDS = 20.0
PATIENCE_SECONDS = 10

Say = Callable[[str], object]


class NotAnswered(Exception):
    """The server is away, or has no time."""


class _StayHere(urllib.request.HTTPRedirectHandler):
    """Where a link leads is of interest, not what is there: example domains have no server."""

    def redirect_request(
        self,
        req: urllib.request.Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: HTTPMessage,
        newurl: str,
    ) -> None:
        return None


class Site:
    """The server, as the host's software calls it."""

    def __init__(self, address: str, *, client: str, key: str, secret: str) -> None:
        self._address, self._client, self._key = address.rstrip("/"), client, key
        self._webhook = Webhook(secret)
        self._opener = urllib.request.build_opener(_StayHere)

    def open_link(self, link: str) -> str:
        """Open a link as a visitor does; returns the visitor's id."""
        _, headers = self._ask(urllib.request.Request(f"{self._address}/r/{link}"))  # noqa: S310  our own address
        cookie = headers.get("Set-Cookie", "")
        return cookie.partition("visitor=")[2].partition(";")[0]

    def sign_up(self, told: dict[str, Any]) -> int:
        return self._post("sign-ups", json.dumps(told), {"Authorization": f"Bearer {self._key}"})

    def tell(self, told: dict[str, Any], *, at: datetime) -> int:
        """Tell a fact, signed at that instant."""
        body = json.dumps(told)
        signed = {
            "webhook-client": self._client,
            "webhook-id": told["event_id"],
            "webhook-timestamp": str(int(at.timestamp())),
            "webhook-signature": self._webhook.sign(told["event_id"], at, body),
        }
        return self._post("events", body, signed)

    def _post(self, path: str, body: str, headers: dict[str, str]) -> int:
        asked = urllib.request.Request(  # noqa: S310  our own address
            f"{self._address}/api/v1/{path}",
            data=body.encode(),
            headers={"Content-Type": "application/json", **headers},
        )
        status, _ = self._ask(asked)
        return status

    def _ask(self, asked: urllib.request.Request) -> tuple[int, Headers]:
        """
        The status and headers of the answer, a refusal too.

        :raises NotAnswered: if it is worth another try
        """
        try:
            with self._opener.open(asked, timeout=PATIENCE_SECONDS) as answer:
                return answer.status, answer.headers
        except urllib.error.HTTPError as refused:
            with refused:
                if refused.code == HTTPStatus.TOO_MANY_REQUESTS or refused.code >= 500:
                    raise NotAnswered(f"answered {refused.code}") from refused
                return refused.code, refused.headers
        except (OSError, HTTPException) as away:
            raise NotAnswered(str(away)) from away


Message = Callable[[datetime], str]
"""Sends one message that was thought up before; says what became of it."""


@dataclass(frozen=True, slots=True)
class Visit:
    """A link that was opened, and the visitor's id."""

    visitor: str
    program: str
    link: str


class Host:
    """What the host product does by itself, one small thing after the other."""

    def __init__(
        self,
        site: Site,
        *,
        links: list[list[str]],
        customers: list[list[str]],
        run: str,
        first: int = OUTSIDE,
        most_sign_ups: int = MOST_SIGN_UPS,
    ) -> None:
        """
        :param links: program and link of each
        :param customers: program and account of each
        :param run: makes the ids of the facts of this run differ from those of every other
        :param first: the number of the company that signs up next
        """
        self._site, self._links, self._customers, self._run = site, links, customers, run
        self._first, self._most_sign_ups = first, most_sign_ups
        # No secret depends on it.
        self._chance = random.Random(run)  # noqa: S311
        self._signed_up = self._facts = 0
        self._visits: list[Visit] = []
        self._to_tell: list[dict[str, Any]] = []

    def messages(self) -> Iterator[Message]:
        """What it does, without an end."""
        step = 0
        while True:
            if step % SIGN_UP_EVERY == 0:
                yield self._open_link()
            elif step % SIGN_UP_EVERY == 2 and self._visits and self._signed_up < self._most_sign_ups:
                yield self._sign_up(self._visits.pop())
            else:
                yield self._fact()
            step += 1

    def _open_link(self) -> Message:
        program, link = self._chance.choice(self._links)

        def send(at: datetime) -> str:
            visitor = self._site.open_link(link)
            self._visits.append(Visit(visitor, program, link))
            return f"opened         /r/{link}"

        return send

    def _sign_up(self, visit: Visit) -> Message:
        """Who has opened a link signs up."""
        number = self._first + self._signed_up
        self._signed_up += 1
        account, comes = f"{ACCOUNT}{number}", company(number)
        told = _told(comes)
        told |= {"program": visit.program, "account": account, "visitor": visit.visitor, "link": visit.link}

        def send(at: datetime) -> str:
            told.setdefault("occurred_at", _written(at))
            status = self._site.sign_up(told)
            if visit.program == "smithai":
                self._to_tell += [
                    {"account": account, "type": type, "amount": "285.00", "product": "virtual_receptionist"}
                    for type in ("invoice.issued", "invoice.paid")
                ]
            return f"sign-up   {status}  {comes.name}, by /r/{visit.link}"

        return send

    def _fact(self) -> Message:
        """A fact that follows from a sign-up, else a customer buys something."""
        told = self._to_tell.pop(0) if self._to_tell else self._purchase()
        self._facts += 1
        told = {"event_id": f"evt-{self._run}-{self._facts}", **told}
        if "amount" in told:
            told["currency"] = "USD"

        def send(at: datetime) -> str:
            told.setdefault("occurred_at", _written(at))
            status = self._site.tell(told, at=at)
            return f"fact      {status}  {told['type']} {told.get('amount', '')} of {told['account']}"

        return send

    def _purchase(self) -> dict[str, Any]:
        program, account = self._chance.choice(self._customers)
        if program == "smithai":
            return {
                "account": account,
                "type": "invoice.paid",
                "amount": "285.00",
                "product": "virtual_receptionist",
            }
        if self._chance.random() < 0.2:
            return {"account": account, "type": "subscription.started"}
        amount = self._chance.choice(["480.00", "1250.00", "2100.00"])
        return {"account": account, "type": "payment.received", "amount": amount}


def play(host: Host, *, say: Say, ended: Event, clock: Callable[[], datetime]) -> None:
    """Send message after message until the end is asked for; while the server is away, wait and try again."""
    for message in host.messages():
        wait = 1.0
        while not ended.is_set():
            try:
                say(f"{clock():%H:%M:%S} {message(clock())}")
                break
            except NotAnswered as away:
                say(f"{clock():%H:%M:%S} not answered ({away}); again in {wait:.0f} s")
                ended.wait(wait)
                wait = min(wait * 2, LONGEST_WAIT_SECONDS)
        if ended.wait(PAUSE_SECONDS):
            return


def read(file: Path, address: str, *, run: str, most_sign_ups: int = MOST_SIGN_UPS) -> Host:
    """
    The host product as its file says.

    :raises FileNotFoundError: if the demo was never made
    """
    told = json.loads(file.read_text())
    site = Site(address, client=told["client"], key=told["key"], secret=told["secret"])
    known = {"links": told["links"], "customers": told["customers"]}
    first = told.get("next_company", OUTSIDE)
    return Host(site, **known, run=run, first=first, most_sign_ups=most_sign_ups)


def _told(comes: Company) -> dict[str, Any]:
    """What it fills in."""
    return {
        "company_name": comes.name,
        "email": comes.email,
        "website": comes.website,
        "phone": comes.phone,
        "country": comes.country,
        "contact": comes.contact,
    }


def _written(at: datetime) -> str:
    # A clock that runs a little ahead of the server's would tell of the future.
    return (at - timedelta(seconds=1)).astimezone(UTC).isoformat().replace("+00:00", "Z")
