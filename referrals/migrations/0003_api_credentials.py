"""API keys, signing secrets, and the public id by which a client is found."""

from typing import Any

import django.db.models.deletion
from django.apps.registry import Apps
from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.models import F, Q

from referrals.models import host

PUBLIC_ID: dict[str, Any] = {
    "verbose_name": "public id",
    "max_length": 32,
    "editable": False,
    "help_text": "Sent with signed events in the header webhook-client.",
}


def give_public_ids(apps: Apps, editor: BaseDatabaseSchemaEditor) -> None:
    """Give each client of today an id of its own: a default is asked for only once, for all of them."""
    clients = apps.get_model("referrals", "ApiClient").objects
    for client in clients.filter(public_id=None):
        clients.filter(pk=client.pk).update(public_id=host.new_public_id())


class Migration(migrations.Migration):
    dependencies = [("referrals", "0002_triggers_and_calendars")]

    operations = [
        migrations.AddField("apiclient", "public_id", models.CharField(null=True, **PUBLIC_ID)),
        migrations.RunPython(give_public_ids, migrations.RunPython.noop),
        migrations.AlterField(
            "apiclient",
            "public_id",
            models.CharField(default=host.new_public_id, unique=True, **PUBLIC_ID),
        ),
        migrations.CreateModel(
            name="ApiKey",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("prefix", models.CharField(max_length=16, unique=True)),
                ("sha256", models.CharField(editable=False, max_length=64)),
                ("writes_sign_ups", models.BooleanField(default=False, verbose_name="sign_ups:write")),
                ("created_at", models.DateTimeField()),
                ("last_used_at", models.DateTimeField(help_text="To the minute.", null=True)),
                ("revoked_at", models.DateTimeField(null=True)),
                (
                    "client",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="keys",
                        to="referrals.apiclient",
                    ),
                ),
            ],
            options={"verbose_name": "API key", "verbose_name_plural": "API keys"},
        ),
        migrations.CreateModel(
            name="WebhookSecret",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("secret", models.CharField(editable=False, max_length=64)),
                ("created_at", models.DateTimeField()),
                (
                    "valid_until",
                    models.DateTimeField(help_text="Empty: until the next one replaces it.", null=True),
                ),
                (
                    "client",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="webhook_secrets",
                        to="referrals.apiclient",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        condition=Q(valid_until__isnull=True),
                        fields=["client"],
                        name="webhook_secret_one_is_current",
                    ),
                    models.CheckConstraint(
                        condition=Q(valid_until__isnull=True) | Q(valid_until__gte=F("created_at")),
                        name="webhook_secret_ends_after_it_begins",
                    ),
                ]
            },
        ),
    ]
