"""
``celery -A tests.chaos.hurried``: the installation's own Celery app in a hurry, with guards to take off.

    LINGER=place:seconds:file   whoever comes to the failpoint makes the file and stays there for a while, so
                                that others meet it
    TIME_LIMIT=seconds          so long may a task take before its child is killed
    IMPATIENT=yes               the broker takes a message for lost after a second, and gives it to another
    UNGUARDED=transactions      a chunk of a release is not all or nothing
    UNGUARDED=claims            who releases minds neither what others have claimed nor what they have paid

Without guards the checker must turn red: a test that could not fail would prove nothing.
"""

import os
import time
from pathlib import Path

import django

from config.celery import app as app

django.setup()

# These read the registry of models, which the line above fills.
from payouts import failpoints, release  # noqa: E402
from payouts.models.bonus import BonusQuerySet  # noqa: E402
from payouts.rules.lifecycle import BonusStatus  # noqa: E402

SECOND = 1.0
UNGUARDED = os.environ.get("UNGUARDED", "")
LINGER = os.environ.get("LINGER", "")

app.conf.worker_lost_wait = SECOND
app.conf.broker_transport_options = {"socket_timeout": 20}
if limit := os.environ.get("TIME_LIMIT"):
    app.conf.task_time_limit = float(limit)
if os.environ.get("IMPATIENT"):
    app.conf.broker_transport_options |= {
        "visibility_timeout": SECOND,
        "unacked_restore_interval": SECOND,
        "unacked_restore_throttle": 1,
    }
app.conf.beat_schedule = {
    name: {**line, "schedule": SECOND, "options": {"expires": 20}}
    for name, line in app.conf.beat_schedule.items()
}


def linger(place: str) -> None:
    """Stay a while at the place that was named, then go on to the failpoint."""
    at, seconds, mark = LINGER.split(":", 2)
    if place == at:
        Path(mark).touch()
        time.sleep(float(seconds))
    reach(place)


if LINGER:
    reach, failpoints.reach = failpoints.reach, linger
if UNGUARDED:
    # Row locks need a transaction, and are what a claim is made of.
    BonusQuerySet.select_for_update = lambda bonuses, **_: bonuses
if UNGUARDED == "transactions":
    release._Run._chunk = release._Run._chunk.__wrapped__
if UNGUARDED == "claims":
    # The swap of the status is the second guard. The third, a unique key, is the database's.
    release.UNPAID = frozenset(BonusStatus)
