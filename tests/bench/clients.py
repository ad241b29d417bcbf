"""
``python -m tests.bench.clients PORT PATH LINKS SECONDS``: open links on many connections, and say what came.

Sockets without any library of HTTP: the tool runs on the machine that it measures. Each connection sends its
next request when the last one is answered. Prints JSON.
"""

import json
import random
import re
import selectors
import socket
import sys
import time
from collections import Counter

CONNECTIONS = 32
SEED = 7


class Client:
    """One connection, which is kept open."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=20)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.received = b""
        self.sent_at = 0.0

    @property
    def is_answered(self) -> bool:
        head, end, body = self.received.partition(b"\r\n\r\n")
        length = re.search(rb"content-length: ([0-9]+)", head, re.IGNORECASE)
        return bool(end) and len(body) >= (int(length[1]) if length else 0)

    def send(self, request: bytes) -> None:
        self.sent_at = time.perf_counter()
        self.socket.sendall(request)


def run(port: int, path: str, links: int, seconds: float) -> dict[str, object]:
    """Open so many different links, in a random order that is always the same."""
    chosen = random.Random(SEED)  # noqa: S311  an order, not a secret
    requests = [
        f"GET {path}link{index} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode() for index in range(links)
    ]
    statuses: Counter[str] = Counter()
    took: list[float] = []
    requested = broken = 0
    selector = selectors.DefaultSelector()
    begun = time.perf_counter()
    for _ in range(CONNECTIONS):
        client = Client(port)
        selector.register(client.socket, selectors.EVENT_READ, client)
        client.send(chosen.choice(requests))
        requested += 1
    while selector.get_map():
        for key, _ in selector.select(timeout=20):
            client = key.data
            try:
                part = client.socket.recv(65536)
            except OSError:
                part = b""
            if not part:
                broken += 1
                selector.unregister(client.socket)
                continue
            client.received += part
            if not client.is_answered:
                continue
            took.append(time.perf_counter() - client.sent_at)
            statuses[client.received[9:12].decode()] += 1
            client.received = b""
            if time.perf_counter() - begun >= seconds:
                selector.unregister(client.socket)
                continue
            try:
                client.send(chosen.choice(requests))
                requested += 1
            except OSError:
                broken += 1
                selector.unregister(client.socket)
    elapsed = time.perf_counter() - begun
    took.sort()
    return {
        "requested": requested,
        "answered": len(took),
        "broken": broken,
        "per_second": round(len(took) / elapsed),
        "p99_ms": round(took[int(len(took) * 0.99)] * 1000, 2) if took else None,
        "statuses": dict(statuses),
    }


if __name__ == "__main__":
    json.dump(run(int(sys.argv[1]), sys.argv[2], int(sys.argv[3]), float(sys.argv[4])), sys.stdout)
