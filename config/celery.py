"""
The Celery app and the whole beat schedule.

Nothing about money depends on a message: a task is only a wake-up for a sweep that finds in the database what
is due. So the schedule knows intervals only, and no program's calendar stands here. The intervals themselves
are in payouts/rules/timetable.py, which `manage.py tick`, the jobs page and /readyz read as well.
"""

import os

from celery import Celery
from celery.signals import setup_logging
from django_structlog.celery.steps import DjangoStructLogInitStep

from payouts.rules import timetable

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")


@setup_logging.connect
def leave_logging_to_django(**_told: object) -> None:
    """Do nothing: as soon as somebody listens, Celery no longer sets the root logger's level to WARNING."""


app = Celery("referral-back-office")
# The broker and its folders, which depend on the environment.
app.config_from_object("django.conf:settings", namespace="CELERY")
app.conf.update(
    timezone="UTC",
    accept_content=["json"],
    task_serializer="json",
    task_ignore_result=True,
    # Acknowledged when done; without the second setting a killed child loses its task without trace.
    task_acks_late=True,
    task_reject_on_worker_lost=True,
    worker_prefetch_multiplier=1,
    # On TERM a worker finishes what it runs; after that many seconds it gives the task back.
    worker_soft_shutdown_timeout=30,
    # The child is killed, unless the pool is of threads: its chunk is rolled back, the next run goes on.
    task_time_limit=600,
    broker_connection_retry_on_startup=True,
    # Each message expires with the next one: what piled up while no worker ran, a worker throws away.
    beat_schedule={
        sweep: {
            "task": f"payouts.{sweep}",
            "schedule": timetable.woken_every(sweep),
            "options": {"expires": timetable.woken_every(sweep).total_seconds()},
        }
        for sweep in timetable.EVERY
    },
)
# Every line that a task logs carries its id.
app.steps["worker"].add(DjangoStructLogInitStep)
app.autodiscover_tasks()
