"""
When a call about a payment order is made again: later and later, a little apart, and not for ever.

What is used up is not given up: it waits for a person.
"""

import hashlib
from datetime import timedelta

ANSWER_WITHIN = timedelta(minutes=2)
"""Longer than any call lasts: whoever took an order up before that, and said nothing, has died."""
ASKED_AFTER = timedelta(minutes=1)
"""What may still be on its way is not asked about: the answer would be about another moment."""

SENT_AGAIN = [
    timedelta(seconds=30),
    timedelta(minutes=2),
    timedelta(minutes=10),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=6),
]
ASKED_AGAIN = [
    ASKED_AFTER,
    timedelta(minutes=2),
    timedelta(minutes=10),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=6),
]
"""Of what is unknown."""
FOLLOWED = [
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=12),
    *[timedelta(days=1)] * 30,
]
"""Of what was accepted, until it is confirmed."""

APART = 0.2


def after(waits: list[timedelta], *, tries: int, key: str) -> timedelta | None:
    """
    How long to wait after so many calls that came to nothing; ``None``: a person is asked.

    Up to a fifth longer, by the key: orders that failed together do not all come back together.
    """
    if tries > len(waits):
        return None
    wait = waits[max(1, tries) - 1]
    drawn = int.from_bytes(hashlib.sha256(f"{key} {tries}".encode()).digest()[:4]) / 2**32
    return wait + wait * APART * drawn
