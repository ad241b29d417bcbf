"""
Tax forms: how one stands, and which payments fit below the limit above which a program asks for one.

Of a form only its status and dates are known here; the document itself is nobody's but the company's.
"""

from collections.abc import Hashable, Iterable
from typing import TypeVar

from referrals.rules.words import Word


class Told(Word):
    """What staff write down about a form."""

    REQUESTED = "REQUESTED"
    RECEIVED = "RECEIVED"
    REFUSED = "REFUSED"


class FormStatus(Word):
    """How the tax form of a referrer stands."""

    NONE = "NONE"
    REQUESTED = "REQUESTED"
    RECEIVED = "RECEIVED"
    EXPIRED = "EXPIRED"
    REFUSED = "REFUSED"


Payment = TypeVar("Payment", bound=Hashable)


def beyond(payments: Iterable[tuple[Payment, Hashable, int, int | None]]) -> list[Payment]:
    """
    The payments that do not fit any more, in their order.

    The first one has what room there is; one that does not fit is passed over, and the next is looked at.

    :param payments: each with whose it is, its amount, and the room of whose it is before all of them, in
        minor units; ``None``: it is not limited
    """
    left: dict[Hashable, int] = {}
    found = []
    for payment, whose, amount_minor, room_minor in payments:
        if room_minor is None:
            continue
        room = left.setdefault(whose, room_minor)
        if amount_minor > room:
            found.append(payment)
        else:
            left[whose] = room - amount_minor
    return found
