"""Every answer of a decision says where it comes from; results are append-only again."""

from django.db import migrations, models
from django.db.models import Q

from referrals import triggers

RESULTS = "referrals_criterionresult"


class Migration(migrations.Migration):
    dependencies = [("referrals", "0013_desk_work_filled")]

    operations = [
        migrations.AddConstraint(
            "criterionresult",
            models.CheckConstraint(
                name="criterion_result_of_a_decision_has_a_source",
                condition=Q(decision__isnull=True) | ~Q(source=""),
            ),
        ),
        migrations.RunPython(triggers.append_only(RESULTS), triggers.removed(RESULTS)),
    ]
