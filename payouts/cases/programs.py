"""The programs that cases name: published terms, or a file, with the values that the case changes."""

import json
from collections.abc import Mapping
from pathlib import Path

from payouts import program_files
from payouts.rules.program_document import Document, Problem, changed, check
from referrals import calendars
from referrals.models import Terms
from referrals.rules.words import ProgramStatus

FILE = ".yaml"


class Programs:
    """The programs of one run; each is read once, and each changed copy of it checked once."""

    def __init__(self) -> None:
        self.calendars = calendars.all_business_days()
        self._written: dict[str, tuple[Document | None, list[Problem]]] = {}
        self._changed: dict[tuple[str, str], tuple[Document | None, list[Problem]]] = {}

    def document(
        self, name: str, changes: Mapping[str, object], *, folder: Path
    ) -> tuple[Document | None, list[Problem]]:
        """
        The program that a case names, changed and ACTIVE; or what is wrong with it.

        :param name: slug of a program, or the path of a program file
        :param changes: values by dotted path
        :param folder: where the case file lies; paths start there
        """
        name = str((folder / name).resolve()) if name.endswith(FILE) else name
        key = (name, json.dumps(changes, sort_keys=True))
        if key not in self._changed:
            self._changed[key] = self._with_changes(name, changes)
        return self._changed[key]

    def _with_changes(
        self, name: str, changes: Mapping[str, object]
    ) -> tuple[Document | None, list[Problem]]:
        if name not in self._written:
            self._written[name] = _written(name)
        document, problems = self._written[name]
        if document is None:
            return None, problems

        copy, nowhere = changed(document, changes)
        read, wrong = check(copy, self.calendars) if not nowhere else (None, nowhere)
        if read is None:
            return None, [Problem("set", str(problem)) for problem in wrong]
        read["program"]["status"] = ProgramStatus.ACTIVE.value
        return read, []


def _written(name: str) -> tuple[Document | None, list[Problem]]:
    try:
        if name.endswith(FILE):
            return program_files.read(Path(name)), []
        return _loaded(name) or program_files.read(program_files.bundled()[name]), []
    except KeyError:
        return None, [Problem("program", f"there is no program {name!r}, neither loaded nor as a file")]
    except program_files.ProgramFileRefused as refused:
        return None, [Problem("program", problem) for problem in refused.problems]


def _loaded(slug: str) -> Document | None:
    try:
        return program_files.export(program_files.program_named(slug))
    except (program_files.ProgramUnknown, Terms.DoesNotExist):
        return None
