"""Run worked cases: short stories with what must be seen at their end."""

import json
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from payouts.cases import runner
from payouts.cases.report import Outcome, Report


class Command(BaseCommand):
    help = "Run worked cases through the real functions and roll everything back; exit 1 if anything differs."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "paths", nargs="+", type=Path, metavar="PATH", help="a file, or a folder with *.json files"
        )
        parser.add_argument("--json", action="store_true", help="print the outcome of every case as JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        report = runner.run(options["paths"])
        self.stdout.write(json.dumps(report.as_json(), indent=1) if options["json"] else _readable(report))
        if report.failed:
            raise CommandError(f"{len(report.failed)} of {len(report.outcomes)} cases failed.", returncode=1)


def _readable(report: Report) -> str:
    told = [_paragraph(outcome) for outcome in report.failed]
    passed = len(report.outcomes) - len(report.failed)
    return "\n\n".join([*told, f"{passed} passed, {len(report.failed)} failed."])


def _paragraph(outcome: Outcome) -> str:
    lines = [outcome.error] if outcome.error else [str(difference) for difference in outcome.differences]
    return "\n".join([f"FAILED {outcome.id} ({outcome.file})", *(f"  {line}" for line in lines)])
