"""Suspending a referrer may be granted."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("referrals", "0018_senior_first")]

    operations = [
        migrations.AlterModelOptions(
            name="enrollment",
            options={
                "permissions": [
                    ("suspend_enrollment", "Can suspend a referrer in a program and let them go on")
                ]
            },
        ),
    ]
