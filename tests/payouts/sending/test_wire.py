"""A9: nothing inside is called, whatever an address looks like, and whatever its name means later."""

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from payouts.rails import wire

INSIDE = [
    "https://127.0.0.1/",
    "https://[::1]/",
    "https://[::ffff:127.0.0.1]/",
    "https://[::ffff:169.254.169.254]/",
    "https://[64:ff9b::7f00:1]/",
    "https://[2002:7f00:1::]/",
    "https://169.254.169.254/latest/meta-data",
    "https://10.1.2.3/",
    "https://192.168.0.1/",
    "https://100.64.0.1/",
    "https://0.0.0.0/",
    "https://224.0.0.1/",
    "https://[fe80::1]/",
    "https://[fd00::1]/",
]
NAMES = ["https://localhost/", "https://0x7f000001/", "https://2130706433/", "https://127.1/"]
NO_ADDRESS = [
    "http://93.184.216.34/",
    "ftp://host.example/",
    "https://",
    "host.example",
    "https://user:secret@host.example/",
    "https://host.example:0/",
    "https://host.example:99999/",
    "https://host.example/a b",
    "https://host.example/\r\nX: 1",
    "https://[::1",
]


@pytest.fixture(autouse=True)
def _as_in_production(settings):
    settings.OUTGOING_TO_LOOPBACK = False


@pytest.fixture
def connected(monkeypatch):
    """The addresses to which a connection was tried; nobody is called."""
    tried = []

    def refuse(address, timeout):
        tried.append(address[0])
        raise OSError("nobody is called in tests")

    monkeypatch.setattr(socket, "create_connection", refuse)
    return tried


@pytest.mark.parametrize("address", [*INSIDE, *NO_ADDRESS])
def test_an_address_that_can_be_seen_to_be_wrong_is_refused_when_it_is_written(address):
    assert wire.wrong_with(address)


@pytest.mark.parametrize("address", [*INSIDE, *NAMES, *NO_ADDRESS])
def test_nobody_inside_is_called(connected, address):
    with pytest.raises(wire.NotSent):
        wire.call("POST", address, headers={})

    assert connected == []


@pytest.mark.parametrize("inside", ["127.0.0.1", "10.0.0.7", "169.254.169.254", "::1", "::ffff:10.0.0.7"])
def test_a_name_that_means_something_inside_is_not_called_nor_one_that_means_both(
    connected, monkeypatch, inside
):
    def both(host, port, **more):
        return [(0, 0, 0, "", (address, port)) for address in ("93.184.216.34", inside)]

    monkeypatch.setattr(socket, "getaddrinfo", both)

    with pytest.raises(wire.NotSent, match=r"host.example is not out on the internet"):
        wire.call("POST", "https://host.example/", headers={})

    assert connected == []


def test_the_connection_goes_to_what_was_looked_at(connected, monkeypatch):
    """Rebinding: the second look at the name would find another address, so there is none."""
    answers = iter(["93.184.216.34", "127.0.0.1"])
    monkeypatch.setattr(
        socket, "getaddrinfo", lambda host, port, **more: [(0, 0, 0, "", (next(answers), port))]
    )

    with pytest.raises(wire.NotSent):
        wire.call("POST", "https://host.example/", headers={})

    assert connected == ["93.184.216.34"]


def test_on_a_developers_machine_only_that_machine_is_called_without_tls(settings, connected, monkeypatch):
    settings.OUTGOING_TO_LOOPBACK = True

    for address in ("http://127.0.0.1:9/", "http://10.0.0.1/", "http://93.184.216.34/"):
        with pytest.raises(wire.NotSent):
            wire.call("POST", address, headers={})

    assert connected == ["127.0.0.1"]


# --- TLS ------------------------------------------------------------------------------------------------


class Echo(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(201)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: object) -> None:
        """Nobody reads it."""


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """A certificate for this machine that nobody has signed but itself, with its key."""
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(tz=UTC)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "provider")])
    names = x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))])
    made = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    made = made.serial_number(1).not_valid_before(now).not_valid_after(now + timedelta(days=1))
    signed = made.add_extension(names, critical=False).sign(key, hashes.SHA256())
    path = tmp_path_factory.mktemp("tls") / "both.pem"
    pem = serialization.Encoding.PEM
    kept = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    path.write_bytes(kept + signed.public_bytes(pem))
    return path


@contextmanager
def serving(certificate) -> Iterator[int]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    with ThreadingHTTPServer(("127.0.0.1", 0), Echo) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        server.handle_error = lambda *_: None
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()
            thread.join(timeout=5)


def test_a_certificate_that_nobody_knows_is_refused_before_anything_is_sent(settings, certificate):
    settings.OUTGOING_TO_LOOPBACK = True

    with serving(certificate) as port, pytest.raises(wire.NotSent, match="No secure connection"):
        wire.call("POST", f"https://127.0.0.1:{port}/", headers={}, body=b"pay")


def test_within_tls_a_call_is_answered(settings, certificate, monkeypatch):
    settings.OUTGOING_TO_LOOPBACK = True
    knowing = ssl.create_default_context(cafile=str(certificate))
    monkeypatch.setattr(ssl, "create_default_context", lambda: knowing)

    with serving(certificate) as port:
        answer = wire.call("POST", f"https://127.0.0.1:{port}/", headers={}, body=b"pay")

    assert answer == wire.Answer(201, b"pay")
