"""What fails again and again, with how often."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("referrals", "0006_arrivals")]

    operations = [
        migrations.CreateModel(
            name="FailingPart",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("job", models.CharField(max_length=64)),
                ("part", models.CharField(max_length=200)),
                ("tries", models.PositiveIntegerField(default=0)),
                ("since", models.DateTimeField()),
                ("last_at", models.DateTimeField()),
                ("error", models.TextField()),
            ],
            options={
                "ordering": ["-tries", "pk"],
                "constraints": [
                    models.UniqueConstraint(fields=("job", "part"), name="failing_part_once_per_job")
                ],
            },
        )
    ]
