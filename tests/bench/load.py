"""A load generator: connections that each send the next prepared request as soon as the last is answered."""

import asyncio
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field


@dataclass
class Load:
    """What came of a round."""

    seconds: float = 0.0
    statuses: Counter[int] = field(default_factory=Counter)
    latencies: list[float] = field(default_factory=list)

    @property
    def per_second(self) -> float:
        return len(self.latencies) / self.seconds

    def percentile(self, share: float) -> float:
        """In milliseconds."""
        ordered = sorted(self.latencies)
        return 1_000 * ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def request(path: str, body: bytes, headers: dict[str, str], *, method: str = "POST") -> bytes:
    """A request as it is written on the wire."""
    lines = [f"{method} {path} HTTP/1.1", "host: localhost", f"content-length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode() + body


def send(port: int, requests: Iterator[bytes], *, connections: int, seconds: float) -> Load:
    """Send requests for so long; those on the way at the end are waited for and counted."""
    return asyncio.run(_send(port, requests, connections=connections, seconds=seconds))


async def _send(port: int, requests: Iterator[bytes], *, connections: int, seconds: float) -> Load:
    load = Load()
    loop = asyncio.get_running_loop()
    ends_at = time.perf_counter() + seconds
    over = [loop.create_future() for _ in range(connections)]
    began_at = time.perf_counter()
    for done in over:
        await loop.create_connection(
            lambda done=done: _Connection(requests, load, ends_at, done), "127.0.0.1", port
        )
    await asyncio.gather(*over)
    load.seconds = time.perf_counter() - began_at
    return load


class _Connection(asyncio.Protocol):
    """One connection, kept open. Answers must tell their length."""

    def __init__(
        self, requests: Iterator[bytes], load: Load, ends_at: float, done: asyncio.Future[None]
    ) -> None:
        self.requests, self.load, self.ends_at, self.done = requests, load, ends_at, done
        self.received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self._send_next()

    def data_received(self, data: bytes) -> None:
        self.received += data
        head, blank, body = self.received.partition(b"\r\n\r\n")
        if not blank:
            return
        length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n", 1)[0])
        if len(body) < length:
            return
        self.load.latencies.append(time.perf_counter() - self.sent_at)
        self.load.statuses[int(head[9:12])] += 1
        self.received = b""
        if time.perf_counter() < self.ends_at:
            self._send_next()
        else:
            self.transport.close()

    def connection_lost(self, error: Exception | None) -> None:
        if self.done.done():
            return
        if error or self.received:
            self.done.set_exception(error or ConnectionError("closed in the middle of an answer"))
        else:
            self.done.set_result(None)

    def _send_next(self) -> None:
        prepared = next(self.requests, None)
        if prepared is None:
            self.done.set_exception(RuntimeError("faster than requests were prepared: no figure counts"))
            self.transport.abort()
            return
        self.sent_at = time.perf_counter()
        self.transport.write(prepared)
