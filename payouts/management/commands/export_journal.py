"""``manage.py export_journal [PROGRAM …]``: the books as a journal that beancount reads."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from payouts import journal
from payouts.management.instants import instant_of
from referrals.models import Program


class Command(BaseCommand):
    help = "Write the books as a plain-text journal, in the notation of beancount."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("programs", nargs="*", metavar="PROGRAM", help="Slugs; none: all programs.")
        parser.add_argument("--as-of", type=instant_of, help="Instant with offset; by default now.")

    def handle(self, *args: Any, **options: Any) -> None:
        slugs = options["programs"]
        chosen = Program.objects.filter(slug__in=slugs) if slugs else None
        if chosen is not None and (unknown := set(slugs) - set(chosen.values_list("slug", flat=True))):
            raise CommandError(f"There is no program {', '.join(sorted(unknown))}.")
        for line in journal.write(as_of=options["as_of"] or timezone.now(), programs=chosen):
            self.stdout.write(line, ending="")
