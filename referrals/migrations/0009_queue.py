"""The review becomes the row of the queue: whose turn it is, when the company may be called, by when."""

from typing import Any

import django.db.models.deletion
from django.apps.registry import Apps
from django.conf import settings
from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.models import F, OuterRef, Subquery

REVIEW = "review"


def fill(apps: Apps, editor: BaseDatabaseSchemaEditor) -> None:
    """What open reviews lack, the sweep works out: their calling hours count as over."""
    reviews = apps.get_model("referrals", "Review").objects
    accounts = apps.get_model("referrals", "ReferredAccount").objects
    program = accounts.filter(pk=OuterRef("account")).values("program")
    reviews.update(
        program=Subquery(program), due_at=F("opened_at"), opens_at=F("opened_at"), closes_at=F("opened_at")
    )


def person(related_name: str) -> Any:
    return models.ForeignKey(
        null=True,
        on_delete=django.db.models.deletion.PROTECT,
        related_name=related_name,
        to=settings.AUTH_USER_MODEL,
    )


DUE_AT: dict[str, Any] = {"help_text": "By then it should have been decided: the program's SLA."}


class Migration(migrations.Migration):
    dependencies = [
        ("referrals", "0008_needs_evaluation"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddField(
            "program",
            "sla_calling_hours",
            models.PositiveSmallIntegerField(
                default=16,
                help_text=(
                    "A company should be decided about within so many of its calling hours: 16 are two days."
                ),
                verbose_name="SLA, hours",
            ),
        ),
        migrations.AddField(
            REVIEW,
            "program",
            models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="referrals.program",
            ),
        ),
        migrations.AddField(REVIEW, "due_at", models.DateTimeField(null=True, **DUE_AT)),
        migrations.AddField(
            REVIEW, "escalated_at", models.DateTimeField(help_text="Its being overdue was told.", null=True)
        ),
        migrations.AddField(REVIEW, "held_since", models.DateTimeField(null=True)),
        migrations.AddField(REVIEW, "assigned_to", person("reviews_assigned")),
        migrations.AddField(
            REVIEW, "tries", models.PositiveSmallIntegerField(default=0, help_text="Calls in this round.")
        ),
        migrations.AddField(
            REVIEW,
            "call_from",
            models.DateTimeField(help_text="Not before: after the last call, or as agreed.", null=True),
        ),
        migrations.AlterField(
            REVIEW,
            "call_back_at",
            models.DateTimeField(help_text="When a call back was agreed for.", null=True),
        ),
        migrations.AddField(REVIEW, "call_back_by", person("+")),
        migrations.AddField(
            REVIEW,
            "opens_at",
            models.DateTimeField(help_text="The company's calling hours: open, or next.", null=True),
        ),
        migrations.AddField(
            REVIEW,
            "closes_at",
            models.DateTimeField(help_text="Exclusive; empty: they do not end.", null=True),
        ),
        migrations.RunPython(fill, migrations.RunPython.noop),
    ]
