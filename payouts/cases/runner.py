"""Files of worked cases are run: each case by itself, one that is wrong does not stop the others."""

import logging
from collections.abc import Iterable, Iterator
from pathlib import Path

from django.db import transaction

from payouts.cases import expectations, format, reader, windows
from payouts.cases.format import Case, Step
from payouts.cases.programs import Programs
from payouts.cases.report import Difference, Outcome, Report, WrongCase
from payouts.cases.seen import seen
from payouts.cases.stage import Stage, staged
from payouts.cases.steps import take
from payouts.cases.stops import stops
from payouts.rules.program_document import Document, Problem
from referrals.rules.refusal import Refused, WrongField

log = logging.getLogger(__name__)


def run(paths: Iterable[Path]) -> Report:
    """Run the cases and windows of these files and folders; ids are unique over all of them."""
    programs = Programs()
    told: set[tuple[str, str]] = set()
    return Report([outcome for path in reader.find(paths) for outcome in _of_file(path, programs, told)])


def _of_file(path: Path, programs: Programs, told: set[tuple[str, str]]) -> Iterator[Outcome]:
    file = reader.read(path)
    if file.problem:
        yield Outcome(path.name, str(path), error=file.problem)
    for written, name, problem in _named(file.cases, path, "cases", told):
        yield outcome_of(written, name=name, file=path, programs=programs, problem=problem)
    for written, name, problem in _named(file.windows, path, "windows", told):
        yield from windows.outcomes(written, name=name, file=path, programs=programs, problem=problem)


def _named(
    rows: list[object], path: Path, section: str, told: set[tuple[str, str]]
) -> Iterator[tuple[object, str, str]]:
    """Each row with its name, and what is wrong with that."""
    for position, written in enumerate(rows):
        name = written.get("id") if isinstance(written, dict) else None
        if not isinstance(name, str) or not name:
            # What is wrong with the id, reading the row will tell.
            yield written, f"{path.name}: {section}[{position}]", ""
        else:
            yield written, name, f"id: {name!r} is used twice" if (section, name) in told else ""
            told.add((section, name))


def outcome_of(written: object, *, name: str, file: Path, programs: Programs, problem: str = "") -> Outcome:
    """
    What comes of one case.

    :param problem: what is known to be wrong with it already
    """
    try:
        if problem:
            raise WrongCase(problem)
        found = differences(case_of(written, folder=file.parent, programs=programs))
    except WrongCase as wrong:
        return Outcome(name, str(file), error=str(wrong))
    except Exception as error:
        # One poisoned case does not stop the rest.
        log.exception("case %s", name)
        return Outcome(name, str(file), error=_in_words(error))
    return Outcome(name, str(file), found)


def case_of(written: object, *, folder: Path, programs: Programs) -> Case:
    """
    A case as it was written, read together with its program.

    :param folder: where its file lies
    :raises WrongCase: with everything that is wrong with it
    """
    document: Document | None = None
    problems: list[Problem] = []
    if isinstance(written, dict):
        program, changes = written.get("program"), written.get("set") or {}
        if isinstance(program, str) and isinstance(changes, dict):
            document, problems = programs.document(program, changes, folder=folder)
    case, more = format.read(written, document)
    if case is None or problems:
        raise WrongCase("; ".join(map(str, [*more, *problems])))
    return case


def differences(case: Case) -> list[Difference]:
    """
    Play a case, and compare what is seen at its end with what it expects.

    :raises WrongCase: if a step makes no sense
    """
    with staged(case) as stage:
        return differences_on(stage)


def differences_on(stage: Stage) -> list[Difference]:
    """The same on a stage that is there already, which stays as it is at the end."""
    case = stage.case
    found = play(case, stage)
    for section, expected in case.expect.items():
        there = seen(stage, section, list(expected or ()), as_of=case.as_of)
        found += expectations.differences(expected, there, path=section)
    return found


def play(case: Case, stage: Stage) -> list[Difference]:
    """Let the steps of a case happen by its clock; steps whose refusal is not as written differ."""
    found = []
    for stop in stops(case, stage.effects):
        for step in stop.steps:
            refused = _refusal(step, stage)
            if refused != step.refused:
                found.append(Difference(f"steps[{step.position}]", step.refused, refused))
        stage.evaluate(stop.at)
        if stop.is_run:
            stage.run_jobs(stop.at)
    return found


def _refusal(step: Step, stage: Stage) -> str | None:
    """Let a step happen; the code with which it is refused, if it is."""
    try:
        with transaction.atomic():
            take(step, stage)
    except WrongField as wrong:
        raise WrongCase(f"steps[{step.position}].{wrong}") from wrong
    except Refused as refusal:
        return refusal.code
    except Exception as error:
        raise WrongCase(f"steps[{step.position}]: {_in_words(error)}") from error
    return None


def _in_words(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"
