"""Payments that go over the network: orders, calls about them, what the host told of them."""

import django.db.models.deletion
from django.apps.registry import Apps
from django.conf import settings
from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

from referrals import triggers

APPEND_ONLY = ["payouts_paymentcall", "payouts_paymentnotice"]

REBUILT = {
    # As in 0005: of each only these columns move on. Their tables are built anew here.
    "payouts_payoutmethod": ("closed_at", "closed_by_id"),
    "payouts_destination": ("confirmed_at", "confirmed_by_id", "usable_from", "retired_at", "retired_by_id"),
}
NEW = {
    "payouts_paymentorder": ("status", "reference", "said", "turn", "tries", "next_at", "sent_at"),
}


def keep(apps: Apps, editor: BaseDatabaseSchemaEditor, tables: dict[str, tuple[str, ...]]) -> None:
    differs = "IS DISTINCT FROM" if editor.connection.vendor == "postgresql" else "IS NOT"
    for table, moving in tables.items():
        model = apps.get_model("payouts", table.removeprefix("payouts_"))
        columns = [str(field.column) for field in model._meta.concrete_fields if field.column not in moving]
        condition = " OR ".join(f'NEW."{column}" {differs} OLD."{column}"' for column in columns)
        triggers.kept({table: condition})(apps, editor)


def keep_rebuilt(apps: Apps, editor: BaseDatabaseSchemaEditor) -> None:
    keep(apps, editor, REBUILT)


def keep_all(apps: Apps, editor: BaseDatabaseSchemaEditor) -> None:
    keep(apps, editor, REBUILT | NEW)


