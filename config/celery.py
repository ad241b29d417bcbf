"""
The Celery app and the whole beat schedule.

Nothing about money depends on a message: a task is only a wake-up for a sweep that finds in the database what
is due. So the schedule knows intervals only, and no program's calendar stands here.
"""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

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
    worker_soft_shutdown_timeout=30,
    task_time_limit=600,
    broker_connection_retry_on_startup=True,
    # Name: {"task", "schedule" in seconds, "options": {"expires"}}. Each expires with the next one, so that
    # messages do not pile up while no worker runs.
    beat_schedule={},
)
app.autodiscover_tasks()
