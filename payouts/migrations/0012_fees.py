"""Fees that referrers bear: stated by ways to pay, kept from payouts, in an account of their own."""

import django.db.models.deletion
from django.apps.registry import Apps
from django.conf import settings
from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

from payouts import credit_triggers
from payouts import triggers as closed_months
from referrals import triggers

APPEND_ONLY = ["payouts_fee"]
# SQLite rebuilds these, and would drop their triggers silently; and it stumbles over triggers of transfers
# that name the accounts while these are rebuilt.
TRANSFERS, METHODS = "payouts_transfer", "payouts_payoutmethod"
# As in 0005: of a way to pay only these columns move on. What it charges does not.
MOVING = ("closed_at", "closed_by_id")


def keep_methods(apps: Apps, editor: BaseDatabaseSchemaEditor) -> None:
    differs = "IS DISTINCT FROM" if editor.connection.vendor == "postgresql" else "IS NOT"
    fields = apps.get_model("payouts", "PayoutMethod")._meta.concrete_fields
    columns = [str(field.column) for field in fields if field.column not in MOVING]
    condition = " OR ".join(f'NEW."{column}" {differs} OLD."{column}"' for column in columns)
    triggers.kept({METHODS: condition})(apps, editor)


def open_fees(apps: Apps, editor: BaseDatabaseSchemaEditor) -> None:
    """Programs that were there before have no account of fees yet."""
    accounts = apps.get_model("payouts", "LedgerAccount").objects
    programs = apps.get_model("referrals", "Program").objects.values_list("pk", "currency")
    accounts.bulk_create(
        (
            accounts.model(kind="FEES", program_id=program, currency=currency)
            for program, currency in programs
        ),
        ignore_conflicts=True,
    )
    check_now(editor)


def close_fees(apps: Apps, editor: BaseDatabaseSchemaEditor) -> None:
    """The way back, while nothing was booked in them."""
    apps.get_model("payouts", "LedgerAccount").objects.filter(kind="FEES").delete()
    check_now(editor)


def check_now(editor: BaseDatabaseSchemaEditor) -> None:
    """Let PostgreSQL look at foreign keys at once, as in 0005: it alters no table before it has."""
    if editor.connection.vendor == "postgresql":
        editor.execute("SET CONSTRAINTS ALL IMMEDIATE", params=None)
        editor.execute("SET CONSTRAINTS ALL DEFERRED", params=None)


