"""
Reading an environment variable: what text is allowed, and what it means.

Each parser raises ValueError for what it refuses; ``read`` names the variable, the value and what is allowed.
"""

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import unquote, urlsplit

import environ
from django.core.exceptions import ImproperlyConfigured

BASE_DIR = Path(__file__).resolve().parent.parent

Value = TypeVar("Value")


def read(name: str, parse: Callable[[str], Value], *, default: str, allowed: str) -> Value:
    """
    Return the value of a variable; one that is empty counts as absent.

    :raises ImproperlyConfigured: if the parser refuses the value
    """
    # Not through django-environ: it takes a value that begins with "$" for the name of another variable.
    text = os.environ.get(name, "").strip() or default
    try:
        return parse(text)
    except (ValueError, OSError) as refusal:
        shown = re.sub(r"://.*@", "://…@", text)  # no password in a log
        raise ImproperlyConfigured(f"{name}={shown!r} is refused ({refusal}). Allowed: {allowed}.") from None


def yes_or_no(text: str) -> bool:
    """Read a switch; unlike Django-environ's own, a typing error is not taken for a no."""
    if text.lower() in {"true", "yes", "on", "1"}:
        return True
    if text.lower() in {"false", "no", "off", "0"}:
        return False
    raise ValueError("neither yes nor no")


def folder(text: str) -> Path:
    """Return the folder, made if need be; a relative one lies in the project."""
    path = BASE_DIR / Path(text).expanduser()
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    return path


def seconds(text: str) -> int:
    """Read a number of seconds, from zero up."""
    if not re.fullmatch(r"[0-9]{1,9}", text):
        raise ValueError("not a number of seconds")
    return int(text)


def seconds_from(least: int) -> Callable[[str], int]:
    """Return a parser of numbers of seconds that are not smaller than that."""

    def parse(text: str) -> int:
        if (number := seconds(text)) < least:
            raise ValueError(f"less than {least}")
        return number

    return parse


def log_level(text: str) -> str:
    """Read the name of a log level."""
    if text.upper() not in {"DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"}:
        raise ValueError("not a level")
    return text.upper()


def list_of(pattern: str) -> Callable[[str], list[str]]:
    """Return a parser of lists, separated by commas, whose every item has that form."""

    def parse(text: str) -> list[str]:
        items = [item.strip() for item in text.split(",") if item.strip()]
        if wrong := [item for item in items if not re.fullmatch(pattern, item, re.IGNORECASE)]:
            raise ValueError(f"{wrong[0]!r} does not fit")
        return items

    return parse


def url_of(*schemes: str) -> Callable[[str], str]:
    """Return a parser of addresses of these schemes; an empty one stays empty."""

    def parse(text: str) -> str:
        parts = urlsplit(text)
        if text and parts.scheme not in schemes:
            raise ValueError("another scheme")
        _ = parts.port  # raises ValueError if it is no number
        return text

    return parse


def address(text: str) -> str:
    """Read an e-mail address, with or without a name before it."""
    if not re.fullmatch(r"[^<>@]+@[^<>@\s]+|[^<>@]+ <[^<>@\s]+@[^<>@\s]+>", text):
        raise ValueError("not an e-mail address")
    return text


def site(text: str) -> str:
    """Read the address of a site, without a path."""
    parts = urlsplit(url_of("http", "https")(text))
    if not parts.hostname or parts.path.strip("/") or parts.query or parts.fragment:
        raise ValueError("not the address of a site")
    return text.rstrip("/")


def payment_service(text: str) -> str:
    """Read the address of a payment service, with the password of an account; an empty one stays empty."""
    parts = urlsplit(url_of("http", "https")(text))
    if text and not (parts.hostname and parts.password):
        raise ValueError("no server named, or no password")
    if parts.query or parts.fragment:
        raise ValueError("more than an address")
    return text


def mail_server(text: str) -> dict[str, Any]:
    """Return Django's settings for sending mail through that address; an empty one shows mails in the log."""
    parts = urlsplit(url_of("smtp", "smtps")(text))
    if not text:
        return {"EMAIL_BACKEND": "django.core.mail.backends.console.EmailBackend"}
    if not parts.hostname:
        raise ValueError("no server named")
    within_tls = parts.scheme == "smtps"
    return {
        "EMAIL_BACKEND": "django.core.mail.backends.smtp.EmailBackend",
        "EMAIL_HOST": parts.hostname,
        "EMAIL_PORT": parts.port or (465 if within_tls else 587),
        "EMAIL_HOST_USER": unquote(parts.username or ""),
        "EMAIL_HOST_PASSWORD": unquote(parts.password or ""),
        "EMAIL_USE_SSL": within_tls,
        "EMAIL_USE_TLS": not within_tls,
        "EMAIL_TIMEOUT": 10,
    }


# A line of a page joins up to ten tables. Beyond eight PostgreSQL keeps the order of the query,
# and reads a million accounts before it looks which of them are asked for.
PLANNED_TOGETHER = "-c join_collapse_limit=12 -c from_collapse_limit=12"


def database(text: str) -> dict[str, Any]:
    """Return Django's description of the database at that address."""
    # The scheme first: of an unknown one, django-environ makes a database without engine and only warns.
    scheme = urlsplit(url_of("postgres", "postgresql", "sqlite")(text)).scheme
    described: dict[str, Any] = dict(environ.Env.db_url_config(text))
    if described.get("NAME") in {None, "", ":memory:"}:
        raise ValueError("no database named")
    if scheme == "sqlite":
        return described | {
            "NAME": BASE_DIR / described["NAME"],
            "OPTIONS": {
                # In the default mode a read that turns into a write fails at once with "database is
                # locked", whatever the timeout.
                "transaction_mode": "IMMEDIATE",
                "timeout": 20,
                # Without recursive triggers REPLACE deletes a row of an append-only table unseen.
                "init_command": (
                    "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA recursive_triggers=ON;"
                ),
            },
            # A file: a database in memory cannot be shared by threads.
            "TEST": {"NAME": str((BASE_DIR / described["NAME"]).with_name("test.sqlite3"))},
        }
    # Django itself prepares no statement, and by default lets nobody: the facts of the host ask for it.
    # A server that is away is given up, so that a process which is told to end does end.
    options = {"prepare_threshold": 5, "connect_timeout": 10, "options": PLANNED_TOGETHER}
    options |= described.get("OPTIONS", {})
    return {"CONN_MAX_AGE": 60, "CONN_HEALTH_CHECKS": True} | described | {"OPTIONS": options}
