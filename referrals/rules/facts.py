"""
What the host product tells about an account: the closed list of event types, and a fact.

Facts are ordered by ``occurred_at``, never by arrival. A referred account's activity
follows from some of them.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from referrals.rules.words import Word


class EventType(Word):
    ACCOUNT_ACTIVATED = "account.activated"
    ACCOUNT_PAUSED = "account.paused"
    ACCOUNT_PAST_DUE = "account.past_due"
    ACCOUNT_CANCELLED = "account.cancelled"
    SUBSCRIPTION_STARTED = "subscription.started"
    SUBSCRIPTION_CANCELLED = "subscription.cancelled"
    SUBSCRIPTION_REFUNDED = "subscription.refunded"
    INVOICE_ISSUED = "invoice.issued"
    INVOICE_PAID = "invoice.paid"
    INVOICE_REFUNDED = "invoice.refunded"
    PAYMENT_RECEIVED = "payment.received"
    PAYMENT_REFUNDED = "payment.refunded"
    EARNING_POSTED = "earning.posted"
    EARNING_REVERSED = "earning.reversed"
    USAGE_RECORDED = "usage.recorded"
    USAGE_REVERSED = "usage.reversed"

    @property
    def label(self) -> str:
        return self.value.replace(".", ": ").replace("_", " ")


class Activity(Word):
    """Whether a referred account uses the host product; ordered from good to bad."""

    ACTIVE = "ACTIVE"
    PAUSED = "PAUSED"
    PAST_DUE = "PAST_DUE"
    CANCELLED = "CANCELLED"


ACTIVITY_AFTER: dict[str, Activity] = {
    EventType.ACCOUNT_ACTIVATED: Activity.ACTIVE,
    EventType.SUBSCRIPTION_STARTED: Activity.ACTIVE,
    EventType.ACCOUNT_PAUSED: Activity.PAUSED,
    EventType.ACCOUNT_PAST_DUE: Activity.PAST_DUE,
    EventType.ACCOUNT_CANCELLED: Activity.CANCELLED,
    EventType.SUBSCRIPTION_CANCELLED: Activity.CANCELLED,
}

# What starts the clock of a schedule anchored on the first payment.
PAYMENTS = frozenset({EventType.INVOICE_PAID, EventType.PAYMENT_RECEIVED})

_FROM_GOOD_TO_BAD = list(Activity)


@dataclass(frozen=True, slots=True)
class Fact:
    """One fact about an account, as far as rules look at it."""

    type: str
    occurred_at: datetime
    amount_minor: int = 0
    product: str = ""
    category: str = ""


@dataclass(frozen=True, slots=True)
class ActivitySince:
    activity: Activity
    since: datetime | None
    """``None``: since the sign-up."""


def activity(facts: Iterable[Fact], *, as_of: datetime) -> ActivitySince:
    """
    What the account is at that instant: the latest fact decides, at one instant the worse one.

    :param facts: facts at or after the sign-up, in any order
    """
    telling = [
        (fact.occurred_at, _FROM_GOOD_TO_BAD.index(ACTIVITY_AFTER[fact.type]))
        for fact in facts
        if fact.type in ACTIVITY_AFTER and fact.occurred_at <= as_of
    ]
    if not telling:
        return ActivitySince(Activity.ACTIVE, None)
    since, badness = max(telling)
    return ActivitySince(_FROM_GOOD_TO_BAD[badness], since)


def first_payment_at(facts: Iterable[Fact]) -> datetime | None:
    """The instant of the first payment above zero, if there was one."""
    return min((f.occurred_at for f in facts if f.type in PAYMENTS and f.amount_minor > 0), default=None)
