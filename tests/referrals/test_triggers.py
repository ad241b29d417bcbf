"""What the database refuses by itself, attacked as rows, as querysets and as SQL."""

from collections.abc import Iterator
from contextlib import suppress
from importlib import import_module
from pathlib import Path

import pytest
from django.apps import apps
from django.core.management import call_command
from django.db import IntegrityError, connection, connections, models, transaction
from django.db.migrations.executor import MigrationExecutor
from django.db.utils import ConnectionHandler

from payouts import closing, host_spends, withdrawals
from payouts.host_spends import SpendTold
from payouts.models import Arrival, LedgerAccount, PaymentLine, Payout, SetOff
from payouts.payments import reports
from payouts.program_files import latest_terms
from referrals import events, triggers
from referrals.models import AccountEvent, Calendar, Click, Holiday, Terms
from tests import payments
from tests.factories import LATER, EnrollmentFactory, TermsFactory
from tests.story import Story

OF_REFERRALS = import_module("referrals.migrations.0002_triggers_and_calendars")
OF_CLICKS = import_module("referrals.migrations.0004_clicks")
OF_PAYOUTS = import_module("payouts.migrations.0002_triggers")
OF_PAYMENTS = import_module("payouts.migrations.0005_payments")
OF_SIGNING = import_module("payouts.migrations.0006_signing")
OF_CLOSING = import_module("payouts.migrations.0007_closing")
OF_SENDERS = import_module("payouts.migrations.0008_senders")
OF_SET_OFF = import_module("payouts.migrations.0009_set_off")
OF_FEES = import_module("payouts.migrations.0012_fees")
OF_PAYMENT_TABLES = [OF_PAYMENTS, OF_SIGNING, OF_CLOSING, OF_SENDERS, OF_SET_OFF, OF_FEES]
WITH_TRIGGERS = [OF_REFERRALS, OF_CLICKS, OF_PAYOUTS, *OF_PAYMENT_TABLES]
APPEND_ONLY = sorted(table for migration in WITH_TRIGGERS for table in migration.APPEND_ONLY)
FROZEN = sorted([*OF_REFERRALS.TERMS_OF, *OF_PAYOUTS.TERMS_OF])
# Publishing is an update of the terms, and new terms are rows of their own.
EXPECTED = sorted(
    [f"{table}_refuses_{step}" for table in APPEND_ONLY for step in ("update", "delete")]
    + [f"{table}_refuses_{step}" for table in FROZEN for step in ("insert", "update", "delete")]
    + [
        f"{table}_refuses_{step}"
        for table in [*OF_PAYMENTS.KEPT, *OF_SENDERS.NEW]
        for step in ("update", "delete")
    ]
    + ["payouts_payout_refuses_update"]
    + [f"{OF_SIGNING.BATCH}_refuses_update"]
    # Nothing is posted into a closed month.
    + ["payouts_transfer_refuses_insert", "payouts_transfer_refuses_credit"]
)
EXPECTED.remove("referrals_terms_refuses_insert")

OURS = {
    model._meta.db_table: model
    for app in ("referrals", "payouts")
    for model in apps.get_app_config(app).get_models()
}


def rows(table: str) -> list[tuple[object, ...]]:
    return list(OURS[table]._default_manager.order_by("pk").values_list())


def attack(statement: str, table: str) -> None:
    """Carry out a statement on the first row of a table: its ``{key}``, and a ``{column}`` beside it."""
    column = next(field.column for field in OURS[table]._meta.concrete_fields if not field.primary_key)
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement.format(table=table, column=column, key=rows(table)[0][0]))


ATTACKS = [
    "UPDATE {table} SET id = id",
    "UPDATE {table} SET {column} = {column} WHERE id = {key}",
    "DELETE FROM {table}",
    "DELETE FROM {table} WHERE id = {key}",
]
# Two more ways to overwrite a row. SQLite's own, REPLACE, deletes what stands in its way.
UPSERT = (
    "INSERT INTO {table} SELECT * FROM {table} WHERE id = {key}"
    " ON CONFLICT (id) DO UPDATE SET {column} = excluded.{column}"
)
REPLACE = "REPLACE INTO {table} SELECT * FROM {table} WHERE id = {key}"


# --- append-only --------------------------------------------------------------------------------------


