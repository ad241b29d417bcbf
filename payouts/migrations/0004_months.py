"""The money by months, summed by a sweep; payouts of which nothing is known are found at once."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("payouts", "0003_permissions"),
        ("referrals", "0016_months"),
    ]

    operations = [
        migrations.CreateModel(
            name="MoneyMonth",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("month", models.DateField(help_text="Its first day, in the time zone of the program.")),
                ("currency", models.CharField(max_length=3)),
                ("activated_minor", models.BigIntegerField(default=0)),
                ("paid_minor", models.BigIntegerField(default=0)),
                (
                    "to_pay_minor",
                    models.BigIntegerField(
                        default=0, help_text="Unpaid, of bonuses whose window closes in this month."
                    ),
                ),
                ("summed_at", models.DateTimeField()),
            ],
        ),
        migrations.AddIndex(
            model_name="payout",
            index=models.Index(
                condition=models.Q(("status", "UNKNOWN")), fields=["id"], name="payout_unknown"
            ),
        ),
        migrations.AddField(
            model_name="moneymonth",
            name="program",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE,
                related_name="money_months",
                to="referrals.program",
            ),
        ),
        migrations.AddConstraint(
            model_name="moneymonth",
            constraint=models.UniqueConstraint(
                fields=("program", "month", "currency"), name="money_month_once"
            ),
        ),
    ]