class Migration(migrations.Migration):
    dependencies = [
        ("payouts", "0007_closing"),
        ("referrals", "0019_suspending"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        # Their conditions name every column; on SQLite the tables are built anew, and triggers go with them.
        migrations.RunPython(triggers.removed(*REBUILT), keep_rebuilt),
        migrations.CreateModel(
            name="PaymentCall",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("turn", models.PositiveIntegerField()),
                (
                    "kind",
                    models.CharField(
                        choices=[("SEND", "Send"), ("ASK", "Ask"), ("SETTLE", "Settle")], max_length=6
                    ),
                ),
                ("at", models.DateTimeField()),
                (
                    "outcome",
                    models.CharField(
                        choices=[
                            ("ACCEPTED", "Accepted"),
                            ("PAID", "Paid"),
                            ("REFUSED", "Refused"),
                            ("RETURNED", "Returned"),
                            ("NOT_TAKEN", "Not taken"),
                            ("NOT_KNOWN", "Not known"),
                            ("UNKNOWN", "Unknown"),
                        ],
                        max_length=9,
                    ),
                ),
                ("detail", models.CharField(blank=True, max_length=200)),
            ],
            options={
                "ordering": ["pk"],
            },
        ),
        migrations.CreateModel(
            name="PaymentNotice",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "outcome",
                    models.CharField(
                        choices=[
                            ("ACCEPTED", "Accepted"),
                            ("PAID", "Paid"),
                            ("REFUSED", "Refused"),
                            ("RETURNED", "Returned"),
                            ("NOT_TAKEN", "Not taken"),
                            ("NOT_KNOWN", "Not known"),
                            ("UNKNOWN", "Unknown"),
                        ],
                        max_length=9,
                    ),
                ),
                ("detail", models.CharField(blank=True, max_length=200)),
                ("told_at", models.DateTimeField()),
            ],
            options={
                "ordering": ["pk"],
            },
        ),
        migrations.CreateModel(
            name="PaymentOrder",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "part",
                    models.PositiveIntegerField(
                        default=1,
                        help_text="Of a payout that is credited in several runs: 1, 2, ...",
                    ),
                ),
                ("key", models.CharField(help_text="The same in every call.", max_length=64, unique=True)),
                ("amount_minor", models.BigIntegerField()),
                ("currency", models.CharField(max_length=3)),
                ("written_at", models.DateTimeField()),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("WAITING", "Waiting"),
                            ("CALLING", "Calling"),
                            ("ACCEPTED", "Accepted"),
                            ("CONFIRMED", "Confirmed"),
                            ("REFUSED", "Refused"),
                            ("UNKNOWN", "Unknown"),
                            ("RETURNED", "Returned"),
                        ],
                        editable=False,
                        max_length=9,
                    ),
                ),
                (
                    "reference",
                    models.CharField(
                        blank=True, editable=False, help_text="Theirs, as they gave it.", max_length=100
                    ),
                ),
                (
                    "said",
                    models.CharField(blank=True, editable=False, help_text="What came last.", max_length=200),
                ),
                (
                    "turn",
                    models.PositiveIntegerField(
                        default=0,
                        editable=False,
                        help_text="How often it was taken up: who was overtaken changes nothing.",
                    ),
                ),
                (
                    "tries",
                    models.PositiveSmallIntegerField(
                        default=0, editable=False, help_text="Calls in a row that came to nothing."
                    ),
                ),
                (
                    "next_at",
                    models.DateTimeField(
                        editable=False, help_text="None: nobody calls by itself.", null=True
                    ),
                ),
                (
                    "sent_at",
                    models.DateTimeField(editable=False, help_text="When it was first sent.", null=True),
                ),
            ],
        ),
        migrations.RemoveConstraint(
            model_name="destination",
            name="destination_method_known",
        ),
        migrations.RemoveConstraint(
            model_name="payoutmethod",
            name="payout_method_code_known",
        ),
        migrations.AddField(
            model_name="payoutmethod",
            name="client",
            field=models.ForeignKey(
                blank=True,
                help_text="Host balance: the client of the API with whose secret credits are signed.",
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="referrals.apiclient",
                verbose_name="signed as",
            ),
        ),
        migrations.AddField(
            model_name="payoutmethod",
            name="endpoint",
            field=models.CharField(
                blank=True,
                help_text="Host balance: the host's address that takes credits, https.",
                max_length=300,
            ),
        ),
        migrations.AlterField(
            model_name="destination",
            name="method",
            field=models.CharField(
                choices=[
                    ("SEPA", "SEPA"),
                    ("NACHA", "NACHA"),
                    ("PAYPAL", "PayPal"),
                    ("WISE", "Wise"),
                    ("PAYPAL_API", "PayPal Payouts"),
                    ("STRIPE", "Stripe"),
                    ("HOST", "Host balance"),
                ],
                max_length=12,
            ),
        ),
        migrations.AlterField(
            model_name="payoutmethod",
            name="code",
            field=models.CharField(
                choices=[
                    ("SEPA", "SEPA"),
                    ("NACHA", "NACHA"),
                    ("PAYPAL", "PayPal"),
                    ("WISE", "Wise"),
                    ("PAYPAL_API", "PayPal Payouts"),
                    ("STRIPE", "Stripe"),
                    ("HOST", "Host balance"),
                ],
                max_length=12,
                verbose_name="method",
            ),
        ),
        migrations.AlterField(
            model_name="withdrawal",
            name="method",
            field=models.CharField(
                blank=True,
                choices=[
                    ("SEPA", "SEPA"),
                    ("NACHA", "NACHA"),
                    ("PAYPAL", "PayPal"),
                    ("WISE", "Wise"),
                    ("PAYPAL_API", "PayPal Payouts"),
                    ("STRIPE", "Stripe"),
                    ("HOST", "Host balance"),
                ],
                default="",
                help_text="As the referrer chose; empty: by which the destination is paid.",
                max_length=12,
            ),
        ),
        migrations.AddConstraint(
            model_name="destination",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("method__in", ["SEPA", "NACHA", "PAYPAL", "WISE", "PAYPAL_API", "STRIPE", "HOST"])
                ),
                name="destination_method_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="payoutmethod",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("code__in", ["SEPA", "NACHA", "PAYPAL", "WISE", "PAYPAL_API", "STRIPE", "HOST"])
                ),
                name="payout_method_code_known",
            ),
        ),
        migrations.AddField(
            model_name="paymentcall",
            name="by",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="paymentnotice",
            name="client",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="+", to="referrals.apiclient"
            ),
        ),
        migrations.AddField(
            model_name="paymentorder",
            name="destination",
            field=models.ForeignKey(
                help_text="None: the host.",
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="orders",
                to="payouts.destination",
            ),
        ),
        migrations.AddField(
            model_name="paymentorder",
            name="method",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="orders", to="payouts.payoutmethod"
            ),
        ),
        migrations.AddField(
            model_name="paymentorder",
            name="payout",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="orders", to="payouts.payout"
            ),
        ),
        migrations.AddField(
            model_name="paymentnotice",
            name="order",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="notices", to="payouts.paymentorder"
            ),
        ),
        migrations.AddField(
            model_name="paymentcall",
            name="order",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="calls", to="payouts.paymentorder"
            ),
        ),
        migrations.AddIndex(
            model_name="paymentorder",
            index=models.Index(
                condition=models.Q(("next_at__isnull", False)),
                fields=["next_at"],
                name="payment_order_to_call",
            ),
        ),
        migrations.AddConstraint(
            model_name="paymentorder",
            constraint=models.UniqueConstraint(
                fields=("payout", "part"), name="payment_order_once_per_payout"
            ),
        ),
        migrations.AddConstraint(
            model_name="paymentorder",
            constraint=models.CheckConstraint(
                condition=models.Q(("amount_minor__gt", 0)), name="payment_order_amount_positive"
            ),
        ),
        migrations.AddConstraint(
            model_name="paymentorder",
            constraint=models.CheckConstraint(
                condition=models.Q(("destination__isnull", True), ("part", 1), _connector="OR"),
                name="payment_order_pays_whole_payouts",
            ),
        ),
        migrations.AddConstraint(
            model_name="paymentorder",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    (
                        "status__in",
                        ["WAITING", "CALLING", "ACCEPTED", "CONFIRMED", "REFUSED", "UNKNOWN", "RETURNED"],
                    )
                ),
                name="payment_order_status_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="paymentnotice",
            constraint=models.UniqueConstraint(fields=("order", "outcome"), name="payment_notice_once"),
        ),
        migrations.AddConstraint(
            model_name="paymentcall",
            constraint=models.UniqueConstraint(fields=("order", "turn"), name="payment_call_once_per_turn"),
        ),
        migrations.RunPython(triggers.append_only(*APPEND_ONLY), triggers.removed(*APPEND_ONLY)),
        # Last: SQLite drops a table's triggers when the table is rebuilt.
        migrations.RunPython(keep_all, triggers.removed(*REBUILT, *NEW)),
    ]
