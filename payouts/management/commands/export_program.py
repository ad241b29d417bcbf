"""Write a loaded program as a program file."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from payouts import program_files
from payouts.program_files import ProgramUnknown
from referrals.models import Terms


class Command(BaseCommand):
    help = "Print a program with its latest published terms as a program file."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("program", metavar="SLUG", help="a loaded program")

    def handle(self, *, program: str, **options: Any) -> None:
        try:
            document = program_files.export(program_files.program_named(program))
        except (ProgramUnknown, Terms.DoesNotExist) as missing:
            raise CommandError(str(missing)) from missing
        self.stdout.write(program_files.to_yaml(document), ending="")
