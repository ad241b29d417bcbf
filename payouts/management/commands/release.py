"""Pay what is due for a date, or say what would be paid."""

from argparse import ArgumentParser
from datetime import date, datetime

from django.core.management.base import BaseCommand, CommandError
from django.db import transaction
from django.utils import timezone

from payouts import forecast
from payouts.program_files import ProgramUnknown, program_named
from referrals.models import Program
from referrals.rules.money import to_text


class Command(BaseCommand):
    """``manage.py release [--as-of DATE] [--program SLUG] [--dry-run]``"""

    help = "Pay every bonus that is due; with --dry-run only say what would be paid."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--as-of", help="A date (its end in each program's zone); default: now.")
        parser.add_argument("--program", help="Slug of one program; default: all.")
        parser.add_argument("--dry-run", action="store_true", help="Write nothing; any date is allowed.")

    def handle(self, *, as_of: str | None, program: str | None, dry_run: bool, **options: object) -> None:
        now = timezone.now()
        programs = [_named(program)] if program else list(Program.objects.order_by("slug"))
        with transaction.atomic():
            for each in programs:
                at = _end_of(as_of, each) if as_of else now
                if at > now and not dry_run:
                    raise CommandError(f"--as-of: '{as_of}' is not over in {each}: try --dry-run.")
                self._release(each, at=at, dry_run=dry_run)
            if dry_run:
                transaction.set_rollback(True)

    def _release(self, program: Program, *, at: datetime, dry_run: bool) -> None:
        # The real code, also for a dry run: it is rolled back afterwards.
        paid = forecast.run(program, as_of=at)
        lines = paid.select_related("account", "enrollment__referrer", "reward").order_by("pk")
        verb = "would be paid" if dry_run else "paid"
        self.stdout.write(f"{program.slug}: {lines.count()} bonuses {verb} as of {at.isoformat()}")
        for bonus in lines.iterator():
            amount = f"{to_text(bonus.amount_minor, bonus.currency)} {bonus.currency}"
            self.stdout.write(f"  {bonus.enrollment.referrer} {amount} {bonus.reward} for {bonus.account}")


def _named(slug: str) -> Program:
    try:
        return program_named(slug)
    except ProgramUnknown as refusal:
        raise CommandError(f"--program: {refusal}") from refusal


def _end_of(text: str, program: Program) -> datetime:
    try:
        day = date.fromisoformat(text)
    except ValueError as refusal:
        raise CommandError(f"--as-of: '{text}' is no date such as 2026-03-31.") from refusal
    return forecast.end_of(day, program)
