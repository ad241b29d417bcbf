"""What the database refuses by itself, and the calendars that always exist."""

from django.db import migrations

from referrals import calendars, triggers

APPEND_ONLY = [
    "referrals_accountevent",
    "referrals_call",
    "referrals_criterionresult",
    "referrals_decision",
    "referrals_enrollmentchange",
    "referrals_eventvoid",
    "referrals_statuschange",
]

OF_MILESTONE = "SELECT terms_id FROM referrals_milestone WHERE id = {{row}}.{column}"
TERMS_OF = {
    "referrals_terms": "{row}.id",
    "referrals_requiredevidence": "{row}.terms_id",
    "referrals_rejectionreason": "{row}.terms_id",
    "referrals_eligibilityrule": "{row}.terms_id",
    "referrals_eligibilityvalue": "SELECT terms_id FROM referrals_eligibilityrule WHERE id = {row}.rule_id",
    "referrals_criterion": "{row}.terms_id",
    "referrals_milestone": "{row}.terms_id",
    "referrals_milestoneafter": OF_MILESTONE.format(column="milestone_id"),
    "referrals_milestonetest": OF_MILESTONE.format(column="milestone_id"),
    "referrals_milestonetestevent": (
        "SELECT m.terms_id FROM referrals_milestone m JOIN referrals_milestonetest t"
        " ON t.milestone_id = m.id WHERE t.id = {row}.test_id"
    ),
    "referrals_callingrules": "{row}.terms_id",
    "referrals_callingday": "SELECT terms_id FROM referrals_callingrules WHERE id = {row}.calling_id",
}


class Migration(migrations.Migration):
    dependencies = [("referrals", "0001_initial")]

    operations = [
        migrations.RunPython(triggers.append_only(*APPEND_ONLY), triggers.removed(*APPEND_ONLY)),
        migrations.RunPython(triggers.frozen_once_published(TERMS_OF), triggers.removed(*TERMS_OF)),
        migrations.RunPython(calendars.ensure_builtin, migrations.RunPython.noop),
    ]
