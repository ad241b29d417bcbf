"""The web server as production runs it, in processes of its own: to be killed, and to be measured."""

import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

BASE_DIR = Path(__file__).resolve().parent.parent


class Server:
    """Granian with Django on a port of this machine."""

    def __init__(
        self, url: str, folder: Path, *, workers: int = 1, threads: int = 4, **variables: str
    ) -> None:
        self.port = _free_port()
        self.environment = as_in_production(url, folder) | variables
        self.log = folder / "server.log"
        self.command = [sys.executable, "-m", "granian", "--interface", "wsgi", "config.wsgi:application"]
        self.command += ["--host", "127.0.0.1", "--port", str(self.port), "--workers", str(workers)]
        self.command += ["--blocking-threads", str(threads), "--no-ws"]
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start, and wait until it answers."""
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                self.command,
                cwd=BASE_DIR,
                env=self.environment,
                stdout=log,
                stderr=log,
                # A group of its own: killing it kills the workers, too.
                start_new_session=True,
            )
        for _ in range(300):
            if self.process.poll() is not None:
                break
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
            except OSError:
                time.sleep(0.1)
            else:
                return
        self.kill()
        raise RuntimeError(f"The server did not start:\n{self.log.read_text()[-2_000:]}")

    def kill(self) -> None:
        """Kill it and its workers by SIGKILL: nothing is tidied up."""
        if self.process is not None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
            self.process = None


@contextmanager
def running(url: str, folder: Path, **more: object) -> Iterator[Server]:
    """A server on the database of that address; ``folder`` takes its log and its data."""
    server = Server(url, folder, **more)
    server.start()
    try:
        yield server
    finally:
        server.kill()


def as_in_production(url: str, folder: Path) -> dict[str, str]:
    """The environment of a process on the database of that address, without what makes development easy."""
    return os.environ | {
        "DATABASE_URL": url,
        "DATA_DIR": str(folder),
        "DEBUG": "no",
        "SECRET_KEY": secrets.token_hex(32),
        "ALLOWED_HOSTS": "localhost",
        "SECURE_SSL_REDIRECT": "no",
        "DJANGO_SETTINGS_MODULE": "config.settings",
        "PYTHONPATH": str(BASE_DIR),
    }


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
