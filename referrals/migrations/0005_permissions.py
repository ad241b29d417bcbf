"""What may be granted at the call desk beside looking."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("referrals", "0004_clicks")]

    operations = [
        migrations.AlterModelOptions(
            name="referredaccount",
            options={
                "permissions": [
                    ("decide_referredaccount", "Can log calls, decide, and ask for a waiver"),
                    ("reopen_referredaccount", "Can reopen and revoke, and undo what others decided"),
                    ("waive_referredaccount", "Can confirm that a check is waived"),
                    ("contact_referredaccount", "Can see phone, e-mail and contact"),
                ]
            },
        ),
    ]
