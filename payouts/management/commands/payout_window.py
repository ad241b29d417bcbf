"""Tell the payout window that a program promises for an anchor instant."""

import json
from argparse import ArgumentParser
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from payouts import program_files
from payouts.program_files import ProgramFileRefused, ProgramUnknown
from payouts.rules.schedule import Schedule, window
from referrals import calendars
from referrals.models import Terms


class Command(BaseCommand):
    help = "Print when a bonus of the program with this anchor is paid: two dates, both included."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "program",
            metavar="PROGRAM",
            help="a loaded program, else one that comes with the project; or the path of a .yaml file",
        )
        parser.add_argument(
            "anchor", metavar="ANCHOR_ISO", help="an instant such as 2026-02-10T12:00:00+00:00"
        )
        parser.add_argument("--json", action="store_true", dest="as_json", help="print an object")

    def handle(self, *, program: str, anchor: str, as_json: bool, **options: Any) -> None:
        instant = _instant(anchor)
        schedule = _schedule(program)
        try:
            promised = window(schedule, instant)
        except (ValueError, OverflowError) as error:
            raise CommandError(f"ANCHOR {anchor!r} has no window: {error}.") from error

        opens_at = _iso(promised.opens_at)
        if as_json:
            answer = {
                "window_opens": promised.opens_on.isoformat(),
                "window_closes": promised.closes_on.isoformat(),
                "opens_at": opens_at,
            }
            self.stdout.write(json.dumps(answer))
        else:
            self.stdout.write(
                f"{program}: anchored at {anchor}, paid from {promised.opens_on} to {promised.closes_on}, "
                f"both included; no money leaves before {opens_at}."
            )


def _instant(anchor: str) -> datetime:
    try:
        instant = datetime.fromisoformat(anchor)
    except ValueError as error:
        raise CommandError(f"ANCHOR {anchor!r} is no ISO instant: {error}.") from error
    if instant.tzinfo is None:
        raise CommandError(f"ANCHOR {anchor!r} has no offset: write it as {instant.isoformat()}+00:00 or so.")
    return instant


def _schedule(program: str) -> Schedule:
    if program.endswith(".yaml"):
        return _schedule_of_file(Path(program))
    try:
        terms = program_files.latest_terms(program_files.program_named(program))
    except ProgramUnknown as unknown:
        bundled = program_files.bundled()
        if program in bundled:
            return _schedule_of_file(bundled[program])
        raise CommandError(f"{unknown} The project brings: {', '.join(bundled)}.") from unknown
    except Terms.DoesNotExist as missing:
        raise CommandError(str(missing)) from missing
    return program_files.schedule_of(terms)


def _schedule_of_file(path: Path) -> Schedule:
    try:
        document = program_files.read(path)
    except ProgramFileRefused as refused:
        raise CommandError(str(refused)) from refused
    return program_files.schedule_from_document(document, calendars.all_business_days())


def _iso(instant: datetime) -> str:
    return instant.astimezone(UTC).isoformat().replace("+00:00", "Z")
