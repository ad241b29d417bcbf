"""Long lists of accounts are filtered by indexes."""

from django.db import migrations, models
from django.db.models import Q

ACCOUNT = "referredaccount"


class Migration(migrations.Migration):
    dependencies = [("referrals", "0016_months")]

    operations = [
        migrations.AddIndex(ACCOUNT, models.Index(fields=["status", "id"], name="referred_account_status")),
        migrations.AddIndex(
            ACCOUNT,
            models.Index(
                condition=~Q(activity="ACTIVE"),
                fields=["activity", "id"],
                name="referred_account_not_active",
            ),
        ),
        migrations.AddIndex(
            ACCOUNT,
            models.Index(
                condition=Q(account_match=True) | Q(email_match=True) | Q(domain_match=True),
                fields=["id"],
                name="referred_account_flagged",
            ),
        ),
    ]
