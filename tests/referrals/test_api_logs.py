"""What the API leaves in the log: how it answered, and why it broke, but never a key, a secret or a body."""

import logging
from datetime import UTC, datetime

import pytest
import structlog
from django.conf import settings
from django.test import Client

from referrals import events, intake
from tests.host import EVENTS, SIGN_UPS, HostSoftware, event, post
from tests.story import Story

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 2, 2, 12, tzinfo=UTC)
COMPANY = {"program": "smartcat", "account": "canary-account", "email": "canary@acme.example"}


@pytest.fixture
def host(time_machine) -> HostSoftware:
    time_machine.move_to(NOW, tick=False)
    return HostSoftware(Story("smartcat").client, at=NOW)


@pytest.fixture
def log(caplog):
    """The lines as they are written: in words on a developer's machine, in JSON elsewhere."""
    words = structlog.stdlib.ProcessorFormatter(
        **{name: value for name, value in settings.LOGGING["formatters"]["line"].items() if name != "()"}
    )
    caplog.set_level(logging.DEBUG)
    return lambda: "\n".join(map(words.format, caplog.records))


@pytest.fixture
def out_of_order(monkeypatch):
    """Decisions that break, with what they were told at hand; the host is answered 500."""

    def broken(*told: object, **more: object) -> None:
        raise RuntimeError("out of order")

    monkeypatch.setattr(events, "record_all", broken)
    monkeypatch.setattr(intake, "sign_up", broken)
    monkeypatch.setattr("tests.host.Client", lambda: Client(raise_request_exception=False))


def secrets_of(host: HostSoftware) -> list[str]:
    return [host.secret, host.secret.removeprefix("whsec_"), host.key, host.key.partition(".")[2]]


def told_everything(host: HostSoftware) -> list[int]:
    sign_up = COMPANY | {"occurred_at": "2026-02-02T11:00:00Z"}
    answers = [host.tell(event("canary-event", "canary-account")), host.tell_sign_up(sign_up)]
    return [answer.status_code for answer in answers]


def test_what_is_taken_in_is_not_told_to_the_log(host, log):
    assert told_everything(host) == [202, 201]

    assert f"POST {EVENTS}" in log()
    assert f"POST {SIGN_UPS}" in log()
    assert [told for told in [*secrets_of(host), "canary"] if told in log()] == []


def test_what_is_refused_is_not_told_to_the_log(host, log):
    forged = {"authorization": f"Basic {host.key}", "webhook-signature": f"v1,{host.secret}"}

    assert post(EVENTS, b"canary", forged).status_code == 401
    assert post(SIGN_UPS, b"canary", forged).status_code == 401
    assert host.tell_sign_up(COMPANY | {"canary": 1}).status_code == 422

    assert f"POST {EVENTS}" in log()
    assert [told for told in [*secrets_of(host), "canary"] if told in log()] == []


def test_the_trace_of_an_error_shows_no_values(host, log, out_of_order):
    """As the library comes, a trace on a developer's machine shows the values of all variables."""
    assert told_everything(host) == [500, 500]

    assert log().count("RuntimeError: out of order") == 2
    assert [told for told in [*secrets_of(host), "canary"] if told in log()] == []
