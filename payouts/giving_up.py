"""By which business days a program gives up whom nobody reached: those of its payout schedule."""

from payouts.models import PayoutSchedule
from referrals import calendars
from referrals.models import Terms
from referrals.rules.business_days import BusinessDays


def business_days_of(terms: Terms) -> BusinessDays:
    """The business days of the calendar of the payout schedule of these terms."""
    schedule = PayoutSchedule.objects.select_related("calendar").get(terms=terms)
    return calendars.business_days(schedule.calendar)
