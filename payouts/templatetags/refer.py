"""Words, signs, amounts and dates of the referrer's page."""

from datetime import date
from decimal import Decimal
from functools import lru_cache

from babel.dates import format_interval
from babel.numbers import format_currency
from django import template

from payouts.explain.bonus_lines import words_of
from payouts.explain.sentences import OF_CODE, ON_TIME, Audience, Says, say
from payouts.models import PayoutSchedule
from payouts.rules.lifecycle import AccountKind
from payouts.rules.ways import WAYS
from payouts.statements.money import Balance, Transaction
from payouts.statements.offers import Offer
from referrals.rules.money import to_text
from referrals.rules.words import RewardKind

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
    "MADE_UP": ("↩", "Made up", ""),
    "CANCELLED": ("✗", "Cancelled", "bad"),
}
"""Sign, word and colour of a status of an account or a bonus; the colour only adds to the other two."""

NEXT = {
    "SIGNED_UP": Says.SCREENED,
    "IN_REVIEW": Says.IN_REVIEW,
    "NOT_QUALIFIED": Says.REFUSED_SILENTLY,
    "EXPIRED": Says.EXPIRED,
    "WORKED_OUT": Says.WORKED_OUT,
}
"""What happens next with an account, by the sentences of payouts.explain."""

TRANSACTIONS = {
    "RELEASED": "Bonus credited",
    "REVERSED": "Bonus taken back",
    "WITHDRAWN": "Withdrawn",
    "SPENT": "Used for services",
    "SET_OFF": "Kept from your payout for what you owe",
    "OVERPAID": "Sent to you a second time",
    "FEE": "Fee kept from what was sent to you",
    "FEE_BACK": "Fee given back: it was not sent",
}
BALANCES = {
    "BALANCE": ("Balance", "Yours, to spend on services."),
    "CREDIT": (WAYS[RewardKind.ACCOUNT_CREDIT].label, WAYS[RewardKind.ACCOUNT_CREDIT].public),
    "PAYABLE": ("Still to come", "Earned and not paid yet; the list below says when."),
    "CASH_OWED": (
        "You owe",
        "Taken back after it was sent, or sent twice; we keep it from your next payouts.",
    ),
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
    return say(NEXT[code], Audience.REFERRER) if code in NEXT else ""


@register.filter
def reason(code: str) -> str:
    """Why a bonus is not simply paid, as a sentence; '' if it only takes its time."""
    if not code or code in ON_TIME:
        return ""
    return say(OF_CODE.get(code, Says.CANCELLED_SILENTLY), Audience.REFERRER)


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
    return words_of(schedule)
