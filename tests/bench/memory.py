"""What a process takes of the machine's memory, as Linux tells it; elsewhere nothing is known."""

import threading
from pathlib import Path
from types import TracebackType
from typing import Self

SAMPLED_EVERY_SECONDS = 0.02


def peak_mb(pid: int | str = "self") -> float | None:
    """The most that a process has had in memory at once since it began, in MiB."""
    return _told(pid, "VmHWM")


class Sampled:
    """
    Looks at another process while a block runs: ``peak_mb`` is the most that it had for itself alone.

    What it shares with others, such as the buffers of a database server, is left out.
    """

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.peak_mb: float | None = None
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._over.wait(SAMPLED_EVERY_SECONDS):
            seen = _told(self.pid, "RssAnon")
            if seen is not None:
                self.peak_mb = max(seen, self.peak_mb or 0)


def _told(pid: int | str, name: str) -> float | None:
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return None
    kilobytes = next((line.split()[1] for line in lines if line.startswith(f"{name}:")), None)
    return round(int(kilobytes) / 1024, 1) if kilobytes else None
