"""Ways to pay, destinations, payment files, reports; withdrawals get payouts; the account of the bank."""

import django.db.models.deletion
import django.db.models.expressions
from django.apps.registry import Apps
from django.conf import settings
from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

from referrals import triggers

APPEND_ONLY = ["payouts_paymentfilechange", "payouts_paymentreport", "payouts_paymentreportline"]

KEPT = {
    # Of each only these columns move on: when it ends, whether it is void.
    "payouts_payoutmethod": ("closed_at", "closed_by_id"),
    "payouts_destination": ("confirmed_at", "confirmed_by_id", "usable_from", "retired_at", "retired_by_id"),
    "payouts_paymentfile": ("status",),
    "payouts_paymentline": ("is_void",),
}
# A payout grows while its batch is being paid, and not a cent once it is told to a bank.
OF_PAYOUTS = "NEW.amount_minor <> OLD.amount_minor AND OLD.status NOT IN ('PREPARED', 'CREDITED')"


def keep(apps: Apps, editor: BaseDatabaseSchemaEditor) -> None:
    differs = "IS DISTINCT FROM" if editor.connection.vendor == "postgresql" else "IS NOT"
    for table, moving in KEPT.items():
        model = apps.get_model("payouts", table.removeprefix("payouts_"))
        columns = [str(field.column) for field in model._meta.concrete_fields if field.column not in moving]
        condition = " OR ".join(f'NEW."{column}" {differs} OLD."{column}"' for column in columns)
        triggers.kept({table: condition})(apps, editor)
    triggers.kept({"payouts_payout": OF_PAYOUTS}, deleted=True)(apps, editor)


def open_banks(apps: Apps, editor: BaseDatabaseSchemaEditor) -> None:
    """Programs that were there before have no account of their bank yet."""
    accounts = apps.get_model("payouts", "LedgerAccount").objects
    programs = apps.get_model("referrals", "Program").objects.values_list("pk", "currency")
    accounts.bulk_create(
        (
            accounts.model(kind="BANK", program_id=program, currency=currency)
            for program, currency in programs
        ),
        ignore_conflicts=True,
    )
    check_now(editor)


def pay_out_withdrawals(apps: Apps, editor: BaseDatabaseSchemaEditor) -> None:
    """What was withdrawn before waits for a payment file: nothing has ever said that it was sent."""
    payouts, changes = (apps.get_model("payouts", name).objects for name in ("Payout", "PayoutChange"))
    for withdrawal in apps.get_model("payouts", "Withdrawal").objects.filter(payouts=None).order_by("pk"):
        payout = payouts.create(
            withdrawal=withdrawal,
            enrollment_id=withdrawal.enrollment_id,
            amount_minor=withdrawal.amount_minor,
            currency=withdrawal.currency,
            status="PREPARED",
            created_at=withdrawal.requested_at,
        )
        changes.create(payout=payout, new_status="PREPARED", changed_at=payout.created_at)
    check_now(editor)


def check_now(editor: BaseDatabaseSchemaEditor) -> None:
    """
    Let PostgreSQL look at the foreign keys of new rows at once.

    It would do so at the end of the migration, and makes no index before on a table whose rows it has to
    look at; Django makes the indexes of new foreign keys after all steps.
    """
    if editor.connection.vendor == "postgresql":
        editor.execute("SET CONSTRAINTS ALL IMMEDIATE", params=None)
        editor.execute("SET CONSTRAINTS ALL DEFERRED", params=None)


