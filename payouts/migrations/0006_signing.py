"""Who signs for a batch: what was put up, who approved it, what its sum asks for."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

from referrals import triggers

APPEND_ONLY = ["payouts_batchline", "payouts_batchapproval"]

BATCH = "payouts_payoutbatch"
NAMES_MISSING = (
    "NEW.status = 'APPROVED' AND OLD.status <> 'APPROVED' AND NEW.approvals_needed > 1"
    " AND (SELECT COUNT(*) FROM payouts_batchapproval approval"
    " WHERE approval.batch_id = NEW.id AND approval.turn = NEW.turn) < NEW.approvals_needed"
)
"""One name is held to by constraints of the row itself; further ones stand in rows of their own."""


class Migration(migrations.Migration):
    dependencies = [
        ("payouts", "0005_payments"),
        ("referrals", "0018_senior_first"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="ApprovalTier",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("from_minor", models.BigIntegerField()),
                ("people", models.PositiveSmallIntegerField()),
            ],
            options={
                "ordering": ["from_minor"],
            },
        ),
        migrations.CreateModel(
            name="BatchApproval",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("turn", models.PositiveSmallIntegerField()),
                ("at", models.DateTimeField()),
                ("people_needed", models.PositiveSmallIntegerField()),
            ],
            options={
                "ordering": ["pk"],
            },
        ),
        migrations.CreateModel(
            name="BatchLine",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "turn",
                    models.PositiveSmallIntegerField(
                        help_text="The first, second, ... time that it was put up."
                    ),
                ),
                ("amount_minor", models.BigIntegerField()),
            ],
        ),
        migrations.CreateModel(
            name="BatchNote",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "about",
                    models.CharField(
                        choices=[("EXCLUDED", "Excluded"), ("REFUSED", "Refused"), ("VOIDED", "Voided")],
                        max_length=8,
                    ),
                ),
                ("text", models.CharField(max_length=200)),
                ("written_at", models.DateTimeField()),
            ],
            options={
                "ordering": ["pk"],
            },
        ),
        migrations.CreateModel(
            name="PayoutLimit",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("per_referrer_minor", models.BigIntegerField()),
            ],
        ),
        migrations.AddField(
            model_name="payoutbatch",
            name="approvals_needed",
            field=models.PositiveSmallIntegerField(
                default=1, editable=False, help_text="Frozen when it is put up: what its sum asks for."
            ),
        ),
        migrations.AddField(
            model_name="payoutbatch",
            name="turn",
            field=models.PositiveSmallIntegerField(
                default=0,
                editable=False,
                help_text="How often it was put up: only approvals of this turn count.",
            ),
        ),
        migrations.AddConstraint(
            model_name="payoutbatch",
            constraint=models.CheckConstraint(
                condition=models.Q(("approvals_needed__gte", 1)), name="payout_batch_needs_an_approval"
            ),
        ),
        migrations.AddField(
            model_name="approvaltier",
            name="program",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="approval_tiers",
                to="referrals.program",
            ),
        ),
        migrations.AddField(
            model_name="batchapproval",
            name="batch",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="approvals",
                to="payouts.payoutbatch",
            ),
        ),
        migrations.AddField(
            model_name="batchapproval",
            name="person",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
            ),
        ),
        migrations.AddField(
            model_name="batchapproval",
            name="prepared_by",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
            ),
        ),
        migrations.AddField(
            model_name="batchline",
            name="batch",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="lines", to="payouts.payoutbatch"
            ),
        ),
        migrations.AddField(
            model_name="batchline",
            name="bonus",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="batch_lines", to="payouts.bonus"
            ),
        ),
        migrations.AddField(
            model_name="batchnote",
            name="batch",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="notes", to="payouts.payoutbatch"
            ),
        ),
        migrations.AddField(
            model_name="batchnote",
            name="bonus",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="batch_notes",
                to="payouts.bonus",
            ),
        ),
        migrations.AddField(
            model_name="batchnote",
            name="written_by",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
            ),
        ),
        migrations.AddField(
            model_name="payoutlimit",
            name="program",
            field=models.OneToOneField(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="payout_limit",
                to="referrals.program",
            ),
        ),
        migrations.AddConstraint(
            model_name="approvaltier",
            constraint=models.UniqueConstraint(fields=("program", "people"), name="approval_tier_once"),
        ),
        migrations.AddConstraint(
            model_name="approvaltier",
            constraint=models.CheckConstraint(
                condition=models.Q(("from_minor__gt", 0)), name="approval_tier_amount_positive"
            ),
        ),
        migrations.AddConstraint(
            model_name="approvaltier",
            constraint=models.CheckConstraint(
                condition=models.Q(("people__gte", 3), ("people__lte", 4)),
                name="approval_tier_asks_for_three_or_four",
            ),
        ),
        migrations.AddConstraint(
            model_name="batchapproval",
            constraint=models.UniqueConstraint(
                fields=("batch", "turn", "person"), name="batch_approval_once_per_person"
            ),
        ),
        migrations.AddConstraint(
            model_name="batchapproval",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("people_needed__lt", 2),
                    models.Q(("person", models.F("prepared_by")), _negated=True),
                    _connector="OR",
                ),
                name="batch_approval_by_another_than_prepared",
            ),
        ),
        migrations.AddConstraint(
            model_name="batchline",
            constraint=models.UniqueConstraint(
                fields=("batch", "turn", "bonus"), name="batch_line_once_per_turn"
            ),
        ),
        migrations.AddConstraint(
            model_name="batchline",
            constraint=models.CheckConstraint(
                condition=models.Q(("amount_minor__gt", 0)), name="batch_line_amount_positive"
            ),
        ),
        migrations.AddConstraint(
            model_name="batchnote",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("about", "EXCLUDED"), ("bonus__isnull", False)),
                    models.Q(models.Q(("about", "EXCLUDED"), _negated=True), ("bonus__isnull", True)),
                    _connector="OR",
                ),
                name="batch_note_of_a_bonus_iff_excluded",
            ),
        ),
        migrations.AddConstraint(
            model_name="payoutlimit",
            constraint=models.CheckConstraint(
                condition=models.Q(("per_referrer_minor__gt", 0)), name="payout_limit_positive"
            ),
        ),
        migrations.RunPython(triggers.append_only(*APPEND_ONLY), triggers.removed(*APPEND_ONLY)),
        # Last: SQLite drops a table's triggers when the table is rebuilt.
        migrations.RunPython(
            triggers.refusing_updates(
                BATCH, when=NAMES_MISSING, message="a batch is approved by fewer people than it needs"
            ),
            triggers.removed(BATCH),
        ),
    ]
