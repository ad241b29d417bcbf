"""What looks like its referrer is for a senior: open reviews of such accounts carry the signal."""

from django.db import migrations, models
from django.db.models import Q

FLAGGED = Q(account__account_match=True) | Q(account__email_match=True) | Q(account__domain_match=True)
KIND = "SELF_REFERRAL"
KINDS = [
    ("EMPLOYEE", "Employee"),
    ("NEW_LOCATION", "New location"),
    ("OWNED_BUSINESS", "Owned business"),
    ("SAME_DESTINATION", "Same destination"),
    (KIND, "Self referral"),
]
BATCH = 1_000


def tell_seniors(apps, schema_editor):
    """Put the signal where a review is open, as opening a review does from now on."""
    Review, Signal = apps.get_model("referrals", "Review"), apps.get_model("referrals", "Signal")
    rows = Review.objects.filter(FLAGGED, closed_at__isnull=True, account__status="IN_REVIEW")
    found = list(rows.values_list("pk", "account", "opened_at"))
    for start in range(0, len(found), BATCH):
        part = found[start : start + BATCH]
        Signal.objects.bulk_create(
            Signal(account_id=account, kind=KIND, raised_at=opened_at) for _, account, opened_at in part
        )
        Review.objects.filter(pk__in=[pk for pk, _, _ in part]).update(for_senior=True)


def tell_nobody(apps, schema_editor):
    """Before, there was no such signal; one that was told stays readable as a word."""


class Migration(migrations.Migration):
    dependencies = [("referrals", "0017_long_lists")]

    operations = [
        migrations.AlterField("signal", "kind", models.CharField(choices=KINDS, max_length=16)),
        migrations.RunPython(tell_seniors, tell_nobody),
    ]
