"""Months of the books are closed: the database takes no transfer into them. Spends that the host tells."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

from payouts import triggers as closed_months
from referrals import triggers

APPEND_ONLY = ["payouts_closedbalance", "payouts_hostspend"]


class Migration(migrations.Migration):
    dependencies = [
        ("payouts", "0006_signing"),
        ("referrals", "0018_senior_first"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="MonthClose",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("month", models.DateField(help_text="Its first day, in the time zone of the program.")),
                (
                    "ends_at",
                    models.DateTimeField(help_text="The instant at which the next month begins there."),
                ),
                ("closed_at", models.DateTimeField()),
                ("transfers", models.BigIntegerField(help_text="How many there were up to its end.")),
                (
                    "balances_sha256",
                    models.CharField(
                        help_text="Over what was debited and credited, account by account.", max_length=64
                    ),
                ),
                ("reopened_at", models.DateTimeField(null=True)),
                ("reopened_because", models.CharField(blank=True, max_length=200)),
                (
                    "closed_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "confirmed_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "program",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="month_closes",
                        to="referrals.program",
                    ),
                ),
                (
                    "reopened_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "reopening_confirmed_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "verbose_name": "closed month",
                "permissions": [("close_monthclose", "Can close a month of the books and open it again")],
            },
        ),
        migrations.CreateModel(
            name="ClosedBalance",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("EXPENSE", "Expense"),
                            ("CLEARING", "Clearing"),
                            ("BANK", "Bank"),
                            ("SERVICES", "Services"),
                            ("PAYABLE", "Payable"),
                            ("BALANCE", "Balance"),
                            ("CREDIT", "Credit"),
                            ("CASH_OWED", "Cash owed"),
                        ],
                        max_length=9,
                    ),
                ),
                ("currency", models.CharField(max_length=3)),
                ("debits_minor", models.BigIntegerField()),
                ("credits_minor", models.BigIntegerField()),
                (
                    "close",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="balances",
                        to="payouts.monthclose",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="HostSpend",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("key", models.CharField(help_text="The id that the client gave it.", max_length=200)),
                ("told_sha256", models.CharField(max_length=64)),
                (
                    "client",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="spends",
                        to="referrals.apiclient",
                    ),
                ),
                (
                    "spend",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT, related_name="told", to="payouts.spend"
                    ),
                ),
            ],
            options={
                "constraints": [models.UniqueConstraint(fields=("client", "key"), name="host_spend_once")],
            },
        ),
        migrations.AddConstraint(
            model_name="monthclose",
            constraint=models.UniqueConstraint(
                condition=models.Q(("reopened_at__isnull", True)),
                fields=("program", "month"),
                name="month_close_once",
            ),
        ),
        migrations.AddConstraint(
            model_name="monthclose",
            constraint=models.CheckConstraint(
                condition=models.Q(("closed_by", models.F("confirmed_by")), _negated=True),
                name="month_close_by_two_people",
            ),
        ),
        migrations.AddConstraint(
            model_name="monthclose",
            constraint=models.CheckConstraint(
                condition=models.Q(("closed_at__gte", models.F("ends_at"))), name="month_close_after_its_end"
            ),
        ),
        migrations.AddConstraint(
            model_name="monthclose",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(
                        ("reopened_at__isnull", True),
                        ("reopened_because", ""),
                        ("reopened_by__isnull", True),
                        ("reopening_confirmed_by__isnull", True),
                    ),
                    models.Q(
                        ("reopened_at__isnull", False),
                        ("reopened_by__isnull", False),
                        ("reopening_confirmed_by__isnull", False),
                        models.Q(("reopened_by", models.F("reopening_confirmed_by")), _negated=True),
                        models.Q(("reopened_because", ""), _negated=True),
                    ),
                    _connector="OR",
                ),
                name="month_close_reopened_by_two_people_with_a_reason",
            ),
        ),
        migrations.AddConstraint(
            model_name="closedbalance",
            constraint=models.UniqueConstraint(
                fields=("close", "kind", "currency"), name="closed_balance_once"
            ),
        ),
        migrations.RunPython(triggers.append_only(*APPEND_ONLY), triggers.removed(*APPEND_ONLY)),
        migrations.RunPython(closed_months.closed_months_stay_closed, closed_months.removed),
    ]
