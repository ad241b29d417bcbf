"""Companies are found by their registration number, which most do not tell."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("referrals", "0014_answers_have_sources")]

    operations = [
        migrations.AddIndex(
            "existingcustomer",
            models.Index(
                condition=models.Q(("registration", ""), _negated=True),
                fields=["registration"],
                name="existing_customer_registered",
            ),
        ),
        migrations.AddIndex(
            "referredaccount",
            models.Index(
                condition=models.Q(("registration", ""), _negated=True),
                fields=["registration"],
                name="referred_account_registered",
            ),
        ),
    ]
