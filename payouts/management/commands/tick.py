"""Run every sweep once, with or without a broker."""

from argparse import ArgumentParser
from datetime import datetime

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from payouts import sweeps
from payouts.management.instants import instant_of


class Command(BaseCommand):
    """``manage.py tick [--as-of ISO]``"""

    help = (
        "Run all sweeps once: decisions, evaluation, unreachable, batches, release; and, when their last run "
        "is a day old, the daily ones."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--as-of", help="An instant with its offset, not in the future; default: now.")

    def handle(self, *, as_of: str | None, **options: object) -> None:
        now = timezone.now()
        at = instant_of(as_of) if as_of else now
        if at > now:
            raise CommandError(f"--as-of: '{as_of}' lies in the future; try 'release --dry-run' instead.")
        failed = sum(self._failed(name, at=at) for name in sweeps.SWEEPS if sweeps.is_due(name, now=now))
        if failed:
            raise CommandError(f"{failed} failed: the job runs say what and why.")

    def _failed(self, name: str, *, at: datetime) -> int:
        """Run one sweep and say what it did; how much of it failed."""
        try:
            run = sweeps.run(name, as_of=at, clock=timezone.now)
        except Exception as error:
            # Its row says so, too; the sweeps after it are run all the same.
            self.stderr.write(f"{name}: {type(error).__name__}: {error}")
            return 1
        self.stdout.write(f"{name}: examined {run.examined}, done {run.done}, failed {run.failed}")
        return run.failed
