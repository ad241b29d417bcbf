"""What the database refuses by itself about money."""

from django.db import migrations

from referrals import triggers

APPEND_ONLY = [
    "payouts_transfer",
    "payouts_bonuschange",
    "payouts_batchchange",
    "payouts_payoutchange",
    "payouts_gift",
    "payouts_spend",
]

TERMS_OF = {
    "payouts_reward": "{row}.terms_id",
    "payouts_rewardmilestone": "SELECT terms_id FROM payouts_reward WHERE id = {row}.reward_id",
    "payouts_payoutschedule": "{row}.terms_id",
}


class Migration(migrations.Migration):
    dependencies = [("payouts", "0001_initial"), ("referrals", "0002_triggers_and_calendars")]

    operations = [
        migrations.RunPython(triggers.append_only(*APPEND_ONLY), triggers.removed(*APPEND_ONLY)),
        migrations.RunPython(triggers.frozen_once_published(TERMS_OF), triggers.removed(*TERMS_OF)),
    ]
