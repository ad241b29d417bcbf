"""Play the host product: keep sign-ups, clicks and payments coming in over HTTP."""

import signal
from argparse import ArgumentParser
from threading import Event
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from payouts.demo import host_product


class Command(BaseCommand):
    """``manage.py play_host SITE``"""

    help = "Call the site as the company's software does, every few seconds, until TERM or Ctrl-C."
    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("site", metavar="SITE", help="such as http://127.0.0.1:8000")

    def handle(self, *, site: str, **options: Any) -> None:
        if not site.startswith(("http://", "https://")):
            raise CommandError(f"{site} is no address such as http://127.0.0.1:8000.")
        file = settings.DATA_DIR / host_product.CREDENTIALS
        try:
            host = host_product.read(file, site, run=f"{timezone.now():%y%m%d%H%M%S}")
        except FileNotFoundError:
            raise CommandError(f"There is no {file}: run seed_demo first.") from None
        ended = Event()
        for told in (signal.SIGTERM, signal.SIGINT):
            signal.signal(told, lambda *_: ended.set())
        host_product.play(host, say=self._say, ended=ended, clock=timezone.now)

    def _say(self, line: str) -> None:
        self.stdout.write(line)
        self.stdout.flush()
