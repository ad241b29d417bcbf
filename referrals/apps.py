"""The Django app of who and whether."""

from django.apps import AppConfig


class ReferralsConfig(AppConfig):
    """Programs, referrers, referred accounts, evidence and decisions."""

    name = "referrals"
    default_auto_field = "django.db.models.BigAutoField"