class Migration(migrations.Migration):
    dependencies = [
        ("payouts", "0004_months"),
        ("referrals", "0018_senior_first"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        # SQLite may rebuild the table, and would drop them silently.
        migrations.RunPython(
            triggers.removed("payouts_payoutchange"), triggers.append_only("payouts_payoutchange")
        ),
        migrations.CreateModel(
            name="Destination",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "method",
                    models.CharField(
                        choices=[
                            ("SEPA", "SEPA"),
                            ("NACHA", "NACHA"),
                            ("PAYPAL", "PayPal"),
                            ("WISE", "Wise"),
                        ],
                        max_length=8,
                    ),
                ),
                ("holder_name", models.CharField(max_length=140)),
                ("iban", models.CharField(blank=True, max_length=34, verbose_name="IBAN")),
                ("bic", models.CharField(blank=True, max_length=11, verbose_name="BIC")),
                ("routing_number", models.CharField(blank=True, max_length=9)),
                ("account_number", models.CharField(blank=True, max_length=17)),
                ("is_savings", models.BooleanField(default=False, verbose_name="savings account")),
                ("recipient", models.CharField(blank=True, max_length=127)),
                ("town", models.CharField(blank=True, max_length=35)),
                ("country", models.CharField(blank=True, max_length=2)),
                ("people_needed", models.PositiveSmallIntegerField(default=2, editable=False)),
                ("created_at", models.DateTimeField()),
                (
                    "reason",
                    models.CharField(
                        help_text="How the referrer told it, and how it was checked.", max_length=200
                    ),
                ),
                ("confirmed_at", models.DateTimeField(null=True)),
                ("usable_from", models.DateTimeField(help_text="Before, nothing is paid to it.", null=True)),
                ("retired_at", models.DateTimeField(null=True)),
            ],
            options={
                "permissions": [
                    ("set_destination", "Can tell where a referrer is paid"),
                    ("confirm_destination", "Can confirm where a referrer is paid"),
                ],
            },
        ),
        migrations.CreateModel(
            name="PaymentFile",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("sequence", models.PositiveIntegerField()),
                ("identification", models.CharField(max_length=30)),
                ("pay_on", models.DateField()),
                ("of_the_day", models.CharField(default="A", editable=False, max_length=1)),
                (
                    "note",
                    models.CharField(help_text="What the referrer reads on the statement.", max_length=140),
                ),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("MADE", "Made"),
                            ("UPLOADED", "Uploaded"),
                            ("IN_DOUBT", "In doubt"),
                            ("VOIDED", "Voided"),
                        ],
                        editable=False,
                        max_length=8,
                    ),
                ),
                ("count", models.PositiveIntegerField(verbose_name="payments")),
                ("total_minor", models.BigIntegerField(verbose_name="total")),
                ("currency", models.CharField(max_length=3)),
                ("sha256", models.CharField(max_length=64, verbose_name="fingerprint")),
                ("made_at", models.DateTimeField()),
            ],
            options={
                "permissions": [
                    ("prepare_paymentfile", "Can make payment files, download them and read in reports"),
                    (
                        "approve_paymentfile",
                        "Can say that a payment file was uploaded, void it, settle doubts",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="PaymentFileChange",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("old_status", models.CharField(blank=True, max_length=8)),
                (
                    "new_status",
                    models.CharField(
                        choices=[
                            ("MADE", "Made"),
                            ("UPLOADED", "Uploaded"),
                            ("IN_DOUBT", "In doubt"),
                            ("VOIDED", "Voided"),
                        ],
                        max_length=8,
                    ),
                ),
                ("changed_at", models.DateTimeField()),
            ],
            options={
                "ordering": ["pk"],
            },
        ),
        migrations.CreateModel(
            name="PaymentLine",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("reference", models.CharField(max_length=15)),
                ("amount_minor", models.BigIntegerField()),
                ("currency", models.CharField(max_length=3)),
                (
                    "is_void",
                    models.BooleanField(default=False, help_text="Its file was voided.", verbose_name="void"),
                ),
            ],
            options={
                "ordering": ["pk"],
            },
        ),
        migrations.CreateModel(
            name="PaymentReport",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("name", models.CharField(max_length=200)),
                ("sha256", models.CharField(max_length=64, verbose_name="fingerprint")),
                ("read_at", models.DateTimeField()),
                ("done", models.PositiveIntegerField(default=0)),
                ("unchanged", models.PositiveIntegerField(default=0)),
                ("refused", models.PositiveIntegerField(default=0)),
            ],
        ),
        migrations.CreateModel(
            name="PaymentReportLine",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("number", models.PositiveIntegerField(verbose_name="line")),
                ("reference", models.CharField(max_length=100)),
                (
                    "result",
                    models.CharField(
                        help_text="As it stands there: CONFIRMED, FAILED, RETURNED.", max_length=40
                    ),
                ),
                ("detail", models.CharField(blank=True, max_length=200)),
                (
                    "verdict",
                    models.CharField(
                        choices=[("DONE", "Done"), ("UNCHANGED", "Unchanged"), ("REFUSED", "Refused")],
                        max_length=9,
                    ),
                ),
                ("because", models.CharField(blank=True, max_length=200)),
            ],
            options={
                "ordering": ["pk"],
            },
        ),
        migrations.CreateModel(
            name="PayoutMethod",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "code",
                    models.CharField(
                        choices=[
                            ("SEPA", "SEPA"),
                            ("NACHA", "NACHA"),
                            ("PAYPAL", "PayPal"),
                            ("WISE", "Wise"),
                        ],
                        max_length=8,
                        verbose_name="method",
                    ),
                ),
                (
                    "payer_name",
                    models.CharField(
                        blank=True, help_text="The company, as its bank knows it.", max_length=70
                    ),
                ),
                (
                    "payer_identification",
                    models.CharField(
                        blank=True,
                        help_text="NACHA: the company id, ten characters. SEPA: if the bank asks.",
                        max_length=35,
                    ),
                ),
                (
                    "payer_iban",
                    models.CharField(blank=True, help_text="SEPA.", max_length=42, verbose_name="payer IBAN"),
                ),
                (
                    "payer_bic",
                    models.CharField(
                        blank=True,
                        help_text="SEPA, if the bank asks.",
                        max_length=11,
                        verbose_name="payer BIC",
                    ),
                ),
                (
                    "payer_routing_number",
                    models.CharField(
                        blank=True, help_text="NACHA: of the bank that takes the file.", max_length=9
                    ),
                ),
                ("payer_bank_name", models.CharField(blank=True, help_text="NACHA.", max_length=23)),
                (
                    "template",
                    models.TextField(
                        blank=True,
                        help_text="Wise: the first line of its template for the currency, as it stands.",
                    ),
                ),
                (
                    "minimum_minor",
                    models.BigIntegerField(
                        default=0,
                        help_text="In minor units; zero: any amount.",
                        verbose_name="least withdrawal",
                    ),
                ),
                (
                    "cooling_days",
                    models.PositiveSmallIntegerField(
                        default=3, help_text="So many days a changed destination waits before it is paid to."
                    ),
                ),
                ("opened_at", models.DateTimeField()),
                ("closed_at", models.DateTimeField(editable=False, null=True)),
            ],
            options={
                "permissions": [("close_payoutmethod", "Can open and close a way to pay")],
            },
        ),
        migrations.RemoveConstraint(
            model_name="ledgeraccount",
            name="ledger_account_of_program_or_referrer",
        ),
        migrations.AddField(
            model_name="payout",
            name="withdrawal",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="payouts",
                to="payouts.withdrawal",
            ),
        ),
        migrations.AddField(
            model_name="payoutchange",
            name="approved_by",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="withdrawal",
            name="method",
            field=models.CharField(
                blank=True,
                choices=[("SEPA", "SEPA"), ("NACHA", "NACHA"), ("PAYPAL", "PayPal"), ("WISE", "Wise")],
                default="",
                help_text="As the referrer chose; empty: by which the destination is paid.",
                max_length=8,
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
                    ("PAYABLE", "Payable"),
                    ("BALANCE", "Balance"),
                    ("CREDIT", "Credit"),
                    ("CASH_OWED", "Cash owed"),
                ],
                max_length=9,
            ),
        ),
        migrations.AlterField(
            model_name="payout",
            name="batch",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="payouts",
                to="payouts.payoutbatch",
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
                ],
                max_length=9,
            ),
        ),
        migrations.AddIndex(
            model_name="payout",
            index=models.Index(
                condition=models.Q(("status", "PREPARED")), fields=["enrollment"], name="payout_prepared"
            ),
        ),
        migrations.AddConstraint(
            model_name="ledgeraccount",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(
                        ("enrollment__isnull", True),
                        ("kind__in", ["EXPENSE", "CLEARING", "BANK", "SERVICES"]),
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
            model_name="payout",
            constraint=models.UniqueConstraint(
                condition=models.Q(("withdrawal__isnull", False)),
                fields=("withdrawal", "attempt"),
                name="payout_once_per_withdrawal_and_attempt",
            ),
        ),
        migrations.AddConstraint(
            model_name="payout",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("batch__isnull", False), ("withdrawal__isnull", True)),
                    models.Q(("batch__isnull", True), ("withdrawal__isnull", False)),
                    _connector="OR",
                ),
                name="payout_of_a_batch_or_a_withdrawal",
            ),
        ),
        migrations.AddField(
            model_name="destination",
            name="confirmed_by",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="destination",
            name="created_by",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
            ),
        ),
        migrations.AddField(
            model_name="destination",
            name="enrollment",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="destinations",
                to="referrals.enrollment",
            ),
        ),
        migrations.AddField(
            model_name="destination",
            name="retired_by",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="paymentfile",
            name="made_by",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
            ),
        ),
        migrations.AddField(
            model_name="paymentfile",
            name="program",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="payment_files",
                to="referrals.program",
            ),
        ),
        migrations.AddField(
            model_name="paymentfilechange",
            name="approved_by",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="paymentfilechange",
            name="changed_by",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
            ),
        ),
        migrations.AddField(
            model_name="paymentfilechange",
            name="file",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="changes", to="payouts.paymentfile"
            ),
        ),
        migrations.AddField(
            model_name="paymentline",
            name="destination",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="lines", to="payouts.destination"
            ),
        ),
        migrations.AddField(
            model_name="paymentline",
            name="file",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="lines", to="payouts.paymentfile"
            ),
        ),
        migrations.AddField(
            model_name="paymentline",
            name="payout",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="lines", to="payouts.payout"
            ),
        ),
        migrations.AddField(
            model_name="paymentreport",
            name="program",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="payment_reports",
                to="referrals.program",
            ),
        ),
        migrations.AddField(
            model_name="paymentreport",
            name="read_by",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
            ),
        ),
        migrations.AddField(
            model_name="paymentreportline",
            name="payout",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="report_lines",
                to="payouts.payout",
            ),
        ),
        migrations.AddField(
            model_name="paymentreportline",
            name="report",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="lines", to="payouts.paymentreport"
            ),
        ),
        migrations.AddField(
            model_name="payoutmethod",
            name="closed_by",
            field=models.ForeignKey(
                editable=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="payoutmethod",
            name="opened_by",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
            ),
        ),
        migrations.AddField(
            model_name="payoutmethod",
            name="program",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="payout_methods",
                to="referrals.program",
            ),
        ),
        migrations.AddField(
            model_name="paymentfile",
            name="method",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="files", to="payouts.payoutmethod"
            ),
        ),
        migrations.AddConstraint(
            model_name="destination",
            constraint=models.UniqueConstraint(
                condition=models.Q(("confirmed_at__isnull", False), ("retired_at__isnull", True)),
                fields=("enrollment",),
                name="destination_one_live_per_referrer",
            ),
        ),
        migrations.AddConstraint(
            model_name="destination",
            constraint=models.UniqueConstraint(
                condition=models.Q(("confirmed_at__isnull", True), ("retired_at__isnull", True)),
                fields=("enrollment",),
                name="destination_one_waiting_per_referrer",
            ),
        ),
        migrations.AddConstraint(
            model_name="destination",
            constraint=models.CheckConstraint(
                condition=models.Q(("method__in", ["SEPA", "NACHA", "PAYPAL", "WISE"])),
                name="destination_method_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="destination",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("people_needed__lt", 2),
                    ("confirmed_by__isnull", True),
                    models.Q(("confirmed_by", models.F("created_by")), _negated=True),
                    _connector="OR",
                ),
                name="destination_confirmed_by_another",
            ),
        ),
        migrations.AddConstraint(
            model_name="destination",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(
                        ("confirmed_at__isnull", True),
                        ("confirmed_by__isnull", True),
                        ("usable_from__isnull", True),
                    ),
                    models.Q(
                        ("confirmed_at__isnull", False),
                        ("confirmed_by__isnull", False),
                        ("usable_from__gte", models.F("confirmed_at")),
                    ),
                    _connector="OR",
                ),
                name="destination_usable_once_confirmed",
            ),
        ),
        migrations.AddConstraint(
            model_name="paymentline",
            constraint=models.UniqueConstraint(
                condition=models.Q(("is_void", False)),
                fields=("payout",),
                name="payment_line_payout_in_one_live_file",
            ),
        ),
        migrations.AddConstraint(
            model_name="paymentline",
            constraint=models.UniqueConstraint(
                fields=("file", "reference"), name="payment_line_reference_once"
            ),
        ),
        migrations.AddConstraint(
            model_name="paymentline",
            constraint=models.CheckConstraint(
                condition=models.Q(("amount_minor__gt", 0)), name="payment_line_amount_positive"
            ),
        ),
        migrations.AddConstraint(
            model_name="paymentreportline",
            constraint=models.UniqueConstraint(fields=("report", "number"), name="payment_report_line_once"),
        ),
        migrations.AddConstraint(
            model_name="payoutmethod",
            constraint=models.UniqueConstraint(
                condition=models.Q(("closed_at__isnull", True)),
                fields=("program", "code"),
                name="payout_method_one_open_per_program",
            ),
        ),
        migrations.AddConstraint(
            model_name="payoutmethod",
            constraint=models.CheckConstraint(
                condition=models.Q(("code__in", ["SEPA", "NACHA", "PAYPAL", "WISE"])),
                name="payout_method_code_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="payoutmethod",
            constraint=models.CheckConstraint(
                condition=models.Q(("minimum_minor__gte", 0)), name="payout_method_minimum_not_negative"
            ),
        ),
        migrations.AddIndex(
            model_name="paymentfile",
            index=models.Index(
                condition=models.Q(("status__in", ["MADE", "IN_DOUBT"])),
                fields=["program"],
                name="payment_file_open",
            ),
        ),
        migrations.AddConstraint(
            model_name="paymentfile",
            constraint=models.UniqueConstraint(
                fields=("program", "sequence"), name="payment_file_numbered_once"
            ),
        ),
        migrations.AddConstraint(
            model_name="paymentfile",
            constraint=models.UniqueConstraint(
                fields=("identification",), name="payment_file_identified_once"
            ),
        ),
        migrations.AddConstraint(
            model_name="paymentfile",
            constraint=models.CheckConstraint(
                condition=models.Q(("status__in", ["MADE", "UPLOADED", "IN_DOUBT", "VOIDED"])),
                name="payment_file_status_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="paymentfile",
            constraint=models.CheckConstraint(
                condition=models.Q(("count__gt", 0), ("total_minor__gt", 0)),
                name="payment_file_holds_something",
            ),
        ),
        migrations.RunPython(
            triggers.append_only("payouts_payoutchange"), triggers.removed("payouts_payoutchange")
        ),
        migrations.RunPython(triggers.append_only(*APPEND_ONLY), triggers.removed(*APPEND_ONLY)),
        migrations.RunPython(keep, triggers.removed(*KEPT, "payouts_payout")),
        migrations.RunPython(open_banks, migrations.RunPython.noop),
        migrations.RunPython(pay_out_withdrawals, migrations.RunPython.noop),
    ]
