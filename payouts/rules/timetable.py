"""
How often each sweep runs: the timetable of beat, of `tick`, of the jobs page and of /readyz.

Intervals only: no program's calendar stands here. What is due is found in the database, so a run that comes
late, twice or not at all does no harm; the next one does what is left.
"""

from datetime import timedelta

EVERY: dict[str, timedelta] = {
    "let_decisions_take_effect": timedelta(seconds=15),
    "evaluate_changed_facts": timedelta(seconds=15),
    "follow_calling_hours": timedelta(seconds=60),
    "give_up_unreachable": timedelta(seconds=60),
    "prepare_batches": timedelta(seconds=30),
    "release": timedelta(seconds=15),
    "send_payments": timedelta(seconds=15),
    "escalate_overdue": timedelta(seconds=60),
    "warn_before_closing": timedelta(seconds=60),
    "send_messages": timedelta(seconds=60),
    "draw_second_looks": timedelta(hours=24),
    "count_months": timedelta(hours=1),
    "verify_books": timedelta(hours=24),
    "forget_old_runs": timedelta(hours=24),
}
"""In the order in which one tick runs them."""

LONGEST_SLEEP = timedelta(minutes=1)
"""
A daily sweep is woken more often, and runs when its last run is a day old. The day is counted in the
database, so a scheduler that is restarted every few hours does not begin to count anew.
"""


def is_daily(sweep: str) -> bool:
    """Does it run when its day is over, rather than whenever it is woken?"""
    return EVERY[sweep] > LONGEST_SLEEP


def woken_every(sweep: str) -> timedelta:
    """The time between two messages of the scheduler."""
    return min(EVERY[sweep], LONGEST_SLEEP)
