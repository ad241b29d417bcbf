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
    filled = []
    for account in accounts.only("company_name", "phone", "country").iterator(AT_ONCE):
        account.name_key = name_key(account.company_name)
        account.phone_key = phone_key(account.phone, account.country)
        filled.append(account)
        if len(filled) == AT_ONCE:
            accounts.bulk_update(filled, ["name_key", "phone_key"])
            filled = []
    accounts.bulk_update(filled, ["name_key", "phone_key"])


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
