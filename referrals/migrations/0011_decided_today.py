"""What was decided today is found without reading all decisions."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("referrals", "0010_queue_filled")]

    operations = [
        migrations.AddIndex(
            model_name="decision",
            index=models.Index(fields=["decided_at"], name="decision_decided_at"),
        ),
    ]
