"""Whether an account is to be evaluated, as a column that the database computes."""

from django.conf import settings
from django.db import migrations, models
from django.db.models import F, Q


class Migration(migrations.Migration):
    dependencies = [
        ("referrals", "0007_failing_parts"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.RemoveIndex("referredaccount", "referred_account_dirty"),
        migrations.AddField(
            "referredaccount",
            "needs_evaluation",
            models.GeneratedField(
                db_persist=True,
                expression=~Q(facts_changed=F("facts_evaluated")),  # type: ignore[arg-type]
                output_field=models.BooleanField(),
            ),
        ),
        migrations.AddIndex(
            "referredaccount",
            models.Index(
                condition=Q(needs_evaluation=True), fields=["id"], name="referred_account_to_evaluate"
            ),
        ),
    ]
