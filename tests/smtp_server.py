"""A mail server for tests: it speaks enough SMTP to take mails, refuse some, and keep them."""

import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_bytes, policy
from email.message import EmailMessage


class MailServer(socketserver.ThreadingTCPServer):
    """Takes mails on a port of its own; what it took stands in ``taken``."""

    allow_reuse_address = daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Conversation)
        self.taken: list[EmailMessage] = []
        self.refused_addresses: set[str] = set()

    @property
    def port(self) -> int:
        return int(self.server_address[1])


class _Conversation(socketserver.StreamRequestHandler):
    server: MailServer

    def handle(self) -> None:
        self._say(220, "ready")
        while line := self.rfile.readline().decode().strip():
            verb = line.partition(" ")[0].upper()
            if verb == "QUIT":
                self._say(221, "bye")
                return
            if verb == "DATA":
                self._say(354, "go on")
                self.server.taken.append(message_from_bytes(self._data(), policy=policy.default))
                self._say(250, "taken")
            elif verb == "RCPT" and line.partition("<")[2].rstrip(">") in self.server.refused_addresses:
                self._say(550, "no such person here")
            else:
                self._say(250, "fine")

    def _data(self) -> bytes:
        lines = []
        while (line := self.rfile.readline()) != b".\r\n":
            lines.append(line.removeprefix(b".") if line.startswith(b"..") else line)
        return b"".join(lines)

    def _say(self, code: int, text: str) -> None:
        self.wfile.write(f"{code} {text}\r\n".encode())


@contextmanager
def listening() -> Iterator[MailServer]:
    """A server that runs meanwhile."""
    with MailServer() as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join(timeout=5)
