"""Trails and triggers: each breach is named."""

import pytest
from django.db import connection

from payouts.models import PaymentFileChange, PayoutChange
from payouts.verification import guards
from referrals import triggers
from referrals.models import StatusChange
from tests import payments
from tests.factories import (
    LATER,
    EnrollmentFactory,
    ReferredAccountFactory,
    UserFactory,
    booked_bonus,
    paid_bonus,
    reversed_bonus,
)
from tests.payouts.verification.plant import AFTER_APPROVAL, alter, found, guards_down

pytestmark = pytest.mark.django_db


BROKEN = [
    "accounts whose trail is broken",
    "enrollments whose trail is broken",
    "bonuses whose trail is broken",
    "batches whose trail is broken",
    "payouts whose trail is broken",
]


def owners_with_a_trail():
    """Names in the message, a row whose trail has steps, and the rows of its trail."""
    bonus = reversed_bonus(**AFTER_APPROVAL)
    return {
        "accounts": (bonus.account, bonus.account.status_changes),
        "enrollments": (EnrollmentFactory(status="SUSPENDED"), None),
        "bonuses": (bonus, bonus.changes),
        "batches": (bonus.batch, bonus.batch.changes),
        "payouts": (bonus.payout, bonus.payout.changes),
    }


@pytest.mark.parametrize("message", BROKEN)
def test_a_trail_that_is_broken(message):
    owner, changes = owners_with_a_trail()[message.partition(" ")[0]]
    last = (changes or owner.changes).last()
    alter(last, old_status="ELSEWHERE")

    assert found() == [("I6", message, [owner.pk])]


@pytest.mark.parametrize("message", BROKEN)
def test_a_trail_that_does_not_begin_at_the_beginning(message):
    owner, changes = owners_with_a_trail()[message.partition(" ")[0]]
    first = (changes or owner.changes).first()
    alter(first, old_status="EXPIRED")

    assert found() == [("I6", message, [owner.pk])]


def test_a_status_that_no_step_led_to():
    account = ReferredAccountFactory(status="IN_REVIEW")
    enrollment = EnrollmentFactory()
    cash = paid_bonus(account__enrollment__program__terms__reward__kind="CASH")
    batch, payout, bonus = cash.batch, cash.payout, booked_bonus()
    alter(account, status="QUALIFIED")
    alter(enrollment, status="CLOSED")
    alter(batch, status="APPROVED")
    alter(payout, status="SENT")
    alter(bonus, status="APPROVED")

    assert [breach for breach in found() if breach[0] == "I6"] == [
        ("I6", "accounts whose trail does not end at their status", [account.pk]),
        ("I6", "enrollments whose trail does not end at their status", [enrollment.pk]),
        ("I6", "bonuses whose trail does not end at their status", [bonus.pk]),
        ("I6", "batches whose trail does not end at their status", [batch.pk]),
        ("I6", "payouts whose trail does not end at their status", [payout.pk]),
    ]


def test_a_payment_file_whose_trail_breaks_off():
    story = payments.with_cash()
    (file,) = payments.make(story)
    alter(file, status="UPLOADED")

    assert ("I6", "payment files whose trail does not end at their status", [file.pk]) in found()


def test_a_payment_file_whose_trail_is_broken():
    story = payments.with_cash()
    file = payments.sent(story)
    PaymentFileChange.objects.create(
        file=file, old_status="MADE", new_status="UPLOADED", changed_at=LATER, changed_by=story.fay
    )

    assert found() == [("I6", "payment files whose trail is broken", [file.pk])]


def test_accounts_that_were_decided_without_a_trail():
    account = ReferredAccountFactory(status="QUALIFIED")
    with guards_down(StatusChange):
        account.status_changes.all()._raw_delete("default")

    assert found() == [("I6", "accounts whose trail does not end at their status", [account.pk])]


def test_payouts_without_a_trail():
    payout = paid_bonus().payout
    with guards_down(PayoutChange):
        payout.changes.all()._raw_delete("default")

    assert found() == [("I6", "payouts whose trail does not end at their status", [payout.pk])]


def test_an_undone_decision_leaves_the_trail_whole():
    account = ReferredAccountFactory(status="IN_REVIEW")
    StatusChange.objects.create(
        account=account,
        old_status="IN_REVIEW",
        new_status="IN_REVIEW",
        cause="UNDONE",
        changed_at=LATER,
        changed_by=UserFactory(),
    )

    assert found() == []


def test_it_expects_every_trigger_that_migrations_make():
    assert triggers.installed(connection) == guards.TRIGGERS


@pytest.mark.parametrize("name", ["payouts_transfer_refuses_update", "referrals_terms_refuses_delete"])
def test_a_trigger_that_is_gone(name):
    table = name.partition("_refuses_")[0]
    with connection.cursor() as cursor:
        cursor.execute(f"DROP TRIGGER {name}" + (f" ON {table}" if connection.vendor == "postgresql" else ""))

    assert found() == [("I7", "triggers missing or switched off", [name])]


@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite cannot switch a trigger off")
@pytest.mark.parametrize("how", ["DISABLE TRIGGER", "ENABLE REPLICA TRIGGER"])
def test_a_trigger_that_is_switched_off(how):
    with connection.cursor() as cursor:
        cursor.execute(f"ALTER TABLE payouts_transfer {how} payouts_transfer_refuses_delete")

    assert found() == [("I7", "triggers missing or switched off", ["payouts_transfer_refuses_delete"])]
