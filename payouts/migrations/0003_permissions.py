"""What may be granted about money beside looking."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("payouts", "0002_triggers")]

    operations = [
        migrations.AlterModelOptions(
            name="bonus",
            options={
                "verbose_name_plural": "bonuses",
                "permissions": [("hold_bonus", "Can put a bonus on hold and lift its holds")],
            },
        ),
        migrations.AlterModelOptions(
            name="payoutbatch",
            options={
                "verbose_name_plural": "payout batches",
                "permissions": [
                    ("prepare_payoutbatch", "Can put up a batch for approval"),
                    ("approve_payoutbatch", "Can approve, refuse and void a batch"),
                ],
            },
        ),
    ]
