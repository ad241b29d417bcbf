"""Usual times for a call back, on the clock of the company that is called."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from referrals.rules.calling import CallingHours, is_within, next_window
from referrals.rules.words import Word
from referrals.rules.zones import first_instant

MORNING = time(10)
MONDAY, SATURDAY = 0, 5
LATEST = timedelta(days=90)
"""Nobody agrees a call for a day further away: it is a mistyped year."""


class Preset(Word):
    IN_AN_HOUR = "in_an_hour"
    TOMORROW = "tomorrow"
    MONDAY = "monday"
    NEXT_DAY = "next_day"
    OTHER = "other"


def instant(preset: Preset, *, zone: ZoneInfo, now: datetime, hours: CallingHours | None = None) -> datetime:
    """
    When a company is called back; a morning is that of its own clock, before and after it is changed.

    :param hours: the calling hours of its program: a morning in which nobody calls is when they begin
    """
    if preset == Preset.IN_AN_HOUR:
        return now + timedelta(hours=1)
    today = now.astimezone(zone).date()
    tomorrow = today + timedelta(days=1)
    day = {
        Preset.TOMORROW: tomorrow,
        Preset.MONDAY: today + timedelta(days=7 - (today.weekday() - MONDAY) % 7),
    }.get(preset) or _next_day(tomorrow, zone, hours)
    at = MORNING if hours is None or hours.opens <= MORNING < hours.closes else hours.opens
    return datetime.combine(day, at, tzinfo=zone).astimezone(UTC)


def offered(*, zone: ZoneInfo, now: datetime, hours: CallingHours | None) -> list[tuple[Preset, datetime]]:
    """
    The usual times at which the company is called, each once, the earliest first.

    :param hours: the calling hours of its program; ``None``: any hour but those of weekends
    """
    times: dict[datetime, Preset] = {}
    for preset in (Preset.IN_AN_HOUR, Preset.TOMORROW, Preset.MONDAY, Preset.NEXT_DAY):
        at = instant(preset, zone=zone, now=now, hours=hours)
        if at.astimezone(zone).weekday() < SATURDAY if hours is None else is_within(hours, zone, at):
            times.setdefault(at, preset)
    return [(times[at], at) for at in sorted(times)]


def _next_day(day: date, zone: ZoneInfo, hours: CallingHours | None) -> date:
    """That day or the next one on which companies are called."""
    if hours is None:
        return day if day.weekday() < SATURDAY else day + timedelta(days=7 - day.weekday())
    window = next_window(hours, zone, not_before=first_instant(day, zone))
    return day if window is None else window.opens_at.astimezone(zone).date()


def why_not(at: datetime, *, now: datetime) -> str:
    """What speaks against a time that somebody typed; '': nothing."""
    if at <= now:
        return "This time is over. Choose a later one."
    return f"Choose a time within {LATEST.days} days." if at > now + LATEST else ""
