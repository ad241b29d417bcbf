"""Events and isolation: each breach is named."""

import pytest
from django.db import connection

from referrals.models import AccountEvent
from tests.factories import (
    AccountEventFactory,
    ApiClientFactory,
    EnrollmentFactory,
    HostFactory,
    ProgramFactory,
    ReferredAccountFactory,
    ReferrerFactory,
    SignUpFactory,
    TermsFactory,
    booked_bonus,
    ledger_account,
    paid_bonus,
)
from tests.payouts.verification.plant import alter, found, guards_down, taken_out, transfer_of

pytestmark = pytest.mark.django_db


def test_events_of_another_host():
    event = AccountEventFactory(host=HostFactory())

    assert found() == [("I10", "events of another host than the client's that told them", [event.pk])]


def test_events_without_a_hash():
    event = AccountEventFactory(body_sha256="e" * 63)

    assert found() == [("I10", "events without the hash of their content", [event.pk])]


@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite cannot drop a unique key of a table")
def test_events_stored_twice():
    client = ApiClientFactory()
    with guards_down(AccountEvent, "account_event_once_for_ever"):
        _, second = AccountEventFactory.create_batch(2, client=client, event_id="event-1")

    assert found() == [("I10", "events stored twice", [second.pk])]


MISFIT = "bonuses whose account, referrer, terms, reward and decision do not belong together"
STRANGE_ACCOUNT = "accounts whose enrollment, terms or sign-up is of another program or account"
STRANGE_BATCH = "bonuses in a batch or payout of another program, referrer, kind or currency"


def test_referrers_of_another_host():
    enrollment = EnrollmentFactory(referrer=ReferrerFactory())

    assert found() == [("I13", "enrollments of a referrer of another host", [enrollment.pk])]


@pytest.mark.parametrize(
    "strange",
    [
        lambda: {"enrollment": EnrollmentFactory()},
        lambda: {"terms": TermsFactory()},
        lambda: {"sign_up": SignUpFactory()},
    ],
    ids=["enrollment", "terms", "sign_up"],
)
def test_accounts_of_two_programs(strange):
    account = ReferredAccountFactory()
    alter(account, **strange())

    assert found() == [
        ("I13", "accounts whose enrollment, terms or sign-up is of another program or account", [account.pk])
    ]


def test_accounts_with_the_sign_up_of_another():
    account = ReferredAccountFactory()
    alter(account, sign_up=SignUpFactory(program=account.program))

    assert found() == [("I13", STRANGE_ACCOUNT, [account.pk])]


def test_milestones_of_other_terms():
    account = ReferredAccountFactory(evaluated=True)
    other = TermsFactory(program=account.program).milestones.get(code="signed_up")
    account.milestones_reached.update(milestone=other)

    assert found() == [("I13", "accounts with a milestone of other terms", [account.pk])]


@pytest.mark.parametrize(
    "strange",
    [
        lambda program: {"reward": TermsFactory(program=program).rewards.get()},
        lambda program: {"currency": "EUR"},
    ],
    ids=["reward", "currency"],
)
def test_bonuses_that_do_not_belong_together(strange):
    bonus = booked_bonus()
    alter(bonus, **strange(bonus.enrollment.program))

    assert (
        "I13",
        "bonuses whose account, referrer, terms, reward and decision do not belong together",
        [bonus.pk],
    ) in found()


def test_bonuses_with_the_decision_of_another_account():
    bonus, other = booked_bonus(), booked_bonus()
    alter(bonus, decision=other.decision)

    assert found() == [
        ("I5", "bonuses whose decision never took effect", [bonus.pk]),
        ("I13", MISFIT, [bonus.pk]),
    ]


def test_bonuses_of_another_referrer():
    bonus = booked_bonus()
    other = EnrollmentFactory(program=bonus.enrollment.program)
    for transfer in bonus.transfers.all():
        alter(transfer, credit=ledger_account("PAYABLE", enrollment=other))
    alter(bonus, enrollment=other)

    assert found() == [("I13", MISFIT, [bonus.pk])]


def test_bonuses_in_a_batch_of_another_program():
    bonus = paid_bonus()
    alter(bonus.batch, program=ProgramFactory())

    assert found() == [
        ("I13", "bonuses in a batch or payout of another program, referrer, kind or currency", [bonus.pk])
    ]


def test_bonuses_in_the_payout_of_another_referrer():
    bonus = paid_bonus()
    alter(bonus.payout, enrollment=EnrollmentFactory(program=bonus.enrollment.program))

    assert found() == [("I13", STRANGE_BATCH, [bonus.pk])]


def test_accounts_of_the_books_in_two_programs():
    balance = ledger_account("BALANCE", enrollment=EnrollmentFactory())
    alter(balance, program=ProgramFactory())

    assert found() == [("I13", "accounts of the books whose referrer is in another program", [balance.pk])]


def test_transfers_between_programs():
    spent = taken_out(paid_bonus().enrollment, kind="SPENT")
    alter(spent, credit=ledger_account("SERVICES", enrollment=EnrollmentFactory()))

    assert found() == [("I13", "transfers between two programs", [spent.pk])]


def test_transfers_of_a_bonus_to_another_referrer():
    bonus = paid_bonus()
    other = EnrollmentFactory(program=bonus.enrollment.program)
    released = transfer_of(bonus, "RELEASED")
    alter(released, credit=ledger_account("BALANCE", enrollment=other))

    assert found() == [
        ("I13", "transfers of a bonus that touch an account of another referrer or program", [released.pk])
    ]