@pytest.fixture
def full_books(db) -> Story:
    """A story that leaves a row in every append-only table."""
    story = Story("smartcat", {"rewards.new_customer.transferable": True})
    bonus = story.earn()
    story.call(bonus.account)
    Click.objects.create(link=story.enrollment().links.get(), clicked_at=story.now, times=1)
    wrong = story.tell("nobody", "account.paused")
    events.void(wrong, by=story.cara, approved_by=story.sam, at=story.now)
    story.pass_to("2026-03-16T00:05Z")
    rosas, bens = story.enrollment(), story.enrollment(story.ben)
    withdrawals.spend(rosas, amount_minor=100, service="translation", at=story.now)
    withdrawals.transfer(rosas, receiver=bens, amount_minor=100, at=story.now)
    withdrawals.withdraw(rosas, amount_minor=100, at=story.now)
    story.method = payments.pays_by(story, fee_fixed_minor=1)
    payments.is_paid_to(story)
    _owed_and_arrived(payments.sent(story).lines.get(), story)
    reports.read_in(
        story.program, name="bank.csv", content=b"reference,result\nP0,PAID", by=story.fay, at=story.now
    )
    payments.told_to_host(story.client, rosas, by=story.finn, at=story.now)
    told = Story("smartcat", {"payout_schedule.release": "AFTER_APPROVAL"}, host="of-a-batch")
    told.earn()
    told.pass_to("2026-03-16T00:05Z")
    told.approve_all()
    spent = SpendTold("s1", "smartcat", "rosa", 100, "USD", "translation")
    host_spends.spend(story.client, told=spent, at=story.now)
    two = {"by": story.fay, "confirmed_by": story.finn, "at": story.now}
    closed = closing.close(story.program, month=closing.next_month(story.program), **two)
    closing.reopen(closed, **two, reason="rows can be posted into it again")
    return story


def _owed_and_arrived(line: PaymentLine, story: Story) -> None:
    payout = line.payout
    SetOff.objects.create(
        payout=payout,
        enrollment=payout.enrollment,
        turn=1,
        owed_minor=1,
        amount_minor=1,
        currency=payout.currency,
        set_off_at=story.now,
    )
    two = {"told_by": story.fay, "confirmed_by": story.finn}
    Arrival.objects.create(
        line=line, payout=payout, overpaid_minor=0, settled_at=story.now, reason="a statement", **two
    )


def test_the_tables_that_call_themselves_append_only_are_those_with_triggers():
    say_so = {table for table, model in OURS.items() if "Append-only" in (model.__doc__ or "")}

    assert sorted(say_so | {"payouts_gift", "payouts_spend"}) == APPEND_ONLY


@pytest.mark.parametrize("table", APPEND_ONLY)
def test_no_row_of_an_append_only_table_is_changed_or_deleted_by_sql(full_books, table):
    before = rows(table)

    assert before
    for statement in [*ATTACKS, UPSERT]:
        with pytest.raises(IntegrityError, match=f"{table} is append-only"):
            attack(statement, table)
    assert rows(table) == before


@pytest.mark.skipif("connection.vendor != 'sqlite'", reason="only SQLite knows REPLACE")
def test_no_row_that_stays_as_it_is_can_be_replaced(full_books):
    Story("upwork-2019", host="elsewhere")
    replaced = []

    for table in [*APPEND_ONLY, *FROZEN]:
        with suppress(IntegrityError):
            attack(REPLACE, table)
            replaced.append(table)

    assert replaced == []


@pytest.mark.parametrize("table", APPEND_ONLY)
def test_no_row_of_an_append_only_table_is_changed_or_deleted_as_an_object(full_books, table):
    before = rows(table)
    row = OURS[table]._default_manager.first()
    field = next(field.name for field in row._meta.concrete_fields if not field.primary_key)
    everything = OURS[table]._default_manager.all()

    def raw_delete() -> None:
        everything._raw_delete(using="default")

    for step in (
        row.save,
        lambda: models.Model.delete(row),
        lambda: everything.update(**{field: models.F(field)}),
        lambda: everything.bulk_update([row], [field]),
        raw_delete,
    ):
        with pytest.raises((IntegrityError, models.ProtectedError)), transaction.atomic():
            step()
    assert rows(table) == before


def test_rows_are_added_all_the_same(full_books):
    before = AccountEvent.objects.count()

    full_books.tell("acme", "account.paused")

    assert AccountEvent.objects.count() == before + 1


# --- published terms ----------------------------------------------------------------------------------


@pytest.fixture
def published(db) -> None:
    """Rows of published terms in every table that belongs to terms."""
    Story("smartcat")
    Story("upwork-2019", host="elsewhere")


@pytest.mark.parametrize("table", FROZEN)
def test_no_row_of_published_terms_is_changed_or_deleted(published, table):
    before = rows(table)

    assert before
    for statement in ATTACKS:
        with pytest.raises(IntegrityError, match=f"{table} belongs to published terms"):
            attack(statement, table)
    assert rows(table) == before


@pytest.mark.parametrize("table", [table for table in FROZEN if table != "referrals_terms"])
def test_no_row_is_added_to_published_terms(published, table):
    before = rows(table)
    row = OURS[table]._default_manager.first()
    row.pk = None

    with pytest.raises(IntegrityError, match=f"{table} belongs to published terms"), transaction.atomic():
        row.save(force_insert=True)
    assert rows(table) == before


