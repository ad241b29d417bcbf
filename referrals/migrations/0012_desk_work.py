"""The desk: saved views, comparisons, signals, corrections, second looks, messages, staff of programs."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("referrals", "0011_decided_today"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Comparison",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "verdict",
                    models.CharField(choices=[("SAME", "Same"), ("DIFFERENT", "Different")], max_length=9),
                ),
                ("compared_at", models.DateTimeField()),
            ],
            options={
                "ordering": ["pk"],
            },
        ),
        migrations.CreateModel(
            name="Correction",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("field", models.CharField(max_length=20)),
                ("old", models.CharField(blank=True, max_length=500, verbose_name="before")),
                ("new", models.CharField(blank=True, max_length=500, verbose_name="after")),
                ("reason", models.CharField(max_length=200)),
                ("corrected_at", models.DateTimeField()),
            ],
            options={
                "ordering": ["pk"],
            },
        ),
        migrations.CreateModel(
            name="Message",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("kind", models.CharField(max_length=32)),
                (
                    "key",
                    models.CharField(
                        help_text="What it is about: nothing is told twice under one key.",
                        max_length=100,
                        unique=True,
                    ),
                ),
                ("address", models.EmailField(max_length=254)),
                ("subject", models.CharField(max_length=200)),
                ("text", models.TextField()),
                ("written_at", models.DateTimeField()),
                (
                    "claimed_at",
                    models.DateTimeField(help_text="A worker is sending it since then.", null=True),
                ),
                ("sent_at", models.DateTimeField(null=True)),
                ("tries", models.PositiveSmallIntegerField(default=0)),
                ("error", models.CharField(blank=True, max_length=500)),
            ],
        ),
        migrations.CreateModel(
            name="ProgramStaff",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
            ],
            options={
                "verbose_name_plural": "staff of programs",
            },
        ),
        migrations.CreateModel(
            name="SavedView",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("name", models.CharField(max_length=60)),
                ("query", models.CharField(help_text="What stands in the address.", max_length=500)),
                ("is_shared", models.BooleanField(default=False)),
            ],
            options={
                "ordering": ["name", "pk"],
            },
        ),
        migrations.CreateModel(
            name="SecondLook",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("drawn_at", models.DateTimeField()),
                ("looked_at", models.DateTimeField(null=True)),
                (
                    "result",
                    models.CharField(
                        blank=True,
                        choices=[("QUALIFIED", "Qualified"), ("NOT_QUALIFIED", "Not qualified")],
                        max_length=16,
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="SeenAs",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("seen_at", models.DateTimeField()),
                ("reason", models.CharField(max_length=200)),
            ],
            options={
                "verbose_name": "page seen as its referrer",
                "verbose_name_plural": "pages seen as their referrers",
                "ordering": ["-pk"],
            },
        ),
        migrations.CreateModel(
            name="Signal",
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
                            ("EMPLOYEE", "Employee"),
                            ("NEW_LOCATION", "New location"),
                            ("OWNED_BUSINESS", "Owned business"),
                            ("SAME_DESTINATION", "Same destination"),
                        ],
                        max_length=16,
                    ),
                ),
                ("raised_at", models.DateTimeField()),
                ("settled_at", models.DateTimeField(null=True)),
            ],
            options={
                "ordering": ["pk"],
            },
        ),
        migrations.AlterModelOptions(
            name="referredaccount",
            options={
                "permissions": [
                    ("decide_referredaccount", "Can log calls, decide, and ask for a waiver"),
                    ("reopen_referredaccount", "Can reopen and revoke, and undo what others decided"),
                    ("waive_referredaccount", "Can confirm that a check is waived"),
                    ("contact_referredaccount", "Can see phone, e-mail and contact"),
                    ("appeal_referredaccount", "Can take up an appeal of the referrer"),
                    ("lead_referredaccount", "Can see the board and assign companies"),
                    ("bulkdecide_referredaccount", "Can refuse many accounts at once"),
                ]
            },
        ),
        migrations.AlterModelOptions(
            name="referrer",
            options={
                "permissions": [("see_as_referrer", "Can look at a referrer's page as the referrer sees it")]
            },
        ),
        migrations.AlterModelOptions(
            name="signup",
            options={"permissions": [("attribute_signup", "Can propose whose referral a sign-up was")]},
        ),
        migrations.AddField(
            model_name="criterionresult",
            name="source",
            field=models.CharField(
                blank=True,
                choices=[("CALL", "Call"), ("DOCUMENT", "Document"), ("REGISTRY", "Registry")],
                help_text="Where the answer comes from; empty: it is no answer, but a check or a waiver.",
                max_length=8,
            ),
        ),
        migrations.AddField(
            model_name="existingcustomer",
            name="company_name",
            field=models.CharField(blank=True, max_length=200),
        ),
        migrations.AddField(
            model_name="existingcustomer",
            name="name_key",
            field=models.CharField(blank=True, editable=False, max_length=200),
        ),
        migrations.AddField(
            model_name="existingcustomer",
            name="phone",
            field=models.CharField(blank=True, max_length=50),
        ),
        migrations.AddField(
            model_name="existingcustomer",
            name="phone_key",
            field=models.CharField(blank=True, editable=False, max_length=20),
        ),
        migrations.AddField(
            model_name="existingcustomer",
            name="registration",
            field=models.CharField(blank=True, max_length=64, verbose_name="registration number"),
        ),
        migrations.AddField(
            model_name="program",
            name="calls_from",
            field=models.TimeField(
                blank=True,
                help_text="On the company's clock; empty: as the terms say.",
                null=True,
                verbose_name="calls from",
            ),
        ),
        migrations.AddField(
            model_name="program",
            name="calls_until",
            field=models.TimeField(blank=True, help_text="Exclusive.", null=True, verbose_name="calls until"),
        ),
        migrations.AddField(
            model_name="program",
            name="second_look_percent",
            field=models.PositiveSmallIntegerField(
                default=5,
                help_text=(
                    "So many of a hundred decisions are looked at again by a senior who does not know them."
                ),
                verbose_name="second looks, percent",
            ),
        ),
        migrations.AddField(
            model_name="referredaccount",
            name="name_key",
            field=models.CharField(
                blank=True,
                editable=False,
                help_text="The name as it is compared and searched.",
                max_length=200,
            ),
        ),
        migrations.AddField(
            model_name="referredaccount",
            name="phone_key",
            field=models.CharField(
                blank=True,
                editable=False,
                help_text="The digits of the phone, the last one first.",
                max_length=20,
            ),
        ),
        migrations.AddField(
            model_name="referredaccount",
            name="registration",
            field=models.CharField(blank=True, max_length=64, verbose_name="registration number"),
        ),
        migrations.AddField(
            model_name="review",
            name="appeal_of",
            field=models.ForeignKey(
                help_text="The referrer asked for it: whoever took this decision does not take the next one.",
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="appeals",
                to="referrals.decision",
            ),
        ),
        migrations.AddField(
            model_name="review",
            name="for_senior",
            field=models.BooleanField(
                default=False, help_text="It carries a signal that nobody has settled."
            ),
        ),
        migrations.AddField(
            model_name="signup",
            name="registration",
            field=models.CharField(blank=True, max_length=64, verbose_name="registration number"),
        ),
        migrations.AlterField(
            model_name="referredaccount",
            name="attributed_by",
            field=models.ForeignKey(
                db_index=False,
                editable=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AlterField(
            model_name="referredaccount",
            name="attribution_approved_by",
            field=models.ForeignKey(
                db_index=False,
                editable=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AlterField(
            model_name="referredaccount",
            name="touch",
            field=models.ForeignKey(
                db_index=False,
                editable=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="referrals.touch",
            ),
        ),
        migrations.AddIndex(
            model_name="existingcustomer",
            index=models.Index(
                fields=["name_key"], name="existing_customer_name", opclasses=["varchar_pattern_ops"]
            ),
        ),
        migrations.AddIndex(
            model_name="existingcustomer",
            index=models.Index(
                fields=["phone_key"], name="existing_customer_phone", opclasses=["varchar_pattern_ops"]
            ),
        ),
        migrations.AddIndex(
            model_name="referredaccount",
            index=models.Index(
                fields=["name_key"], name="referred_account_name", opclasses=["varchar_pattern_ops"]
            ),
        ),
        migrations.AddIndex(
            model_name="referredaccount",
            index=models.Index(
                fields=["phone_key"], name="referred_account_phone", opclasses=["varchar_pattern_ops"]
            ),
        ),
        migrations.AddConstraint(
            model_name="program",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("calls_from__isnull", True), ("calls_until__isnull", True)),
                    models.Q(
                        ("calls_from__isnull", False),
                        ("calls_from__lt", models.F("calls_until")),
                        ("calls_until__isnull", False),
                    ),
                    _connector="OR",
                ),
                name="program_calls_from_before_until",
                violation_error_message="Give both times, the earlier one first, or neither.",
            ),
        ),
        migrations.AddConstraint(
            model_name="program",
            constraint=models.CheckConstraint(
                condition=models.Q(("second_look_percent__lte", 100)), name="program_second_look_percent"
            ),
        ),
        migrations.AddField(
            model_name="comparison",
            name="account",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="comparisons",
                to="referrals.referredaccount",
            ),
        ),
        migrations.AddField(
            model_name="comparison",
            name="compared_by",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
            ),
        ),
        migrations.AddField(
            model_name="comparison",
            name="customer",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="referrals.existingcustomer",
            ),
        ),
        migrations.AddField(
            model_name="comparison",
            name="other",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="referrals.referredaccount",
            ),
        ),
        migrations.AddField(
            model_name="correction",
            name="account",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="corrections",
                to="referrals.referredaccount",
            ),
        ),
        migrations.AddField(
            model_name="correction",
            name="corrected_by",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
            ),
        ),
        migrations.AddField(
            model_name="message",
            name="recipient",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="programstaff",
            name="program",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE, related_name="staff", to="referrals.program"
            ),
        ),
        migrations.AddField(
            model_name="programstaff",
            name="user",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE,
                related_name="programs",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="savedview",
            name="owner",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE,
                related_name="saved_views",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="secondlook",
            name="decision",
            field=models.OneToOneField(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="second_look",
                to="referrals.decision",
            ),
        ),
        migrations.AddField(
            model_name="secondlook",
            name="looked_by",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="second_looks",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="secondlook",
            name="reason",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="referrals.rejectionreason",
            ),
        ),
        migrations.AddField(
            model_name="seenas",
            name="referrer",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="seen_by", to="referrals.referrer"
            ),
        ),
        migrations.AddField(
            model_name="seenas",
            name="seen_by",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
            ),
        ),
        migrations.AddField(
            model_name="signal",
            name="account",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="signals",
                to="referrals.referredaccount",
            ),
        ),
        migrations.AddField(
            model_name="signal",
            name="raised_by",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="signal",
            name="settled_by",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddConstraint(
            model_name="comparison",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("customer__isnull", True), ("other__isnull", False)),
                    models.Q(("customer__isnull", False), ("other__isnull", True)),
                    _connector="OR",
                ),
                name="comparison_with_an_account_or_a_customer",
            ),
        ),
        migrations.AddConstraint(
            model_name="comparison",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("other__isnull", True),
                    models.Q(("other", models.F("account")), _negated=True),
                    _connector="OR",
                ),
                name="comparison_with_another",
            ),
        ),
        migrations.AddIndex(
            model_name="message",
            index=models.Index(
                condition=models.Q(("sent_at__isnull", True)), fields=["id"], name="message_to_send"
            ),
        ),
        migrations.AddConstraint(
            model_name="programstaff",
            constraint=models.UniqueConstraint(fields=("user", "program"), name="program_staff_once"),
        ),
        migrations.AddConstraint(
            model_name="savedview",
            constraint=models.UniqueConstraint(
                fields=("owner", "name"),
                name="saved_view_once_per_name",
                violation_error_message="You have a view of this name.",
            ),
        ),
        migrations.AddIndex(
            model_name="secondlook",
            index=models.Index(
                condition=models.Q(("looked_at__isnull", True)), fields=["id"], name="second_look_waiting"
            ),
        ),
        migrations.AddConstraint(
            model_name="secondlook",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(
                        ("looked_at__isnull", True),
                        ("looked_by__isnull", True),
                        ("reason__isnull", True),
                        ("result", ""),
                    ),
                    models.Q(
                        ("looked_at__isnull", False),
                        ("looked_by__isnull", False),
                        ("reason__isnull", True),
                        ("result", "QUALIFIED"),
                    ),
                    models.Q(
                        ("looked_at__isnull", False),
                        ("looked_by__isnull", False),
                        ("reason__isnull", False),
                        ("result", "NOT_QUALIFIED"),
                    ),
                    _connector="OR",
                ),
                name="second_look_is_whole",
            ),
        ),
        migrations.AddConstraint(
            model_name="signal",
            constraint=models.UniqueConstraint(
                condition=models.Q(("settled_at__isnull", True)),
                fields=("account", "kind"),
                name="signal_open_once_per_kind",
            ),
        ),
        migrations.AddConstraint(
            model_name="signal",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("settled_at__isnull", True), ("settled_by__isnull", True)),
                    models.Q(("settled_at__isnull", False), ("settled_by__isnull", False)),
                    _connector="OR",
                ),
                name="signal_settled_by_somebody",
            ),
        ),
    ]
