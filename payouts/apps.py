"""The Django app of how much and when."""

from django.apps import AppConfig


class PayoutsConfig(AppConfig):
    """Rewards, windows, bonuses, batches and the books."""

    name = "payouts"
    default_auto_field = "django.db.models.BigAutoField"
