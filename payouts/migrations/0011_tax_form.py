"""Above which sum a program asks for a tax form, and what staff write down about each referrer's."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

from referrals import triggers

APPEND_ONLY = ["payouts_taxformchange", "payouts_taxformlimit"]


class Migration(migrations.Migration):
    dependencies = [
        ("payouts", "0010_account_credit"),
        ("referrals", "0019_suspending"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="TaxFormChange",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("REQUESTED", "Requested"),
                            ("RECEIVED", "Received"),
                            ("REFUSED", "Refused"),
                        ],
                        max_length=9,
                    ),
                ),
                (
                    "valid_until",
                    models.DateField(help_text="The last day; none: it does not expire.", null=True),
                ),
                (
                    "expires_at",
                    models.DateTimeField(help_text="That day's end in the program's zone.", null=True),
                ),
                ("changed_at", models.DateTimeField()),
                ("note", models.CharField(blank=True, max_length=200)),
                (
                    "changed_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "enrollment",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="tax_form_changes",
                        to="referrals.enrollment",
                    ),
                ),
            ],
            options={
                "ordering": ["pk"],
                "permissions": [("set_taxform", "Can say how the tax form of a referrer stands")],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("status__in", ["REQUESTED", "RECEIVED", "REFUSED"])),
                        name="tax_form_change_status_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("expires_at__isnull", True), ("valid_until__isnull", True)),
                            models.Q(
                                ("expires_at__gt", models.F("changed_at")),
                                ("expires_at__isnull", False),
                                ("status", "RECEIVED"),
                                ("valid_until__isnull", False),
                            ),
                            _connector="OR",
                        ),
                        name="tax_form_change_expires_once_received",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="TaxFormLimit",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "above_minor",
                    models.BigIntegerField(
                        help_text="None: no form is asked for any more.", null=True, verbose_name="above"
                    ),
                ),
                ("quote", models.TextField(blank=True)),
                ("set_at", models.DateTimeField()),
                (
                    "program",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="tax_form_limits",
                        to="referrals.program",
                    ),
                ),
            ],
            options={
                "ordering": ["pk"],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            ("above_minor__isnull", True), ("above_minor__gte", 0), _connector="OR"
                        ),
                        name="tax_form_limit_not_negative",
                    )
                ],
            },
        ),
        migrations.RunPython(triggers.append_only(*APPEND_ONLY), triggers.removed(*APPEND_ONLY)),
    ]
