"""
What every review has now, it must have; the indexes of the queue.

A migration of its own: PostgreSQL alters no table in the transaction that filled it.
"""

from typing import Any

import django.db.models.deletion
from django.db import migrations, models
from django.db.models import Q

REVIEW = "review"
DUE_AT: dict[str, Any] = {"help_text": "By then it should have been decided: the program's SLA."}


class Migration(migrations.Migration):
    dependencies = [("referrals", "0009_queue")]

    operations = [
        migrations.AlterField(
            REVIEW,
            "program",
            models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="+", to="referrals.program"
            ),
        ),
        migrations.AlterField(REVIEW, "due_at", models.DateTimeField(**DUE_AT)),
        migrations.AddIndex(
            REVIEW,
            models.Index(condition=Q(closed_at__isnull=True), fields=["due_at", "id"], name="review_waiting"),
        ),
        migrations.AddIndex(
            REVIEW,
            models.Index(
                condition=Q(closed_at__isnull=True), fields=["closes_at"], name="review_calling_hours"
            ),
        ),
        migrations.AddConstraint(
            REVIEW,
            models.CheckConstraint(
                name="review_held_by_somebody_until_then",
                condition=Q(holder__isnull=True, held_until__isnull=True)
                | Q(holder__isnull=False, held_until__isnull=False),
            ),
        ),
        migrations.AddConstraint(
            REVIEW,
            models.CheckConstraint(
                name="review_closed_is_held_by_nobody",
                condition=Q(closed_at__isnull=True) | Q(holder__isnull=True),
            ),
        ),
    ]
