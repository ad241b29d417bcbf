"""Time passes, minutes to months, to the very bounds of windows; workers get messages late and doubled."""

from datetime import timedelta

from django.db.models import Max, Min

from payouts.models import Bonus
from payouts.rules.lifecycle import UNPAID
from tests.simulator.broker import deliver
from tests.simulator.play import NoCandidate, Play

SECOND = timedelta(seconds=1)
STRIDES = (
    timedelta(minutes=11),
    timedelta(minutes=1),
    timedelta(hours=1),
    timedelta(hours=7),
    timedelta(days=1),
    timedelta(days=1),
    timedelta(days=3),
    timedelta(days=10),
    timedelta(days=31),
)


def time_passes(play: Play, chance: int, other: int) -> None:
    """Some time, or up to a bound; beat wakes every sweep at its end, what it sent before has expired."""
    turn = chance % (len(STRIDES) + 3)
    unpaid = Bonus.objects.filter(status__in=UNPAID, opens_at__gt=play.now)
    opens_at = unpaid.aggregate(first=Min("opens_at"))["first"]
    if turn < len(STRIDES) or opens_at is None:
        play.now += STRIDES[turn % len(STRIDES)]
    elif turn == len(STRIDES):
        # To the very instant, or to the last one before it.
        play.now = opens_at
    elif turn == len(STRIDES) + 1:
        play.now = max(play.now, opens_at - SECOND)
    else:
        play.now = max(play.now, unpaid.aggregate(last=Max("opens_at"))["last"])
    play.broker.beat(other)


def a_message_comes(play: Play, chance: int, other: int) -> None:
    """One message, or a few, whichever comes first."""
    if not play.broker.waiting:
        raise NoCandidate
    for turn in range(min(1 + other % 4, len(play.broker.waiting))):
        deliver(play.broker.take(chance + turn), at=play.now)


def workers_catch_up(play: Play, chance: int, other: int) -> None:
    """All that waits is delivered; a moment passes between two messages."""
    if not play.broker.waiting:
        raise NoCandidate
    while play.broker.waiting:
        deliver(play.broker.take(chance), at=play.now)
        play.now += SECOND
