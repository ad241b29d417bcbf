"""The settings: every variable read strictly, nothing needed on a developer's machine."""

import re
import runpy
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured

SETTINGS = Path(__file__).resolve().parent.parent / "config" / "settings.py"
LONG_KEY = "a-random-k3y" * 5

VARIABLES = [
    "ALLOWED_HOSTS",
    "BEHIND_TLS_PROXY",
    "CELERY_BROKER_URL",
    "CSRF_TRUSTED_ORIGINS",
    "DATABASE_URL",
    "DATA_DIR",
    "DEBUG",
    "DEFAULT_FROM_EMAIL",
    "EMAIL_URL",
    "LOG_LEVEL",
    "PAYPAL_URL",
    "REDIS_URL",
    "REQUIRE_SECOND_FACTOR",
    "SECRET_KEY",
    "SECURE_HSTS_INCLUDE_SUBDOMAINS",
    "SECURE_HSTS_PRELOAD",
    "SECURE_HSTS_SECONDS",
    "SECURE_SSL_REDIRECT",
    "SESSION_IDLE_SECONDS",
    "SESSION_SECONDS",
    "SITE_URL",
    "STRIPE_URL",
]


@pytest.fixture
def settings_with(monkeypatch, tmp_path):
    """Read the settings file in an environment that holds these variables and a data folder only."""

    def read(**variables: str) -> dict[str, Any]:
        for name in VARIABLES:
            monkeypatch.delenv(name, raising=False)
        for name, value in ({"DATA_DIR": str(tmp_path)} | variables).items():
            monkeypatch.setenv(name, value)
        return runpy.run_path(str(SETTINGS))

    return read


def test_the_file_reads_no_other_variable_and_says_what_each_is_for():
    text = SETTINGS.read_text()

    read = set(re.findall(r'(?:read|environ\.get)\(\s*"([A-Z_]+)"', text))
    headings = re.findall(r"^# ([A-Z_, ]+):", text, re.MULTILINE)

    assert sorted(read) == VARIABLES
    assert sorted(", ".join(headings).split(", ")) == VARIABLES


def test_a_data_folder_may_have_any_name(settings_with, tmp_path):
    folder = tmp_path / "50% of #1?"

    settings = settings_with(DATA_DIR=str(folder))

    assert settings["DATABASES"]["default"]["NAME"] == folder / "db.sqlite3"


def test_without_any_variable_nothing_but_this_machine_is_needed(settings_with, tmp_path):
    settings = settings_with()

    assert settings["DEBUG"] is True
    assert settings["DATABASES"]["default"]["ENGINE"] == "django.db.backends.sqlite3"
    assert settings["DATABASES"]["default"]["NAME"] == tmp_path / "db.sqlite3"
    assert settings["DATABASES"]["default"]["OPTIONS"]["transaction_mode"] == "IMMEDIATE"
    assert settings["CELERY_BROKER_URL"] == "filesystem://"
    assert {Path(folder).is_dir() for folder in settings["CELERY_BROKER_TRANSPORT_OPTIONS"].values()} == {
        True
    }


def test_an_empty_variable_counts_as_absent(settings_with):
    assert settings_with(DEBUG="", DATABASE_URL=" ", LOG_LEVEL="")["LOG_LEVEL"] == "INFO"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ALLOWED_HOSTS", "*"),
        ("ALLOWED_HOSTS", "https://referrals.example"),
        ("ALLOWED_HOSTS", "referrals.example:443"),
        ("BEHIND_TLS_PROXY", "perhaps"),
        ("CELERY_BROKER_URL", "sqs://queue"),
        ("CSRF_TRUSTED_ORIGINS", "referrals.example"),
        ("DATABASE_URL", "mysql://host/name"),
        ("DATABASE_URL", "nonsense"),
        ("DATABASE_URL", "postgres://host:port/name"),
        ("DATABASE_URL", "postgres://host"),
        ("DATABASE_URL", "sqlite://:memory:"),
        ("DATABASE_URL", "sqlite://"),
        ("DATA_DIR", "/dev/null/below"),
        ("DEBUG", "flase"),
        ("DEFAULT_FROM_EMAIL", "Referrals"),
        ("EMAIL_URL", "mail.company.example"),
        ("EMAIL_URL", "smtp://"),
        ("EMAIL_URL", "smtp://host:many"),
        ("SITE_URL", "referrals.example"),
        ("SITE_URL", "ftp://referrals.example"),
        ("SITE_URL", "https://"),
        ("SITE_URL", "https://referrals.example/admin/"),
        ("LOG_LEVEL", "LOUD"),
        ("REDIS_URL", "http://host"),
        ("REDIS_URL", "redis://host:many/0"),
        ("REQUIRE_SECOND_FACTOR", "later"),
        ("SECURE_HSTS_INCLUDE_SUBDOMAINS", "2"),
        ("SECURE_HSTS_PRELOAD", "y"),
        ("SECURE_HSTS_SECONDS", "-1"),
        ("SECURE_HSTS_SECONDS", "a year"),
        ("SECURE_SSL_REDIRECT", "maybe"),
        ("SESSION_IDLE_SECONDS", "599"),
        ("SESSION_SECONDS", "12 h"),
    ],
)
def test_a_value_that_makes_no_sense_is_refused_by_name(settings_with, name, value):
    with pytest.raises(ImproperlyConfigured) as refusal:
        settings_with(**{name: value})

    assert str(refusal.value).startswith(f"{name}={value!r} is refused")
    assert "Allowed: " in str(refusal.value)


