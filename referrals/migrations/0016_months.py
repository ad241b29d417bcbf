"""The funnel by months, counted by a sweep; facts are found by when they came."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("referrals", "0015_registered_companies"),
    ]

    operations = [
        migrations.CreateModel(
            name="FunnelMonth",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("month", models.DateField(help_text="Its first day, in the time zone of the program.")),
                ("milestone", models.CharField(max_length=64, verbose_name="code of the milestone")),
                ("accounts", models.PositiveIntegerField()),
                ("counted_at", models.DateTimeField()),
            ],
        ),
        migrations.AddIndex(
            model_name="accountevent",
            index=models.Index(fields=["received_at"], name="account_event_received"),
        ),
        migrations.AddField(
            model_name="funnelmonth",
            name="program",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE,
                related_name="funnel_months",
                to="referrals.program",
            ),
        ),
        migrations.AddConstraint(
            model_name="funnelmonth",
            constraint=models.UniqueConstraint(
                fields=("program", "month", "milestone"), name="funnel_month_once_per_milestone"
            ),
        ),
    ]
