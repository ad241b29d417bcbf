"""``manage.py verify_books [--json]``: is everything as it must always be? Exit 1 if not."""

import json
import sys
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from payouts import verification
from payouts.management.instants import instant_of


class Command(BaseCommand):
    help = "Check every invariant of the books; exit 1 on any breach."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", help="Print one JSON object.")
        parser.add_argument(
            "--as-of",
            type=instant_of,
            help="Instant with offset of a run of the jobs that has ended: what was due then must be paid.",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        as_of = options["as_of"]
        checked = verification.invariants(as_of=as_of)
        breaches = verification.breaches(as_of=as_of)
        if options["json"]:
            found = [asdict(breach) for breach in breaches]
            self.stdout.write(json.dumps({"ok": not breaches, "checked": checked, "breaches": found}))
        else:
            for breach in breaches:
                named = ", ".join(map(str, breach.rows))
                more = ", …" if breach.count > len(breach.rows) else ""
                self.stdout.write(f"{breach.invariant}: {breach.message}: {breach.count} ({named}{more})")
            number = f"{len(breaches) or 'no'} breach{'' if len(breaches) == 1 else 'es'}"
            self.stdout.write(f"Checked {', '.join(checked)}: {number}.")
        if breaches:
            sys.exit(1)
