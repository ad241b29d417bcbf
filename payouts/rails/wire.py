"""
Calls over the network to those who pay: bounded in time and size, and never to this machine or its neighbors.

What an address stands for is looked at when the connection is made, and the connection goes to what was
looked at: a name that means something else a moment later gains nothing. Redirects are not followed, proxies
not used. A caller learns whether anything can have been received: only then is there doubt.
"""

import json
import socket
import ssl
import threading
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from typing import Any
from urllib.parse import SplitResult, urlsplit

from django.conf import settings

SECONDS = 10.0
"""For the whole call: who answers a letter a second is cut off as well."""
MOST_BYTES = 100_000

_NAT64 = IPv6Network("64:ff9b::/96")


class NotSent(Exception):
    """Nothing of the call has left: nobody can have received it."""


class NoAnswer(Exception):
    """The call may have been received, and what came of it is not known."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back, whole."""

    status: int
    body: bytes

    @property
    def is_success(self) -> bool:
        return 200 <= self.status < 300

    def told(self) -> Mapping[str, Any]:
        """Its JSON object; empty, if it is none."""
        try:
            read = json.loads(self.body)
        except (ValueError, RecursionError):
            return {}
        return read if isinstance(read, dict) else {}


def wrong_with(address: str) -> str:
    """What is wrong with an address to call, before anybody is called; empty: nothing that can be seen."""
    try:
        parts = urlsplit(address)
        port = parts.port
    except ValueError:
        return "this is no address."
    if parts.scheme not in {"https", "http"} or not parts.hostname or port == 0:
        return "write an address such as https://company.example/credits."
    if parts.username is not None or parts.fragment or not address.isascii() or not address.isprintable():
        return "leave out names, passwords, # and signs other than plain ones."
    if " " in address:
        return "an address has no spaces."
    if parts.scheme == "http" and not settings.OUTGOING_TO_LOOPBACK:
        return "it has to begin with https."
    with suppress(ValueError):
        if not _may_be_called(ip_address(parts.hostname), tls=parts.scheme == "https"):
            return "this address is not out on the internet."
    return ""


def call(verb: str, address: str, *, headers: Mapping[str, str], body: bytes = b"") -> Answer:
    """
    Call an address and read what it answers.

    :raises NotSent: if nothing has left
    :raises NoAnswer: if it may have been received
    """
    if wrong := wrong_with(address):
        raise NotSent(f"The address cannot be called: {wrong}")
    parts = urlsplit(address)
    late = threading.Event()
    sock = _connected(parts, seconds=SECONDS)
    # Of a socket within TLS only a second handle can be cut off by another thread.
    handle = sock.dup()
    watch = threading.Timer(SECONDS, _cut, [handle, late])
    watch.daemon = True
    watch.start()
    try:
        return _exchanged(verb, parts, sock, headers=headers, body=body, late=late)
    finally:
        watch.cancel()
        watch.join()
        handle.close()
        sock.close()


def _exchanged(
    verb: str,
    parts: SplitResult,
    sock: socket.socket,
    *,
    headers: Mapping[str, str],
    body: bytes,
    late: threading.Event,
) -> Answer:
    connection = HTTPConnection(parts.netloc)
    try:
        connection.sock = _wrapped(sock, parts) if parts.scheme == "https" else sock
    except OSError as problem:
        raise NotSent(f"No secure connection: {_said(problem)}") from problem
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    try:
        connection.request(verb, target, body=body or None, headers={"Connection": "close", **headers})
        response = connection.getresponse()
        content = response.read(MOST_BYTES + 1)
        rest = response.length
    except (OSError, HTTPException, ValueError) as problem:
        if late.is_set():
            raise NoAnswer("The answer took too long.") from problem
        raise NoAnswer(f"The connection broke: {_said(problem)}") from problem
    finally:
        connection.close()
    if late.is_set():
        raise NoAnswer("The answer took too long.")
    if len(content) > MOST_BYTES:
        raise NoAnswer("The answer is longer than anybody needs.")
    if rest:
        raise NoAnswer("The connection broke within the answer.")
    return Answer(response.status, content)


def _connected(parts: SplitResult, *, seconds: float) -> socket.socket:
    """A connection to what the name stands for now, if all of that may be called."""
    host, tls = parts.hostname or "", parts.scheme == "https"
    port = parts.port or (443 if tls else 80)
    try:
        found = [entry[4][0] for entry in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]
    except (OSError, UnicodeError) as problem:
        raise NotSent(f"Nobody knows {host}: {_said(problem)}") from problem
    if not found or not all(_may_be_called(ip_address(str(each)), tls=tls) for each in found):
        raise NotSent(f"{host} is not out on the internet: it is not called.")
    problem_last: OSError | None = None
    for each in dict.fromkeys(found):
        try:
            return socket.create_connection((str(each), port), timeout=seconds)
        except OSError as problem:
            problem_last = problem
    raise NotSent(f"{host} does not answer: {_said(problem_last)}")


def _wrapped(sock: socket.socket, parts: SplitResult) -> ssl.SSLSocket:
    return ssl.create_default_context().wrap_socket(sock, server_hostname=parts.hostname)


def _may_be_called(address: IPv4Address | IPv6Address, *, tls: bool) -> bool:
    """It is out on the internet; on a developer's machine, it may be that machine, too."""
    meant = _meant(address)
    if settings.OUTGOING_TO_LOOPBACK and all(each.is_loopback for each in meant):
        return True
    return tls and all(each.is_global and not each.is_multicast and not each.is_reserved for each in meant)


def _meant(address: IPv4Address | IPv6Address) -> list[IPv4Address | IPv6Address]:
    """The address, and the one that is wrapped in it, if one is."""
    if isinstance(address, IPv4Address):
        return [address]
    if address.ipv4_mapped is not None:
        return [address.ipv4_mapped]
    meant: list[IPv4Address | IPv6Address] = [address]
    if address.sixtofour is not None:
        meant.append(address.sixtofour)
    if address.teredo is not None:
        meant += address.teredo
    if address in _NAT64:
        meant.append(IPv4Address(int(address) & 0xFFFFFFFF))
    return meant


def _cut(handle: socket.socket, late: threading.Event) -> None:
    late.set()
    with suppress(OSError):
        handle.shutdown(socket.SHUT_RDWR)


def _said(problem: Exception | None) -> str:
    return f"{type(problem).__name__}: {problem}"[:120]
