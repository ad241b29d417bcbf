"""Make a large program, to see how the pages of staff stand it."""

from argparse import ArgumentParser
from datetime import datetime
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from payouts.demo import crowd


class Command(BaseCommand):
    """``manage.py make_accounts COUNT [--as-of INSTANT] [--in-production]``"""

    help = (
        "Make so many referred accounts (rounded up to whole 400s) with their reviews, calls and decisions, "
        "in a database that has none: 50,000 of a million wait for a call. A million take some minutes on "
        "PostgreSQL. The data is made up, and there is no way back: use a database of its own."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("count", metavar="COUNT", type=int, help="how many accounts")
        parser.add_argument(
            "--as-of", type=datetime.fromisoformat, help="the present of what is made; default: now"
        )
        parser.add_argument(
            "--in-production", action="store_true", help="without DEBUG=yes, for whoever measures"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if not settings.DEBUG and not options["in_production"]:
            raise CommandError("This fills a database with made-up accounts: DEBUG=yes or --in-production.")
        if options["count"] < 1:
            raise CommandError("COUNT is at least 1.")
        now = options["as_of"] or timezone.now()
        if now.tzinfo is None:
            raise CommandError("--as-of needs an offset, such as 2027-03-10T10:00:00+00:00.")
        call_command("make_groups", verbosity=0)
        try:
            made = crowd.make(options["count"], now=now)
        except crowd.NotEmpty as refusal:
            raise CommandError(str(refusal)) from refusal
        crowd.tidy_up()
        self.stdout.write(
            f"Made {made.accounts:,} referred accounts of {made.referrers:,} referrers; "
            f"{made.waiting:,} of them wait for a call."
        )
