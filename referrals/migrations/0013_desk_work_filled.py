"""What earlier rows have of the new columns: names and numbers as they are looked for, sources of answers."""

from django.apps.registry import Apps
from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

from referrals import triggers
from referrals.rules.identity import name_key, phone_key

RESULTS = "referrals_criterionresult"
AT_ONCE = 2_000


def fill_keys(apps: Apps, editor: BaseDatabaseSchemaEditor) -> None:
    """Existing customers had neither name nor phone: theirs stay empty."""
    accounts = apps.get_model("referrals", "ReferredAccount").objects
    known = accounts.order_by("pk")
    last = 0
    while rows := list(known.filter(pk__gt=last)[:AT_ONCE]):
        for account in rows:
            account.name_key = name_key(account.company_name)
            account.phone_key = phone_key(account.phone, account.country)
        # The rows are there: what is inserted over them only changes these columns, many at once.
        accounts.bulk_create(
            rows, update_conflicts=True, unique_fields=["id"], update_fields=["name_key", "phone_key"]
        )
        last = rows[-1].pk


def fill_sources(apps: Apps, editor: BaseDatabaseSchemaEditor) -> None:
    """Until now every answer came from the call, unless a note said otherwise."""
    apps.get_model("referrals", "CriterionResult").objects.filter(decision__isnull=False).update(
        source="CALL"
    )


class Migration(migrations.Migration):
    dependencies = [("referrals", "0012_desk_work")]

    operations = [
        migrations.RunPython(triggers.removed(RESULTS), triggers.append_only(RESULTS)),
        migrations.RunPython(fill_keys, migrations.RunPython.noop),
        migrations.RunPython(fill_sources, migrations.RunPython.noop),
    ]