class Migration(migrations.Migration):
    dependencies = [
        ("payouts", "0010_account_credit"),
        ("referrals", "0019_suspending"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.RunPython(credit_triggers.removed, credit_triggers.credit_stays_credit),
        migrations.RunPython(triggers.removed(TRANSFERS), closed_months.closed_months_stay_closed),
        migrations.RunPython(migrations.RunPython.noop, triggers.append_only(TRANSFERS)),
        migrations.RunPython(triggers.removed(METHODS), keep_methods),
        migrations.CreateModel(
            name="Fee",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "charged_minor",
                    models.BigIntegerField(help_text="The part of the payout that is not free of fees."),
                ),
                ("amount_minor", models.BigIntegerField()),
                ("currency", models.CharField(max_length=3)),
                ("charged_at", models.DateTimeField()),
            ],
            options={
                "ordering": ["pk"],
            },
        ),
        migrations.RemoveConstraint(
            model_name="ledgeraccount",
            name="ledger_account_of_program_or_referrer",
        ),
        migrations.RemoveConstraint(
            model_name="transfer",
            name="transfer_has_one_cause",
        ),
        migrations.AddField(
            model_name="payoutmethod",
            name="fee_basis_points",
            field=models.PositiveSmallIntegerField(
                default=0,
                help_text="Hundredths of a percent of what is not free of fees; the referrer bears it, too.",
                verbose_name="fee in basis points",
            ),
        ),
        migrations.AddField(
            model_name="payoutmethod",
            name="fee_fixed_minor",
            field=models.BigIntegerField(
                default=0,
                help_text="In minor units; the referrer bears it, unless the bonuses paid are free of fees.",
                verbose_name="fee per payment",
            ),
        ),
        migrations.AlterField(
            model_name="closedbalance",
            name="kind",
            field=models.CharField(
                choices=[
                    ("EXPENSE", "Expense"),
                    ("CLEARING", "Clearing"),
                    ("BANK", "Bank"),
                    ("SERVICES", "Services"),
                    ("FEES", "Fees"),
                    ("PAYABLE", "Payable"),
                    ("BALANCE", "Balance"),
                    ("CREDIT", "Credit"),
                    ("CASH_OWED", "Cash owed"),
                ],
                max_length=9,
            ),
        ),
        migrations.AlterField(
            model_name="ledgeraccount",
            name="kind",
            field=models.CharField(
                choices=[
                    ("EXPENSE", "Expense"),
                    ("CLEARING", "Clearing"),
                    ("BANK", "Bank"),
                    ("SERVICES", "Services"),
                    ("FEES", "Fees"),
                    ("PAYABLE", "Payable"),
                    ("BALANCE", "Balance"),
                    ("CREDIT", "Credit"),
                    ("CASH_OWED", "Cash owed"),
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
                    ("FEE", "Fee"),
                    ("FEE_BACK", "Fee back"),
                ],
                max_length=9,
            ),
        ),
        migrations.AddConstraint(
            model_name="ledgeraccount",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(
                        ("enrollment__isnull", True),
                        ("kind__in", ["EXPENSE", "CLEARING", "BANK", "SERVICES", "FEES"]),
                    ),
                    models.Q(
                        ("enrollment__isnull", False),
                        ("kind__in", ["PAYABLE", "BALANCE", "CREDIT", "CASH_OWED"]),
                    ),
                    _connector="OR",
                ),
                name="ledger_account_of_program_or_referrer",
            ),
        ),
        migrations.AddConstraint(
            model_name="payoutmethod",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("fee_basis_points__gte", 0),
                    ("fee_basis_points__lte", 10000),
                    ("fee_fixed_minor__gte", 0),
                ),
                name="payout_method_fee_in_bounds",
            ),
        ),
        migrations.AddConstraint(
            model_name="payoutmethod",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("code", "HOST"), _negated=True),
                    models.Q(("fee_basis_points", 0), ("fee_fixed_minor", 0)),
                    _connector="OR",
                ),
                name="payout_method_host_charges_nothing",
            ),
        ),
        migrations.AddField(
            model_name="fee",
            name="arrival",
            field=models.OneToOneField(
                help_text="Of a payment that was given up and arrived: it was sent less its fee.",
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="fee",
                to="payouts.arrival",
            ),
        ),
        migrations.AddField(
            model_name="fee",
            name="line",
            field=models.OneToOneField(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="fee",
                to="payouts.paymentline",
            ),
        ),
        migrations.AddField(
            model_name="fee",
            name="order",
            field=models.OneToOneField(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="fee",
                to="payouts.paymentorder",
            ),
        ),
        migrations.AddField(
            model_name="fee",
            name="payout",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="fees", to="payouts.payout"
            ),
        ),
        migrations.AddField(
            model_name="transfer",
            name="fee",
            field=models.ForeignKey(
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="transfers",
                to="payouts.fee",
            ),
        ),
        migrations.AddConstraint(
            model_name="transfer",
            constraint=models.UniqueConstraint(
                condition=models.Q(("fee__isnull", False)),
                fields=("fee", "kind"),
                name="transfer_once_per_fee_and_kind",
            ),
        ),
        migrations.AddConstraint(
            model_name="transfer",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(
                        ("arrival__isnull", True),
                        ("bonus__isnull", False),
                        ("fee__isnull", True),
                        ("gift__isnull", True),
                        ("payout__isnull", True),
                        ("set_off__isnull", True),
                        ("spend__isnull", True),
                        ("withdrawal__isnull", True),
                    ),
                    models.Q(
                        ("arrival__isnull", True),
                        ("bonus__isnull", True),
                        ("fee__isnull", True),
                        ("gift__isnull", True),
                        ("payout__isnull", False),
                        ("set_off__isnull", True),
                        ("spend__isnull", True),
                        ("withdrawal__isnull", True),
                    ),
                    models.Q(
                        ("arrival__isnull", True),
                        ("bonus__isnull", True),
                        ("fee__isnull", True),
                        ("gift__isnull", True),
                        ("payout__isnull", True),
                        ("set_off__isnull", True),
                        ("spend__isnull", True),
                        ("withdrawal__isnull", False),
                    ),
                    models.Q(
                        ("arrival__isnull", True),
                        ("bonus__isnull", True),
                        ("fee__isnull", True),
                        ("gift__isnull", True),
                        ("payout__isnull", True),
                        ("set_off__isnull", True),
                        ("spend__isnull", False),
                        ("withdrawal__isnull", True),
                    ),
                    models.Q(
                        ("arrival__isnull", True),
                        ("bonus__isnull", True),
                        ("fee__isnull", True),
                        ("gift__isnull", False),
                        ("payout__isnull", True),
                        ("set_off__isnull", True),
                        ("spend__isnull", True),
                        ("withdrawal__isnull", True),
                    ),
                    models.Q(
                        ("arrival__isnull", True),
                        ("bonus__isnull", True),
                        ("fee__isnull", True),
                        ("gift__isnull", True),
                        ("payout__isnull", True),
                        ("set_off__isnull", False),
                        ("spend__isnull", True),
                        ("withdrawal__isnull", True),
                    ),
                    models.Q(
                        ("arrival__isnull", False),
                        ("bonus__isnull", True),
                        ("fee__isnull", True),
                        ("gift__isnull", True),
                        ("payout__isnull", True),
                        ("set_off__isnull", True),
                        ("spend__isnull", True),
                        ("withdrawal__isnull", True),
                    ),
                    models.Q(
                        ("arrival__isnull", True),
                        ("bonus__isnull", True),
                        ("fee__isnull", False),
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
            model_name="fee",
            constraint=models.CheckConstraint(
                condition=models.Q(("amount_minor__gt", 0), ("amount_minor__lte", models.F("charged_minor"))),
                name="fee_positive_and_no_more_than_is_charged",
            ),
        ),
        migrations.AddConstraint(
            model_name="fee",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("arrival__isnull", True), ("line__isnull", False), ("order__isnull", True)),
                    models.Q(("arrival__isnull", True), ("line__isnull", True), ("order__isnull", False)),
                    models.Q(("arrival__isnull", False), ("line__isnull", True), ("order__isnull", True)),
                    _connector="OR",
                ),
                name="fee_of_one_payment",
            ),
        ),
        migrations.RunPython(triggers.append_only(*APPEND_ONLY), triggers.removed(*APPEND_ONLY)),
        # Last: SQLite drops a table's triggers when the table is rebuilt.
        migrations.RunPython(keep_methods, triggers.removed(METHODS)),
        migrations.RunPython(triggers.append_only(TRANSFERS), triggers.removed(TRANSFERS)),
        migrations.RunPython(closed_months.closed_months_stay_closed, migrations.RunPython.noop),
        migrations.RunPython(credit_triggers.credit_stays_credit, credit_triggers.removed),
        migrations.RunPython(open_fees, close_fees),
    ]
