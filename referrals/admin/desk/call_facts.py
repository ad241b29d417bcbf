"""What the review page says of calling a company: whether it may be now, and what follows from a call."""

from datetime import datetime
from zoneinfo import ZoneInfo

import phonenumbers

from referrals import reviews
from referrals.models import Call, CallingRules, CallOutcome, ReferredAccount, Review
from referrals.rules.calling import CallingHours, is_within


def why_not_now(
    account: ReferredAccount, review: Review | None, hours: CallingHours | None, *, now: datetime
) -> str:
    """
    Why a company is not called at this instant, and from when it is; '': it may be called.

    :param hours: the calling hours of its terms
    """
    if review is None:
        return ""
    zone = reviews.zone_of_company(account)
    opens_at = reviews.from_when(review, at=now)
    # The hours of the row are over until the sweep knows the next ones.
    if opens_at is None and (review.opens_at is None or _is_over(review, now)):
        opens_at, _ = reviews.window_from(hours, zone, not_before=max(now, review.call_from or now))
        if opens_at is None:
            return "The program names no day on which it is called."
    if opens_at is None or opens_at <= now:
        return ""
    then = f"from {_day_and_clock(opens_at, zone)} their time."
    if hours is not None and not is_within(hours, zone, now):
        return f"Closed there ({now.astimezone(zone):%a %H:%M}). Calls {then}"
    return f"Not to be called now. Calls {then}"


def tries(account: ReferredAccount, review: Review | None) -> tuple[str, str]:
    """How many tries are used, and what happens with the last; '' where the program counts none."""
    rules = _rules(account)
    if review is None or rules is None:
        return "", ""
    used = f"{review.tries} of {rules.max_attempts} tries used"
    return used, _last(rules) if review.tries + 1 >= rules.max_attempts else ""


def after_call(
    account: ReferredAccount, outcome: CallOutcome, *, call_back_at: datetime | None, now: datetime
) -> str:
    """What happens after the result of a call, and when."""
    if outcome.final:
        return outcome.next_step
    zone = reviews.zone_of_company(account)
    review = Review.objects.filter(account=account, closed_at__isnull=True).order_by("-round").first()
    rules, number = _rules(account), review.tries if review else 0
    count = f"Try {number} of {rules.max_attempts}. " if rules and number <= rules.max_attempts else ""
    if call_back_at is not None:
        back_at = _day_and_clock(call_back_at, zone, on="at")
        return f"{count}They are called back on {back_at}, their time ({zone.key})."
    if rules and number >= rules.max_attempts and not _was_reached(account):
        return f"{count}{_last(rules)}"
    next_at = (reviews.from_when(review, at=now) if review else None) or now
    return f"{count}Next: {_day_and_clock(next_at, zone)} their time."


def in_groups(phone: str, country: str) -> str:
    """A telephone number as it is read aloud: +49 30 123456; as it was typed if it is none."""
    try:
        number = phonenumbers.parse(phone, country.upper() or None)
    except phonenumbers.NumberParseException:
        return phone
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.INTERNATIONAL)


def _rules(account: ReferredAccount) -> CallingRules | None:
    return getattr(account.terms, "calling", None)


def _last(rules: CallingRules) -> str:
    """What follows from the last try."""
    days = rules.give_up_after_business_days
    return (
        f"After try {rules.max_attempts}, if nobody was reached, it is not qualified"
        f" {days} business days after the first call."
    )


def _was_reached(account: ReferredAccount) -> bool:
    return Call.objects.filter(account=account, round=account.review_round, connected=True).exists()


def _is_over(review: Review, now: datetime) -> bool:
    return review.closes_at is not None and review.closes_at <= now


def _day_and_clock(at: datetime, zone: ZoneInfo, *, on: str = "") -> str:
    there = at.astimezone(zone)
    between = f" {on} " if on else ", "
    return f"{there:%a %b} {there.day}{between}{there:%H:%M}"
