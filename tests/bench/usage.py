"""What a process takes of the machine, as Linux tells it; elsewhere nothing is known."""

import threading
import time
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

SAMPLED_EVERY_SECONDS = 0.02


@dataclass(frozen=True, slots=True)
class Usage:
    """What some work took, of the process that asked and of the database's process that served it."""

    seconds: float
    cpu_seconds: float | None
    """Of both processes together: other work on the machine hardly changes it."""
    peak_mb: float | None
    """The most that the process had in memory at once since it began, in MiB."""
    backend_mb: float | None
    """The most that the server process had for itself alone; buffers that all share are left out."""


class Measured:
    """
    Measures the work of a block; afterwards ``usage`` says what it took.

    :param backend: the process of the database server that serves this one, if there is one
    """

    usage: Usage

    def __init__(self, *, backend: int | None) -> None:
        self.backend = backend
        self._backend_mb: float | None = None
        self._over = threading.Event()
        self._sampler = threading.Thread(target=self._sample, daemon=True)

    def __enter__(self) -> Self:
        self._sampler.start()
        self._cpu = self._cpu_seconds()
        self._began = time.perf_counter()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        seconds, cpu = time.perf_counter() - self._began, self._cpu_seconds()
        self._over.set()
        self._sampler.join()
        self.usage = Usage(
            seconds=seconds,
            cpu_seconds=None if cpu is None or self._cpu is None else cpu - self._cpu,
            peak_mb=_memory_mb("self", "VmHWM"),
            backend_mb=self._backend_mb,
        )

    def _sample(self) -> None:
        while self.backend and not self._over.wait(SAMPLED_EVERY_SECONDS):
            self._backend_mb = max(_memory_mb(self.backend, "RssAnon") or 0, self._backend_mb or 0) or None

    def _cpu_seconds(self) -> float | None:
        own = time.process_time()
        if self.backend is None:
            return own
        try:
            nanoseconds = Path(f"/proc/{self.backend}/schedstat").read_text().split()[0]
        except OSError:
            return None
        return own + int(nanoseconds) / 1e9


def _memory_mb(pid: int | str, name: str) -> float | None:
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return None
    kilobytes = next((line.split()[1] for line in lines if line.startswith(f"{name}:")), None)
    return round(int(kilobytes) / 1024, 1) if kilobytes else None
