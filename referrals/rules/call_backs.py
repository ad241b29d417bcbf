"""Usual times for a call back, on the clock of the company that is called."""

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from referrals.rules.words import Word

MORNING = time(10)
MONDAY, SATURDAY = 0, 5
LATEST = timedelta(days=90)
"""Nobody agrees a call for a day further away: it is a mistyped year."""


class Preset(Word):
    IN_AN_HOUR = "in_an_hour"
    TOMORROW = "tomorrow"
    MONDAY = "monday"
    OTHER = "other"


def instant(preset: Preset, *, zone: ZoneInfo, now: datetime) -> datetime:
    """When a company is called back; a morning is that of its own clock, before and after it is changed."""
    if preset == Preset.IN_AN_HOUR:
        return now + timedelta(hours=1)
    today = now.astimezone(zone).date()
    days = 1 if preset == Preset.TOMORROW else 7 - (today.weekday() - MONDAY) % 7
    return datetime.combine(today + timedelta(days=days), MORNING, tzinfo=zone).astimezone(UTC)


def offered(*, zone: ZoneInfo, now: datetime, closes_at: datetime | None) -> list[tuple[Preset, datetime]]:
    """
    The usual times that make sense now, each once: no Saturday, and no hour later in the evening.

    :param closes_at: when the company's calling hours end today
    """
    times: dict[datetime, Preset] = {}
    for preset in (Preset.IN_AN_HOUR, Preset.TOMORROW, Preset.MONDAY):
        at = instant(preset, zone=zone, now=now)
        too_late = preset == Preset.IN_AN_HOUR and closes_at is not None and at >= closes_at
        if not too_late and at.astimezone(zone).weekday() < SATURDAY:
            times.setdefault(at, preset)
    return [(preset, at) for at, preset in times.items()]


def why_not(at: datetime, *, now: datetime) -> str:
    """What speaks against a time that somebody typed; '': nothing."""
    if at <= now:
        return "This time is over. Choose a later one."
    return f"Choose a time within {LATEST.days} days." if at > now + LATEST else ""
