"""How a breach is planted behind the back of the database, and how the checker names it."""

import contextlib
from datetime import timedelta

from django.db import connection, models

from payouts import verification
from payouts.models import Gift, Payout, PayoutChange, Spend, Transfer, Withdrawal
from tests.conftest import triggers_laid_aside
from tests.factories import LATER, EnrollmentFactory, ledger_account

AFTER_APPROVAL = {"account__enrollment__program__terms__schedule__release": "AFTER_APPROVAL"}
SECOND = timedelta(seconds=1)


def found(**asked):
    """Every breach with the rows that it names."""
    return [(breach.invariant, breach.message, breach.rows) for breach in verification.breaches(**asked)]


def alter(row, *, without=(), **changes):
    """Change a row behind the back of the database: no trigger fires, and these constraints are gone."""
    with guards_down(type(row), *without):
        type(row).objects.filter(pk=row.pk).update(**changes)


@contextlib.contextmanager
def guards_down(model, *names):
    table = model._meta.db_table
    constraints = {constraint.name: constraint for constraint in model._meta.constraints}
    with contextlib.ExitStack() as stack, connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            # No table is altered while checks of its rows are still to come.
            connection.check_constraints()
            cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
        else:
            stack.enter_context(triggers_laid_aside())
            cursor.execute("PRAGMA ignore_check_constraints = ON")
        for name in names:
            if getattr(constraints[name], "condition", None) and isinstance(
                constraints[name], models.UniqueConstraint
            ):
                cursor.execute(f"DROP INDEX {name}")
            elif connection.vendor == "postgresql":
                cursor.execute(f"ALTER TABLE {table} DROP CONSTRAINT {name}")
        yield
        if connection.vendor == "postgresql":
            connection.check_constraints()
            cursor.execute(f"ALTER TABLE {table} ENABLE TRIGGER USER")
        else:
            cursor.execute("PRAGMA ignore_check_constraints = OFF")


def taken_out(enrollment, *, kind, amount_minor=100):
    """Let a referrer withdraw, spend or give something."""
    shared = {"amount_minor": amount_minor, "currency": "USD"}
    credit = {"WITHDRAWN": "CLEARING", "SPENT": "SERVICES", "GIVEN": "BALANCE"}[kind]
    to = enrollment
    if kind == "WITHDRAWN":
        cause = Withdrawal.objects.create(enrollment=enrollment, requested_at=LATER, **shared)
        payout = Payout.objects.create(
            withdrawal=cause, enrollment=enrollment, status="PREPARED", created_at=LATER, **shared
        )
        PayoutChange.objects.create(payout=payout, new_status="PREPARED", changed_at=LATER)
    elif kind == "SPENT":
        cause = Spend.objects.create(enrollment=enrollment, service="a service", spent_at=LATER, **shared)
    else:
        to = EnrollmentFactory(program=enrollment.program)
        cause = Gift.objects.create(giver=enrollment, receiver=to, given_at=LATER, **shared)
    return Transfer.objects.create(
        debit=ledger_account("BALANCE", enrollment=enrollment),
        credit=ledger_account(credit, enrollment=to),
        kind=kind,
        posted_at=LATER,
        **{cause._meta.model_name: cause},
        **shared,
    )


def transfer_of(bonus, kind):
    return bonus.transfers.get(kind=kind)
