"""
The settings of one installation, all of them from environment variables.

Without any variable everything runs on this machine alone: SQLite, a folder as message broker, no server.
A value that makes no sense stops the start; the message names the variable, the value and what is allowed.
"""

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote, urlsplit

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
            "TEST": {"NAME": str(DATA_DIR / "test.sqlite3")},
        }
    return {"CONN_MAX_AGE": 60, "CONN_HEALTH_CHECKS": True} | described


# --- what an installation sets ---------------------------------------------------------------------------

SWITCH = "yes or no (also true, false, on, off, 1, 0)"

# DEBUG: yes on a developer's machine, no wherever somebody else can reach the site.
DEBUG = read("DEBUG", yes_or_no, default="yes", allowed=SWITCH)

# SECRET_KEY: signs sessions and links; at least 50 random characters. Not needed with DEBUG=yes.
INSECURE = "django-insecure-"
SECRET_KEY = os.environ.get("SECRET_KEY", "").strip() or (
    INSECURE + "for-a-developers-machine" if DEBUG else ""
)
if not DEBUG and (len(SECRET_KEY) < 50 or len(set(SECRET_KEY)) < 5 or SECRET_KEY.startswith(INSECURE)):
    raise ImproperlyConfigured(
        f"SECRET_KEY ({len(SECRET_KEY)} characters, not shown) is refused. "
        "Allowed with DEBUG=no: at least 50 random characters."
    )

# ALLOWED_HOSTS: the names under which the site is reached, separated by commas. With DEBUG=yes this machine
# is always allowed; without, at least one name is required.
ALLOWED_HOSTS = read(
    "ALLOWED_HOSTS",
    list_of(r"\.?[a-z0-9-]+(\.[a-z0-9-]+)*|\[[0-9a-f:]+\]"),
    default="",
    allowed="host names without scheme or port, separated by commas; no *",
)
if not ALLOWED_HOSTS and not DEBUG:
    raise ImproperlyConfigured("ALLOWED_HOSTS='' is refused. Allowed with DEBUG=no: at least one host name.")

# CSRF_TRUSTED_ORIGINS: origins of forms, where a proxy changes the host name.
CSRF_TRUSTED_ORIGINS = read(
    "CSRF_TRUSTED_ORIGINS",
    list_of(r"https?://(\*\.)?[a-z0-9-]+(\.[a-z0-9-]+)*(:[0-9]{1,5})?"),
    default="",
    allowed="origins such as https://referrals.example, separated by commas",
)

# DATA_DIR: folder of what this installation writes: the SQLite database, messages, collected static files.
DATA_DIR = read("DATA_DIR", folder, default=".data", allowed="a folder that can be made and written")

# DATABASE_URL: the database; PostgreSQL in production.
DATABASES = {
    "default": read(
        "DATABASE_URL",
        database,
        default=f"sqlite:///{quote(str(DATA_DIR / 'db.sqlite3'))}",
        allowed="postgres://user:password@host:port/name, postgres://user@/name?host=/folder/of/the/socket "
        "or sqlite:////path/of/a/file",
    )
}

# REDIS_URL: a Redis server, for everything that wants one.
REDIS_URL = read(
    "REDIS_URL", url_of("redis", "rediss"), default="", allowed="redis://host:port/number or rediss://…"
)

# CELERY_BROKER_URL: carries the messages between web, beat and workers. Absent: Redis if there is one, else
# a folder under DATA_DIR. With memory:// no other process hears a message.
CELERY_BROKER_URL = read(
    "CELERY_BROKER_URL",
    url_of("redis", "rediss", "amqp", "amqps", "filesystem", "memory"),
    default=REDIS_URL or "filesystem://",
    allowed="redis://…, rediss://…, amqp://…, amqps://…, filesystem:// or memory://",
)

# LOG_LEVEL: what is logged to the standard error output.
LOG_LEVEL = read(
    "LOG_LEVEL", log_level, default="INFO", allowed="one of DEBUG, INFO, WARNING, ERROR, CRITICAL"
)

PRODUCTION = "no" if DEBUG else "yes"

# SECURE_SSL_REDIRECT: answer plain HTTP with a redirect to HTTPS. Default: yes unless DEBUG.
SECURE_SSL_REDIRECT = read("SECURE_SSL_REDIRECT", yes_or_no, default=PRODUCTION, allowed=SWITCH)

# SECURE_HSTS_SECONDS: for how long browsers shall insist on HTTPS. Default: a year unless DEBUG.
SECURE_HSTS_SECONDS = read(
    "SECURE_HSTS_SECONDS",
    seconds,
    default="0" if DEBUG else "31536000",
    allowed="a whole number of seconds from 0 to 999999999",
)

# SECURE_HSTS_INCLUDE_SUBDOMAINS, SECURE_HSTS_PRELOAD: the two extensions of that promise. Default: yes
# unless DEBUG.
SECURE_HSTS_INCLUDE_SUBDOMAINS = read(
    "SECURE_HSTS_INCLUDE_SUBDOMAINS", yes_or_no, default=PRODUCTION, allowed=SWITCH
)
SECURE_HSTS_PRELOAD = read("SECURE_HSTS_PRELOAD", yes_or_no, default=PRODUCTION, allowed=SWITCH)

# BEHIND_TLS_PROXY: yes only behind a proxy that ends TLS and always sets or removes X-Forwarded-Proto
# itself; anyone else could send the header, too.
if read("BEHIND_TLS_PROXY", yes_or_no, default="no", allowed=SWITCH):
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")

# --- the same in every installation ----------------------------------------------------------------------

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django_filters",
    "referrals",
    "payouts",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]

ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]

AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]

SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = not DEBUG

LANGUAGE_CODE = "en"
USE_TZ = True
# Instants are stored and logged in UTC; each program has a time zone of its own.
TIME_ZONE = "UTC"

STATIC_URL = "static/"
STATIC_ROOT = DATA_DIR / "static"

CELERY_BEAT_SCHEDULE_FILENAME = str(DATA_DIR / "celerybeat-schedule")
CELERY_BROKER_TRANSPORT_OPTIONS: dict[str, Any] = {}
if CELERY_BROKER_URL.startswith("filesystem:"):
    # One folder for both ways. Kombu makes only the control folder, and a worker dies without the other.
    messages = str(folder(str(DATA_DIR / "messages")))
    CELERY_BROKER_TRANSPORT_OPTIONS = {
        "data_folder_in": messages,
        "data_folder_out": messages,
        "control_folder": str(folder(str(DATA_DIR / "messages-control"))),
    }

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "{asctime} {levelname} {name}: {message}", "style": "{"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["console"], "level": LOG_LEVEL},
}
