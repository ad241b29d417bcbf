"""Clicks on links: rows that are only ever added."""

import django.db.models.deletion
from django.db import migrations, models

from referrals import triggers

APPEND_ONLY = ["referrals_click"]


class Migration(migrations.Migration):
    dependencies = [("referrals", "0003_api_credentials")]

    operations = [
        migrations.CreateModel(
            name="Click",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("clicked_at", models.DateTimeField(help_text="The first of them.")),
                ("times", models.PositiveIntegerField()),
                (
                    "link",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="clicks",
                        to="referrals.referrallink",
                    ),
                ),
            ],
            options={
                "indexes": [models.Index(fields=["link", "clicked_at"], name="click_of_link")],
                "constraints": [
                    models.CheckConstraint(condition=models.Q(("times__gte", 1)), name="click_at_least_once")
                ],
            },
        ),
        migrations.RunPython(triggers.append_only(*APPEND_ONLY), triggers.removed(*APPEND_ONLY)),
    ]
