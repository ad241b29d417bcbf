"""Clicks: how often links were opened. Only referrals.links writes them; no address of a visitor is kept."""

from django.db import models
from django.db.models import Q

from referrals.models.referrer import ReferralLink


class Click(models.Model):
    """A link opened, so many times within a second or so. Append-only: totals are sums."""

    link = models.ForeignKey(ReferralLink, on_delete=models.PROTECT, related_name="clicks", db_index=False)
    clicked_at = models.DateTimeField(help_text="The first of them.")
    times = models.PositiveIntegerField()

    class Meta:
        constraints = [
            models.CheckConstraint(name="click_at_least_once", condition=Q(times__gte=1)),
        ]
        indexes = [
            # A referrer's page and the reports sum the clicks of a link, of all time or of a month.
            models.Index(fields=["link", "clicked_at"], name="click_of_link"),
        ]

    def __str__(self) -> str:
        return f"{self.link_id} at {self.clicked_at}, {self.times} times"
