"""Account credit never becomes cash: the database refuses transfers that make it so."""

from django.db import migrations

from payouts import credit_triggers


class Migration(migrations.Migration):
    dependencies = [("payouts", "0009_set_off")]

    operations = [
        migrations.RunPython(credit_triggers.credit_stays_credit, credit_triggers.removed),
    ]
