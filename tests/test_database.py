"""The database of the tests: the one asked for, refusing what it shall, the same for each test."""

import os
from datetime import UTC, datetime

import psycopg
import pytest
from django.db import connection

from referrals import triggers
from referrals.models import AccountEvent, ApiClient, Calendar, Holiday, Host
from referrals.rules.facts import EventType


@pytest.fixture(params=["first", "second"])
def an_event_in_the_books(request, transactional_db):
    """An append-only row, committed; asked for twice, it meets an empty table twice."""
    host = Host.objects.create(slug="host", name="Host")
    noon = datetime(2026, 3, 2, 12, tzinfo=UTC)
    return AccountEvent.objects.create(
        client=ApiClient.objects.create(host=host, name=request.param),
        event_id="event-1",
        host=host,
        host_account="acme",
        type=next(iter(EventType)).value,
        occurred_at=noon,
        received_at=noon,
    )


@pytest.fixture(scope="session")
def as_migrated(django_db_setup, django_db_blocker):
    """What the migrations left: calendars, holidays and triggers."""
    with django_db_blocker.unblock():
        return Calendar.objects.count(), Holiday.objects.count(), triggers.installed(connection)


@pytest.mark.each_database
def test_the_database_is_the_one_asked_for(pytestconfig):
    asked = os.environ["DATABASE_URL"].partition(":")[0]

    assert connection.vendor == {"postgres": "postgresql"}.get(asked, asked)


def test_a_transactional_test_leaves_the_database_as_migrated(as_migrated, an_event_in_the_books):
    assert list(AccountEvent.objects.all()) == [an_event_in_the_books]
    assert (Calendar.objects.count(), Holiday.objects.count(), triggers.installed(connection)) == as_migrated
    assert min(as_migrated[:2]) > 0
    assert "referrals_accountevent_refuses_delete" in as_migrated[2]


@pytest.mark.parametrize("statement", ["UPDATE {} SET id = id", "DELETE FROM {}", "TRUNCATE {} CASCADE"])
def test_the_application_role_cannot_touch_append_only_rows(
    application_role_connection, append_only_tables, statement
):
    assert "payouts_transfer" in append_only_tables

    for table in append_only_tables:
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            application_role_connection.execute(statement.format(table))
        application_role_connection.rollback()


def test_the_application_role_can_read_and_add(application_role_connection):
    added = application_role_connection.execute(
        "INSERT INTO referrals_host (slug, name) VALUES ('host', 'Host') RETURNING slug"
    )

    assert added.fetchone() == ("host",)
