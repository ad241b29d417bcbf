"""Calendars of holidays: rows with their source, so that staff can see and correct them."""

from django.db import models


class Calendar(models.Model):
    """The days on which no business is done, besides Saturdays and Sundays."""

    code = models.CharField(max_length=32, unique=True)
    name = models.CharField(max_length=200)
    first_year = models.PositiveSmallIntegerField()
    last_year = models.PositiveSmallIntegerField()

    def __str__(self) -> str:
        return self.code


class Holiday(models.Model):
    """One day of a calendar. Windows that are already promised never move by an edit."""

    calendar = models.ForeignKey(Calendar, on_delete=models.PROTECT, related_name="holidays")
    day = models.DateField()
    name = models.CharField(max_length=200)
    source = models.CharField(max_length=200)

    class Meta:
        ordering = ["day"]
        constraints = [
            models.UniqueConstraint(fields=["calendar", "day"], name="holiday_once_per_calendar"),
        ]

    def __str__(self) -> str:
        return f"{self.day} {self.name}"
