"""
A message wakes a sweep: nothing is in it but the name, and nothing about money depends on its coming.

Each reads the clock once and leaves its row. Arguments that a newer version may send are ignored, so that an
old worker survives a new message.
"""

from celery import shared_task
from django.utils import timezone

from payouts import sweeps


@shared_task(name="payouts.let_decisions_take_effect")
def let_decisions_take_effect(**_newer: object) -> None:
    """Let every decision count whose time to be undone is over."""
    _run("let_decisions_take_effect")


@shared_task(name="payouts.evaluate_changed_facts")
def evaluate_changed_facts(**_newer: object) -> None:
    """Work out what follows from new facts: milestones, bonuses, benefits."""
    _run("evaluate_changed_facts")


@shared_task(name="payouts.follow_calling_hours")
def follow_calling_hours(**_newer: object) -> None:
    """Know the next calling hours of companies."""
    _run("follow_calling_hours")


@shared_task(name="payouts.give_up_unreachable")
def give_up_unreachable(**_newer: object) -> None:
    """Refuse the accounts that nobody could reach."""
    _run("give_up_unreachable")


@shared_task(name="payouts.prepare_batches")
def prepare_batches(**_newer: object) -> None:
    """Hold what is late, cancel what fails, draft what needs an approval."""
    _run("prepare_batches")


@shared_task(name="payouts.release")
def release(**_newer: object) -> None:
    """Pay what is due."""
    _run("release")


@shared_task(name="payouts.send_payments")
def send_payments(**_newer: object) -> None:
    """Send payments that go over the network, and ask what became of them."""
    _run("send_payments")


@shared_task(name="payouts.escalate_overdue")
def escalate_overdue(**_newer: object) -> None:
    """Tell team leads what waits too long."""
    _run("escalate_overdue")


@shared_task(name="payouts.warn_before_closing")
def warn_before_closing(**_newer: object) -> None:
    """Tell finance which windows close soon with something unapproved in them."""
    _run("warn_before_closing")


@shared_task(name="payouts.send_messages")
def send_messages(**_newer: object) -> None:
    """Send the mails that are written."""
    _run("send_messages")


@shared_task(name="payouts.draw_second_looks")
def draw_second_looks(**_newer: object) -> None:
    """Draw the decisions that somebody else looks at again, once a day."""
    _run("draw_second_looks")


@shared_task(name="payouts.count_months")
def count_months(**_newer: object) -> None:
    """Count the funnel and sum the money by months."""
    _run("count_months")


@shared_task(name="payouts.verify_books")
def verify_books(**_newer: object) -> None:
    """Check every invariant of the books, once a day."""
    _run("verify_books")


@shared_task(name="payouts.forget_old_runs")
def forget_old_runs(**_newer: object) -> None:
    """Delete the rows of old executions, once a day."""
    _run("forget_old_runs")


def _run(name: str) -> None:
    now = timezone.now()
    if sweeps.is_due(name, now=now):
        sweeps.run(name, as_of=now, clock=timezone.now)
