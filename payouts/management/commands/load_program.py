"""Load program files: all of them, or none."""

import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand
from django.db import transaction
from django.utils import timezone

from payouts import program_files
from payouts.program_files import Document, ProgramFileRefused, StoringRefused


class Command(BaseCommand):
    help = "Load program files. If anything is wrong in any of them, all of it is told and nothing is stored."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("files", metavar="FILE", nargs="+", type=Path, help="a program file")

    def handle(self, *, files: list[Path], **options: Any) -> None:
        documents: list[tuple[Path, Document]] = []
        problems: list[str] = []
        for path in files:
            try:
                documents.append((path, program_files.read(path)))
            except ProgramFileRefused as refused:
                problems += refused.problems

        if not problems:
            stored, problems = self._stored(documents)
        if problems:
            for problem in problems:
                self.stderr.write(problem)
            sys.exit(1)
        for line in stored:
            self.stdout.write(line)

    @transaction.atomic
    def _stored(self, documents: list[tuple[Path, Document]]) -> tuple[list[str], list[str]]:
        """Store all documents, or nothing; what was done with each, and what stood in the way."""
        host = program_files.default_host()
        done, problems = [], []
        for path, document in documents:
            slug, version = document["program"]["slug"], document["terms"]["version"]
            before = program_files.export_version(slug, version, host=host)
            try:
                program = program_files.store(document, host=host, now=timezone.now())
            except StoringRefused as refused:
                problems.append(f"{path}: {refused.path}: {refused}")
            else:
                after = program_files.export_version(slug, version, host=host)
                what = "unchanged" if before == after else "loaded"
                done.append(f"{path}: {program} version {version}: {what}")
        if problems:
            transaction.set_rollback(True)
        return done, problems
