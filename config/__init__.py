"""One installation: settings, addresses, and the Celery app, which is loaded with Django."""

from config.celery import app as celery_app

__all__ = ("celery_app",)
