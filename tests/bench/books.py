"""
``python -m tests.bench.books NUMBER``: make that many bonuses that are due, in an empty database.

One bonus is made as the tests make theirs, under a program that comes with the project. Then the database
multiplies each of its rows: a copy differs in its ids and in what must be unique, and belongs to its own
account and to one of the copied referrers. So books and trails of all agree, as those of the first do.
"""

import os
import sys

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
django.setup()

# These read the registry of models, which the line above fills.
from django.core.management import call_command  # noqa: E402
from django.core.management.color import no_style  # noqa: E402
from django.db import connection, transaction  # noqa: E402
from django.db.models import Field, Max, Min, Model, QuerySet  # noqa: E402

from payouts import models as payouts  # noqa: E402
from payouts import program_files  # noqa: E402
from referrals import models as referrals  # noqa: E402
from tests import factories  # noqa: E402

PROGRAM = "smartcat"
BONUSES_PER_REFERRER = 5

OF_A_REFERRER: list[type[Model]] = [
    referrals.Referrer,
    referrals.Enrollment,
    referrals.EnrollmentChange,
    referrals.ReferralLink,
    referrals.ReferralCode,
    referrals.FunnelCount,
    payouts.LedgerAccount,
]
OF_A_BONUS: list[type[Model]] = [
    referrals.SignUp,
    referrals.ReferredAccount,
    referrals.Review,
    referrals.Decision,
    referrals.StatusChange,
    referrals.MilestoneReached,
    payouts.Bonus,
    payouts.BonusChange,
    payouts.Transfer,
]
# Columns that differ from copy to copy, besides ids; {bonuses} have {referrers}, in turn.
DIFFERS = {
    (referrals.Referrer, "host_account"): "host_account || '-' || n",
    (referrals.ReferralLink, "text"): "text || '-' || n",
    (referrals.ReferralLink, "folded"): "folded || '-' || n",
    (referrals.ReferralCode, "text"): "text || '-' || n",
    (referrals.ReferralCode, "folded"): "folded || '-' || n",
    (referrals.FunnelCount, "accounts"): "({bonuses} - 1 - n) / {referrers} + 1",
    (referrals.SignUp, "host_account"): "host_account || '-' || n",
    (referrals.ReferredAccount, "host_account"): "host_account || '-' || n",
    (referrals.ReferredAccount, "company_name"): "company_name || '-' || n",
    (referrals.ReferredAccount, "email"): "n || '-' || email",
    (referrals.ReferredAccount, "domain"): "n || '-' || domain",
}
# All bonuses are an expense of the one program.
SHARED = {(payouts.Transfer, "debit_id")}


def make(bonuses: int) -> None:
    """Make the tables, the program and the bonuses; then let the database look at what it has."""
    call_command("migrate", verbosity=0)
    fill(bonuses)
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE" if connection.vendor == "postgresql" else "ANALYZE")


def fill(bonuses: int) -> None:
    """Make the program and the bonuses, in tables that are there and empty."""
    referrers = max(1, bonuses // BONUSES_PER_REFERRER)
    with transaction.atomic():
        _make_one()
        # Of the first referrer, too, there will be several accounts.
        referrals.FunnelCount.objects.update(accounts=(bonuses - 1) // referrers + 1)
        models = [*OF_A_REFERRER, *OF_A_BONUS]
        # Counted before the first is multiplied.
        spans = {model: _span(model) for model in models}
        for model in models:
            _multiply(model, spans, bonuses=bonuses, referrers=referrers)


def _make_one() -> None:
    document = program_files.read(program_files.bundled()[PROGRAM])
    host = program_files.default_host()
    program = program_files.store(document, host=host, now=factories.TERMS_BEGIN_AT)
    factories.booked_bonus(account__enrollment__program=program, account__enrollment__referrer__host=host)


def _of_one(model: type[Model]) -> QuerySet[Model]:
    """The rows of the one bonus: all that there are, but for the accounts that belong to the program."""
    rows = model._default_manager.all()
    return rows.exclude(enrollment=None) if model is payouts.LedgerAccount else rows


def _span(model: type[Model]) -> int:
    """The distance between the ids of one copy and of the next."""
    ids = _of_one(model).aggregate(first=Min("pk"), last=Max("pk"))
    return int(ids["last"] - ids["first"] + 1)


def _multiply(model: type[Model], spans: dict[type[Model], int], *, bonuses: int, referrers: int) -> None:
    """Copy the rows of the one bonus for all other bonuses, or for all other referrers."""
    copies = bonuses if model in OF_A_BONUS else referrers
    fields = [field for field in model._meta.concrete_fields if not field.generated]
    values = ", ".join(_value(model, field, spans) for field in fields)
    rows, parameters = _of_one(model).query.sql_with_params()
    quote = connection.ops.quote_name
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {quote(model._meta.db_table)}"  # noqa: S608  names of our own
            f" ({', '.join(quote(field.column) for field in fields)})"
            " WITH RECURSIVE copies (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM copies WHERE n + 1 < %s)"
            f" SELECT {values.format(bonuses=bonuses, referrers=referrers)}"
            f" FROM copies CROSS JOIN ({rows}) one WHERE n < %s ORDER BY 1",
            [copies, *parameters, copies],
        )
        for statement in connection.ops.sequence_reset_sql(no_style(), [model]):
            cursor.execute(statement)


def _value(model: type[Model], field: Field, spans: dict[type[Model], int]) -> str:
    """The expression for a column of the copy with the number ``n``."""
    column = str(connection.ops.quote_name(field.column))
    if (model, field.column) in DIFFERS:
        return DIFFERS[model, field.column]
    points_at = model if field.primary_key else field.related_model
    if points_at not in spans or (model, field.column) in SHARED:
        return column
    # A bonus has the account of its own number; the referrers take turns.
    number = "n %% {referrers}" if model in OF_A_BONUS and points_at in OF_A_REFERRER else "n"
    return f"{column} + ({number}) * {spans[points_at]}"


if __name__ == "__main__":
    make(int(sys.argv[1]))
