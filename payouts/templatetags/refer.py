"""Words, signs, amounts and dates of the referrer's page."""

from datetime import date
from decimal import Decimal
from functools import lru_cache

from babel.dates import format_interval
from babel.numbers import format_currency
from django import template

from payouts.models import PayoutSchedule
from payouts.rules.lifecycle import AccountKind
from payouts.statements.money import Balance, Transaction
from payouts.statements.offers import Offer
from referrals.rules.money import to_text
from referrals.rules.words import Anchor, PointKind, RewardKind

register = template.Library()

LOCALE = "en_US"
MINUS = "\N{MINUS SIGN}"

STATUSES = {
    "SIGNED_UP": ("○", "Signed up", ""),
    "IN_REVIEW": ("◔", "We are contacting them", "info"),
    "QUALIFIED": ("✓", "Qualified", "good"),
    "NOT_QUALIFIED": ("✗", "Not eligible", "bad"),
    "EXPIRED": ("-", "Time is over", ""),
    "EXPECTED": ("…", "Expected", "info"),
    "WAITS": ("…", "Waits", "wait"),
    "LATE": ("!", "Late", "wait"),
    "CREDITED": ("✓", "Credited", "good"),
    "PAID": ("✓", "Paid", "good"),
    "BEING_SENT": ("…", "Being sent", "info"),
    "SENT": ("✓", "Sent", "good"),
    "CAME_BACK": ("!", "Came back", "wait"),
    "TAKEN_BACK": ("↩", "Taken back", "bad"),
    "CANCELLED": ("✗", "Cancelled", "bad"),
}
"""Sign, word and colour of a status of an account or a bonus; the colour only adds to the other two."""

NEXT = {
    "SIGNED_UP": "We look at what they told us, then we contact them.",
    "IN_REVIEW": "We talk to them, then you see here whether they qualify.",
    "NOT_QUALIFIED": "It did not meet the terms of the program.",
    "EXPIRED": "The conditions were not met in time.",
    "WORKED_OUT": "All conditions are met. The next run works out what you get.",
}
"""What happens next with an account."""

REASONS = {
    "window_not_open": "",
    "awaiting_approval": "",
    "next_run": "",
    "on_hold": "Being checked before it is paid.",
    "in_review": "We look at it once more before it is paid.",
    "referrer_suspended": "Waits while your taking part is paused.",
    "below_minimum": "Waits until your bonuses together reach the program's minimum.",
    "referred_account_paused": "Waits until their account is active again.",
    "referred_account_past_due": "Waits until their account is active again.",
    "referred_account_not_active": "Their account was no longer active when it was due.",
    "milestone_no_longer_holds": "A condition that had been met no longer was.",
    "qualification_revoked": "A second look showed that the terms were not met.",
    "reversed": "It was taken back after it had been paid.",
}
"""What payouts.explain says of a bonus, as the referrer may read it. Whatever is not here is not told."""
NOT_TOLD = "The terms of the program are not met at the moment."

TRANSACTIONS = {
    "RELEASED": "Bonus credited",
    "REVERSED": "Bonus taken back",
    "WITHDRAWN": "Withdrawn",
    "SPENT": "Used for services",
}
BALANCES = {
    "BALANCE": ("Balance", "Yours, to spend on services."),
    "CREDIT": ("Credit", "Taken off what you pay us; it is not paid out."),
    "PAYABLE": ("Still to come", "Earned and not paid yet; the list below says when."),
    "CASH_OWED": ("Taken back after it was sent", "It is set off against what comes next."),
}

ANCHORS = {
    Anchor.BONUS_ACTIVATED: "in which all conditions are met",
    Anchor.FIRST_PAYMENT: "of their first payment",
    Anchor.MILESTONE_REACHED: "in which the last condition is met",
    Anchor.MONTH_END: "in which you earn it",
}


@register.filter
def money(amount_minor: int, currency: str) -> str:
    """'$1,000.00': an amount of the books as people read it."""
    written = format_currency(Decimal(to_text(abs(amount_minor), currency)), currency, locale=LOCALE)
    return f"{MINUS}{written}" if amount_minor < 0 else written