def test_a_row_of_a_draft_is_not_moved_into_published_terms(published):
    draft = TermsFactory(published=False)
    reason = draft.rejection_reasons.first()

    with pytest.raises(IntegrityError, match="belongs to published terms"), transaction.atomic():
        draft.rejection_reasons.filter(pk=reason.pk).update(terms=Terms.objects.published().first())
    assert draft.rejection_reasons.filter(pk=reason.pk).exists()


def test_published_terms_are_not_taken_back(published):
    with pytest.raises(IntegrityError, match="belongs to published terms"), transaction.atomic():
        Terms.objects.published().update(published_at=None)


@pytest.mark.django_db
def test_a_draft_is_changed_and_deleted_until_it_is_published():
    draft = TermsFactory(published=False)
    draft.rejection_reasons.update(internal_text="Other words.")
    draft.window_days = 60
    draft.save()
    milestone = draft.milestones.last()
    milestone.label = "Another label"
    milestone.save()

    draft.criteria.all().delete()

    draft.refresh_from_db()
    assert (draft.window_days, draft.criteria.count()) == (60, 0)


@pytest.mark.django_db
def test_the_program_of_published_terms_may_change_at_any_time():
    story = Story("smartcat")
    story.program.name = "Bring a client"
    story.program.save()
    story.program.call_outcomes.update(label="Another label")

    assert latest_terms(story.program).program.name == "Bring a client"


# --- migrations ---------------------------------------------------------------------------------------


OTHERS_LEAVE = (
    "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity"
    " WHERE datname = %s AND usename = current_user"
)


@pytest.fixture
def copied_database(django_db_blocker, django_db_setup, tmp_path: Path) -> Iterator[None]:
    """A copy of the database as migrated, in the place of the tests' one."""
    ordinary = connections["default"]
    is_sqlite = ordinary.vendor == "sqlite"
    name = str(tmp_path / "copy.sqlite3") if is_sqlite else "copy_to_migrate"
    copying = "VACUUM INTO '{}'" if is_sqlite else "CREATE DATABASE {} TEMPLATE {}"
    with django_db_blocker.unblock():
        # PostgreSQL copies a database that nobody is connected to. A server of an earlier test that a browser
        # keeps waiting may still be: it connects anew with its next request.
        ordinary.close()
        with ordinary.cursor() if is_sqlite else ordinary._nodb_cursor() as cursor:
            if not is_sqlite:
                cursor.execute(OTHERS_LEAVE, [ordinary.settings_dict["NAME"]])
            cursor.execute(copying.format(name, ordinary.settings_dict["NAME"]))
        connections["default"] = ConnectionHandler({"default": {**ordinary.settings_dict, "NAME": name}})[
            "default"
        ]
        try:
            yield
        finally:
            connections["default"].close()
            connections["default"] = ordinary
            if not is_sqlite:
                with ordinary._nodb_cursor() as cursor:
                    cursor.execute(f"DROP DATABASE {name}")


@pytest.mark.django_db
def test_after_migrating_the_triggers_are_exactly_those_that_were_promised():
    assert triggers.installed(connection) == EXPECTED


@pytest.mark.django_db(transaction=True)
def test_migrations_lead_back_to_nothing_and_forwards_again(copied_database):
    seeded = Calendar.objects.count(), Holiday.objects.count()
    assert triggers.installed(connection) == EXPECTED

    call_command("migrate", "referrals", "zero", verbosity=0)
    assert triggers.installed(connection) == []
    assert not set(OURS) & set(connection.introspection.table_names())

    for app in ("referrals", "payouts"):
        call_command("migrate", app, verbosity=0)
    assert triggers.installed(connection) == EXPECTED
    assert (Calendar.objects.count(), Holiday.objects.count()) == seeded


@pytest.mark.django_db(transaction=True)
def test_a_database_that_holds_a_withdrawal_is_migrated(copied_database):
    """What is withdrawn before there are payment files waits for one afterwards."""
    before = [("payouts", "0004_months")]
    enrollment = EnrollmentFactory()
    LedgerAccount.objects.filter(kind="BANK").delete()
    MigrationExecutor(connection).migrate(before)
    earlier = MigrationExecutor(connection).loader.project_state(before).apps
    withdrawal = earlier.get_model("payouts", "Withdrawal").objects.create(
        enrollment_id=enrollment.pk, amount_minor=4_000, currency="USD", requested_at=LATER
    )

    call_command("migrate", verbosity=0)

    payout = Payout.objects.get()
    assert (payout.withdrawal_id, payout.amount_minor, payout.status) == (withdrawal.pk, 4_000, "PREPARED")
    assert [change.new_status for change in payout.changes.all()] == ["PREPARED"]
    assert LedgerAccount.objects.filter(program=enrollment.program, kind="BANK").count() == 1
    assert triggers.installed(connection) == EXPECTED
