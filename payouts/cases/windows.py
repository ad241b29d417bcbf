"""Groups of payout windows: a schedule, and for many anchors the window that it must give."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from payouts import program_files
from payouts.cases import expectations, kinds
from payouts.cases.programs import Programs
from payouts.cases.report import Outcome, WrongCase
from payouts.rules.program_document import Problem, schema, values
from payouts.rules.program_document.keys import Key, Keys, mapping
from payouts.rules.program_document.problems import Place
from payouts.rules.schedule import Schedule, closing_before_opening, window

GROUP: Keys = (
    Key("id", kinds.ID),
    Key("title", kinds.WORDS, ""),
    Key("program", kinds.PROGRAM, None),
    Key("set", kinds.CHANGES, {}),
    Key("schedule", kinds.anything, None),
    Key("rows", kinds.anything),
)

# As in a program file; but no program stands behind it that would have a zone.
SCHEDULE: Keys = (
    *(key for key in schema.PAYOUT_SCHEDULE if key.name in ("month_offset", "opens", "closes", "calendar")),
    Key("time_zone", values.time_zone),
)

ROW: Keys = (
    Key("anchor", kinds.instant),
    Key("window_opens", kinds.date_as_text, None),
    Key("window_closes", kinds.date_as_text, None),
    Key("opens_at", kinds.instant_as_text, None),
    Key("note", kinds.WORDS, ""),
)
SEEN = ("window_opens", "window_closes", "opens_at")

_read_group = mapping(GROUP)
_read_schedule = mapping(SCHEDULE)
_read_row = mapping(ROW)


def outcomes(
    written: object, *, name: str, file: Path, programs: Programs, problem: str = ""
) -> Iterator[Outcome]:
    """
    What comes of the rows of a group; if the group is wrong, of each row the same.

    :param problem: what is known to be wrong with the group already
    """
    rows = written.get("rows") if isinstance(written, dict) else None
    try:
        if problem:
            raise WrongCase(problem)
        schedule = _schedule(written, folder=file.parent, programs=programs)
    except WrongCase as wrong:
        if not isinstance(rows, list) or not rows:
            yield Outcome(name, str(file), error=str(wrong))
            return
        yield from (Outcome(f"{name}[{n}]", str(file), error=str(wrong)) for n in range(len(rows)))
        return
    for position, row in enumerate(rows or ()):
        yield _row(row, schedule, name=f"{name}[{position}]", file=file)


def _row(written: object, schedule: Schedule, *, name: str, file: Path) -> Outcome:
    top = Place()
    row = _read_row(written, top)
    if top.problems:
        return Outcome(name, str(file), error=_all(top.problems))
    try:
        promised = window(schedule, row["anchor"])
        opens_at = kinds.utc_text(promised.opens_at)
    except (ValueError, OverflowError) as error:
        return Outcome(name, str(file), error=f"anchor: {error}")
    seen = {
        "window_opens": promised.opens_on.isoformat(),
        "window_closes": promised.closes_on.isoformat(),
        "opens_at": opens_at,
    }
    expected = {key: row[key] for key in SEEN if row[key] is not None}
    return Outcome(name, str(file), expectations.differences(expected, seen, path=""))


def _schedule(written: object, *, folder: Path, programs: Programs) -> Schedule:
    top = Place()
    group = _read_group(written, top)
    if not top.problems:
        if not isinstance(group["rows"], list) or not group["rows"]:
            top.key("rows").refuse("must be a list with at least one row")
        if (group["program"] is None) == (group["schedule"] is None):
            top.refuse("must have either a program or a schedule of its own")
        if group["schedule"] is not None and group["set"]:
            top.key("set").refuse("goes with a program only")
    if top.problems:
        raise WrongCase(_all(top.problems))
    if group["schedule"] is not None:
        return _own_schedule(group["schedule"], top.key("schedule"), programs)
    document, problems = programs.document(group["program"], group["set"], folder=folder)
    if document is None:
        raise WrongCase(_all(problems))
    return program_files.schedule_from_document(document, programs.calendars)


def _own_schedule(written: object, at: Place, programs: Programs) -> Schedule:
    section: Mapping[str, Any] = _read_schedule(written, at)
    if not at.problems and section["calendar"] and section["calendar"] not in programs.calendars:
        at.key("calendar").refuse(f"there is no calendar {section['calendar']!r}")
    if at.problems:
        raise WrongCase(_all(at.problems))
    schedule = program_files.schedule_from_section(
        section, zone=section["time_zone"], calendars=programs.calendars
    )
    if months := closing_before_opening(schedule):
        year, month = months[0]
        raise WrongCase(f"{at.path}.closes: lies before opens, first in {year}-{month:02}")
    return schedule


def _all(problems: list[Problem]) -> str:
    return "; ".join(map(str, problems))