def test_a_refusal_shows_no_password(settings_with):
    with pytest.raises(ImproperlyConfigured) as refusal:
        settings_with(DATABASE_URL="mysql://user:hunter2@host/name")

    assert "hunter2" not in str(refusal.value)


@pytest.mark.parametrize("key", ["", "short", "x" * 60, "django-insecure-" + LONG_KEY])
def test_without_debug_a_weak_key_is_refused_and_not_shown(settings_with, key):
    with pytest.raises(ImproperlyConfigured) as refusal:
        settings_with(DEBUG="no", SECRET_KEY=key, ALLOWED_HOSTS="referrals.example")

    assert str(refusal.value).startswith(f"SECRET_KEY ({len(key)} characters, not shown) is refused")


def test_without_debug_a_host_name_is_required(settings_with):
    with pytest.raises(ImproperlyConfigured, match=r"^ALLOWED_HOSTS=''"):
        settings_with(DEBUG="no", SECRET_KEY=LONG_KEY)


def test_a_key_may_begin_with_a_dollar_sign(settings_with):
    assert settings_with(SECRET_KEY="$" + LONG_KEY)["SECRET_KEY"] == "$" + LONG_KEY


def test_production_is_safe_by_default(settings_with):
    settings = settings_with(DEBUG="no", SECRET_KEY=LONG_KEY, ALLOWED_HOSTS="referrals.example, [::1]")

    assert settings["ALLOWED_HOSTS"] == ["referrals.example", "[::1]"]
    assert settings["SECURE_SSL_REDIRECT"] is True
    assert settings["SECURE_HSTS_SECONDS"] == 31_536_000
    assert (settings["SESSION_COOKIE_SECURE"], settings["CSRF_COOKIE_SECURE"]) == (True, True)
    assert settings["REQUIRE_SECOND_FACTOR"] is True
    assert settings["ACCOUNT_LOGIN_BY_CODE_ENABLED"] is False, (
        "a code in a log would be a log-in for its readers"
    )
    assert "SECURE_PROXY_SSL_HEADER" not in settings


@pytest.mark.parametrize(
    ("address", "port", "tls"),
    [
        ("smtp://app%40company:s%3Acret@mail.company.example", 587, (False, True)),
        ("smtps://app%40company:s%3Acret@mail.company.example:2465", 2465, (True, False)),
    ],
)
def test_mails_go_through_the_server_that_is_named(settings_with, address, port, tls):
    settings = settings_with(EMAIL_URL=address, DEFAULT_FROM_EMAIL="Referrals <hello@company.example>")

    assert (settings["EMAIL_HOST"], settings["EMAIL_PORT"]) == ("mail.company.example", port)
    assert (settings["EMAIL_HOST_USER"], settings["EMAIL_HOST_PASSWORD"]) == ("app@company", "s:cret")
    assert (settings["EMAIL_USE_SSL"], settings["EMAIL_USE_TLS"]) == tls
    assert settings["ACCOUNT_LOGIN_BY_CODE_ENABLED"] is True


def test_every_variable_is_in_the_readme():
    rows = re.findall(
        r"^\| (`[A-Z_`, ]+) \|", (SETTINGS.parent.parent / "README.md").read_text(), re.MULTILINE
    )

    assert sorted(re.findall(r"`([A-Z_]+)`", " ".join(rows))) == VARIABLES


def test_a_proxy_is_trusted_only_when_told(settings_with):
    settings = settings_with(BEHIND_TLS_PROXY="yes")

    assert settings["SECURE_PROXY_SSL_HEADER"] == ("HTTP_X_FORWARDED_PROTO", "https")
    assert settings["AXES_IPWARE_META_PRECEDENCE_ORDER"] == ("HTTP_X_FORWARDED_FOR",)


def test_postgresql_over_the_network_and_over_a_socket(settings_with):
    network = settings_with(DATABASE_URL="postgres://app:s%40cret@db:5433/referrals?sslmode=require")
    socket = settings_with(DATABASE_URL="postgresql://app@/referrals?host=/run/postgresql")

    described = network["DATABASES"]["default"]
    assert (described["HOST"], described["PORT"], described["PASSWORD"]) == ("db", 5433, "s@cret")
    assert described["OPTIONS"] == {
        "sslmode": "require",
        "prepare_threshold": 5,
        "connect_timeout": 10,
        "options": "-c join_collapse_limit=12 -c from_collapse_limit=12",
    }
    assert socket["DATABASES"]["default"]["OPTIONS"]["host"] == "/run/postgresql"
    assert socket["DATABASES"]["default"]["ENGINE"] == "django.db.backends.postgresql"


def test_messages_go_through_redis_where_there_is_one(settings_with):
    settings = settings_with(REDIS_URL="redis://cache:6379/1")

    assert settings["CELERY_BROKER_URL"] == "redis://cache:6379/1"
    assert settings["CACHES"]["default"]["LOCATION"] == "redis://cache:6379/1"
    assert settings["CELERY_BROKER_TRANSPORT_OPTIONS"] == {}
