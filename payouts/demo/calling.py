"""When the companies of the demo are called: in the hours of the program, on their own clock."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from payouts.demo.companies import Company
from payouts.program_files import latest_terms
from referrals import reviews
from referrals.models import Program
from referrals.rules.calling import Window, next_window, zone_of

DAYS_BACK = 10


def callable_from(program: Program, company: Company, at: datetime) -> datetime:
    """That instant if the company may be called then, else one soon after it may be called again."""
    window = _window(program, company, not_before=at)
    return at if window is None or window.opens_at <= at else window.opens_at + _a_while(company)


def callable_before(program: Program, company: Company, at: datetime) -> datetime:
    """That instant if the company may be called then, else one soon before it could be called last."""
    for days in range(DAYS_BACK):
        window = _window(program, company, not_before=at - timedelta(days=days))
        if window is None:
            break
        if window.opens_at <= at:
            return at if at < window.closes_at else window.closes_at - _a_while(company)
    return at


def _window(program: Program, company: Company, *, not_before: datetime) -> Window | None:
    terms = latest_terms(program)
    hours = reviews.hours_of(terms)
    zone = zone_of(phone=company.phone, country=company.country) or terms.time_zone
    return next_window(hours, ZoneInfo(zone), not_before=not_before) if hours else None


def _a_while(company: Company) -> timedelta:
    """Not everybody is called on the stroke of the hour."""
    return timedelta(minutes=7 + len(company.name) * 13 % 90)
