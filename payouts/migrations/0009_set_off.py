"""What referrers owe in cash is set off against payouts; payments that were given up may have arrived."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

from payouts import triggers as closed_months
from referrals import triggers

APPEND_ONLY = ["payouts_arrival", "payouts_setoff"]
# SQLite rebuilds these two, and would drop their triggers silently.
REBUILT = ["payouts_payout", "payouts_transfer"]
# A payout grows while its batch is paid, shrinks by what is set off, and stays once a bank is told.
OF_PAYOUTS = "NEW.amount_minor <> OLD.amount_minor AND OLD.status NOT IN ('PREPARED', 'CREDITED')"


class Migration(migrations.Migration):
    dependencies = [
        ("payouts", "0008_senders"),
        ("referrals", "0019_suspending"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.RunPython(triggers.removed(*REBUILT), closed_months.closed_months_stay_closed),
        migrations.RunPython(
            migrations.RunPython.noop, triggers.kept({"payouts_payout": OF_PAYOUTS}, deleted=True)
        ),
        migrations.RunPython(migrations.RunPython.noop, triggers.append_only("payouts_transfer")),
        migrations.CreateModel(
            name="Arrival",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "overpaid_minor",
                    models.BigIntegerField(
                        help_text="What was not to be paid any more: the referrer owes it."
                    ),
                ),
                ("settled_at", models.DateTimeField()),
                ("reason", models.CharField(max_length=200)),
            ],
            options={
                "ordering": ["pk"],
            },
        ),
        migrations.CreateModel(
            name="SetOff",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "turn",
                    models.PositiveIntegerField(
                        help_text="The how manyth of this referrer: of two at once, one counts."
                    ),
                ),
                ("owed_minor", models.BigIntegerField(help_text="What was owed before.")),
                ("amount_minor", models.BigIntegerField()),
                ("currency", models.CharField(max_length=3)),
                ("set_off_at", models.DateTimeField()),
            ],
            options={
                "verbose_name": "set-off",
                "ordering": ["pk"],
            },
        ),
        migrations.RemoveConstraint(
            model_name="payout",
            name="payout_amount_positive",
        ),
        migrations.RemoveConstraint(
            model_name="payout",
            name="payout_status_known",
        ),
        migrations.RemoveConstraint(
            model_name="transfer",
            name="transfer_has_one_cause",
        ),
        migrations.AlterField(
            model_name="payout",
            name="status",
            field=models.CharField(
                choices=[
                    ("PREPARED", "Prepared"),
                    ("CREDITED", "Credited"),
                    ("SENDING", "Sending"),
                    ("SENT", "Sent"),
                    ("CONFIRMED", "Confirmed"),
                    ("UNKNOWN", "Unknown"),
                    ("FAILED", "Failed"),
                    ("RETURNED", "Returned"),
                    ("REISSUED", "Reissued"),
                    ("CANCELLED", "Cancelled"),
                ],
                editable=False,
                max_length=9,
            ),
        ),
        migrations.AlterField(
            model_name="payoutchange",
            name="new_status",
            field=models.CharField(
                choices=[
                    ("PREPARED", "Prepared"),
                    ("CREDITED", "Credited"),
                    ("SENDING", "Sending"),
                    ("SENT", "Sent"),
                    ("CONFIRMED", "Confirmed"),
                    ("UNKNOWN", "Unknown"),
                    ("FAILED", "Failed"),
                    ("RETURNED", "Returned"),
                    ("REISSUED", "Reissued"),
                    ("CANCELLED", "Cancelled"),
                ],
                max_length=9,
            ),
        ),
        migrations.AlterField(
            model_name="transfer",
            name="kind",
            field=models.CharField(
                choices=[
                    ("ACTIVATED", "Activated"),
                    ("CANCELLED", "Cancelled"),
                    ("RELEASED", "Released"),
                    ("REVERSED", "Reversed"),
                    ("WITHDRAWN", "Withdrawn"),
                    ("SPENT", "Spent"),
                    ("GIVEN", "Given"),
                    ("CONFIRMED", "Confirmed"),
                    ("RETURNED", "Returned"),
                    ("SET_OFF", "Set off"),
                    ("OVERPAID", "Overpaid"),
                ],
                max_length=9,
            ),
        ),
        migrations.AddIndex(
            model_name="bonus",
            index=models.Index(
                condition=models.Q(("kind", "CASH"), ("status", "REVERSED")),
                fields=["enrollment"],
                name="bonus_cash_taken_back",
            ),
        ),
        migrations.AddConstraint(
            model_name="payout",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("amount_minor__gt", 0),
                    models.Q(("amount_minor", 0), ("status", "CANCELLED")),
                    _connector="OR",
                ),
                name="payout_amount_positive",
            ),
        ),
        migrations.AddConstraint(
            model_name="payout",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    (
                        "status__in",
                        [
                            "PREPARED",
                            "CREDITED",
                            "SENDING",
                            "SENT",
                            "CONFIRMED",
                            "UNKNOWN",
                            "FAILED",
                            "RETURNED",
                            "REISSUED",
                            "CANCELLED",
                        ],
                    )
                ),
                name="payout_status_known",
            ),
        ),
        migrations.AddField(
            model_name="arrival",
            name="confirmed_by",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
            ),
        ),
        migrations.AddField(
            model_name="arrival",
            name="line",
            field=models.OneToOneField(
                on_delete=django.db.models.deletion.PROTECT, related_name="arrival", to="payouts.paymentline"
            ),
        ),
        migrations.AddField(
            model_name="arrival",
            name="payout",
            field=models.ForeignKey(
                help_text="The latest attempt: paid by it, or paid a second time.",
                on_delete=django.db.models.deletion.PROTECT,
                related_name="arrivals",
                to="payouts.payout",
            ),
        ),
        migrations.AddField(
            model_name="arrival",
            name="told_by",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
            ),
        ),
        migrations.AddField(
            model_name="transfer",
            name="arrival",
            field=models.ForeignKey(
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="transfers",
                to="payouts.arrival",
            ),
        ),
        migrations.AddField(
            model_name="setoff",
            name="enrollment",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="set_offs",
                to="referrals.enrollment",
            ),
        ),
        migrations.AddField(
            model_name="setoff",
            name="payout",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="set_offs", to="payouts.payout"
            ),
        ),
        migrations.AddField(
            model_name="transfer",
            name="set_off",
            field=models.ForeignKey(
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="transfers",
                to="payouts.setoff",
            ),
        ),
        migrations.AddConstraint(
            model_name="transfer",
            constraint=models.UniqueConstraint(
                condition=models.Q(("set_off__isnull", False)),
                fields=("set_off",),
                name="transfer_once_per_set_off",
            ),
        ),
        migrations.AddConstraint(
            model_name="transfer",
            constraint=models.UniqueConstraint(
                condition=models.Q(("arrival__isnull", False)),
                fields=("arrival",),
                name="transfer_once_per_arrival",
            ),
        ),
        migrations.AddConstraint(
            model_name="transfer",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(
                        ("arrival__isnull", True),
                        ("bonus__isnull", False),
                        ("gift__isnull", True),
                        ("payout__isnull", True),
                        ("set_off__isnull", True),
                        ("spend__isnull", True),
                        ("withdrawal__isnull", True),
                    ),
                    models.Q(
                        ("arrival__isnull", True),
                        ("bonus__isnull", True),
                        ("gift__isnull", True),
                        ("payout__isnull", False),
                        ("set_off__isnull", True),
                        ("spend__isnull", True),
                        ("withdrawal__isnull", True),
                    ),
                    models.Q(
                        ("arrival__isnull", True),
                        ("bonus__isnull", True),
                        ("gift__isnull", True),
                        ("payout__isnull", True),
                        ("set_off__isnull", True),
                        ("spend__isnull", True),
                        ("withdrawal__isnull", False),
                    ),
                    models.Q(
                        ("arrival__isnull", True),
                        ("bonus__isnull", True),
                        ("gift__isnull", True),
                        ("payout__isnull", True),
                        ("set_off__isnull", True),
                        ("spend__isnull", False),
                        ("withdrawal__isnull", True),
                    ),
                    models.Q(
                        ("arrival__isnull", True),
                        ("bonus__isnull", True),
                        ("gift__isnull", False),
                        ("payout__isnull", True),
                        ("set_off__isnull", True),
                        ("spend__isnull", True),
                        ("withdrawal__isnull", True),
                    ),
                    models.Q(
                        ("arrival__isnull", True),
                        ("bonus__isnull", True),
                        ("gift__isnull", True),
                        ("payout__isnull", True),
                        ("set_off__isnull", False),
                        ("spend__isnull", True),
                        ("withdrawal__isnull", True),
                    ),
                    models.Q(
                        ("arrival__isnull", False),
                        ("bonus__isnull", True),
                        ("gift__isnull", True),
                        ("payout__isnull", True),
                        ("set_off__isnull", True),
                        ("spend__isnull", True),
                        ("withdrawal__isnull", True),
                    ),
                    _connector="OR",
                ),
                name="transfer_has_one_cause",
            ),
        ),
        migrations.AddConstraint(
            model_name="arrival",
            constraint=models.CheckConstraint(
                condition=models.Q(("told_by", models.F("confirmed_by")), _negated=True),
                name="arrival_said_by_two_people",
            ),
        ),
        migrations.AddConstraint(
            model_name="arrival",
            constraint=models.CheckConstraint(
                condition=models.Q(("overpaid_minor__gte", 0)), name="arrival_overpaid_not_negative"
            ),
        ),
        migrations.AddConstraint(
            model_name="setoff",
            constraint=models.UniqueConstraint(
                fields=("enrollment", "turn"), name="set_off_one_after_another"
            ),
        ),
        migrations.AddConstraint(
            model_name="setoff",
            constraint=models.CheckConstraint(
                condition=models.Q(("amount_minor__gt", 0)), name="set_off_amount_positive"
            ),
        ),
        migrations.AddConstraint(
            model_name="setoff",
            constraint=models.CheckConstraint(
                condition=models.Q(("amount_minor__lte", models.F("owed_minor"))),
                name="set_off_no_more_than_is_owed",
            ),
        ),
        migrations.RunPython(triggers.append_only(*APPEND_ONLY), triggers.removed(*APPEND_ONLY)),
        migrations.RunPython(triggers.append_only("payouts_transfer"), triggers.removed(*REBUILT)),
        migrations.RunPython(
            triggers.kept({"payouts_payout": OF_PAYOUTS}, deleted=True), migrations.RunPython.noop
        ),
        migrations.RunPython(closed_months.closed_months_stay_closed, migrations.RunPython.noop),
    ]