@register.filter
def moved(transaction: Transaction) -> str:
    """'+$100.00' came; what went has a minus."""
    sign = "+" if transaction.amount_minor > 0 else ""
    return sign + money(transaction.amount_minor, transaction.currency)


@register.filter
@lru_cache(maxsize=256)
def until(first: date, last: date) -> str:
    """Mar 16 to 31, 2026, as people write it: both days are meant."""
    return format_interval(first, last, "yMMMd", locale=LOCALE).replace("\u2009", " ")


@register.filter
def sign(status: str) -> str:
    """The sign of a status."""
    return STATUSES[status][0]


@register.filter
def word(status: str) -> str:
    """The referrer's word for a status."""
    return STATUSES[status][1]


@register.filter
def color(status: str) -> str:
    """The class of the chip of a status."""
    return STATUSES[status][2]


@register.filter
def what_next(code: str) -> str:
    """What happens next with an account, as a sentence."""
    return NEXT.get(code, "")


@register.filter
def reason(code: str) -> str:
    """Why a bonus is not simply paid, as a sentence; '' if it only takes its time."""
    return REASONS.get(code, NOT_TOLD) if code else ""


@register.filter
def name_of_balance(kind: str) -> str:
    """What a referrer calls an account in the books."""
    return BALANCES[kind][0]


@register.filter
def use_of_balance(balance: Balance, offers: list[Offer]) -> str:
    """What can be done with what is in it."""
    if balance.kind == AccountKind.BALANCE and any(offer.reward.withdrawable for offer in offers):
        return "Yours, to spend on services or to withdraw."
    return BALANCES[balance.kind][1]


@register.filter
def what_moved(transaction: Transaction) -> str:
    """What a line of the history is about."""
    if transaction.kind == "GIVEN":
        return (
            "Received from another referrer" if transaction.amount_minor > 0 else "Given to another referrer"
        )
    return "Bonus paid out" if transaction.is_sent else TRANSACTIONS[transaction.kind]


@register.filter
def gift(offer: Offer) -> str:
    """What a reward gives: '$100.00', '$100.00 off virtual receptionist', '1 month of plus free'."""
    reward = offer.reward
    product = reward.product.replace("_", " ")
    if reward.kind == RewardKind.FREE_MONTHS or reward.amount_minor is None:
        months = "1 month" if reward.quantity == 1 else f"{reward.quantity} months"
        return f"{months} of {product} free" if product else f"{months} free"
    amount = money(reward.amount_minor, reward.terms.currency)
    return f"{amount} off {product}".rstrip() if reward.kind == RewardKind.DISCOUNT else amount


@register.filter
def when_paid(schedule: PayoutSchedule) -> str:
    """The promise of a schedule: 'from the 16th to the last day of the month after the one in which …'."""
    opens, closes = (
        _point(schedule.opens_kind, schedule.opens_n),
        _point(schedule.closes_kind, schedule.closes_n),
    )
    if opens == closes:
        days = f"on the {' '.join(opens)}"
    elif opens[1] == closes[1]:
        days = f"from the {opens[0]} to the {' '.join(closes)}"
    else:
        days = f"from the {' '.join(opens)} to the {' '.join(closes)}"
    return f"{days} of {_month(schedule.month_offset)} {ANCHORS[Anchor(schedule.anchor)]}"


def _point(kind: str, n: int) -> tuple[str, str]:
    """'the last' and 'day'."""
    unit = "business day" if kind == PointKind.BUSINESS_DAY else "day"
    if n > 0:
        return _nth(n), unit
    return ("last", unit) if n == -1 else (f"{_nth(-n)} last", unit)


def _month(offset: int) -> str:
    if offset == 0:
        return "the month"
    return "the month after the one" if offset == 1 else f"the {_nth(offset)} month after the one"


def _nth(n: int) -> str:
    ending = "th" if 10 <= n % 100 <= 20 else {1: "st", 2: "nd", 3: "rd"}.get(n % 10, "th")
    return f"{n}{ending}"
