"""Files of worked cases: found, and read as JSON without surprises."""

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn

SECTIONS = ("cases", "windows")


@dataclass(frozen=True)
class CaseFile:
    """
    A file with the cases and groups of windows in it, as they were written.

    ``problem`` is what is wrong with the file as a whole; what can be read of it is there all the same.
    """

    path: Path
    cases: list[object] = field(default_factory=list)
    windows: list[object] = field(default_factory=list)
    problem: str = ""


class _NotTaken(ValueError):
    """JSON that a reader could understand in more than one way."""


def find(paths: Iterable[Path]) -> list[Path]:
    """The files that are meant: of a folder all ``*.json`` in it and below, each file once."""
    found: dict[Path, Path] = {}
    for path in paths:
        inside = sorted(each for each in path.rglob("*.json") if each.is_file()) if path.is_dir() else []
        # A folder without cases is told like a file that cannot be read: it was meant to hold some.
        for file in inside or [path]:
            found.setdefault(file.resolve(), file)
    return list(found.values())


def read(path: Path) -> CaseFile:
    """The cases and groups of windows of a file."""
    if path.is_dir():
        return CaseFile(path, problem="is a folder without *.json files")
    try:
        content = json.loads(
            path.read_bytes(), object_pairs_hook=_with_each_key_once, parse_constant=_refuse_constant
        )
    except OSError as error:
        return CaseFile(path, problem=f"cannot be read: {error.strerror or error}")
    except _NotTaken as error:
        return CaseFile(path, problem=str(error))
    # Bytes that are no text, numbers of thousands of digits, and brackets without end raise their own.
    except (ValueError, RecursionError) as error:
        return CaseFile(path, problem=f"is not JSON: {error}")

    if not isinstance(content, dict):
        return CaseFile(path, problem="must be an object with cases, or windows, or both")
    sections = {name: content[name] for name in SECTIONS if name in content}
    return CaseFile(
        path,
        **{name: section for name, section in sections.items() if isinstance(section, list)},
        problem="; ".join(_problems(content, sections)),
    )


def _problems(content: dict[str, Any], sections: dict[str, Any]) -> list[str]:
    problems = [f"{name}: is not known here; known are cases, windows" for name in content.keys() - SECTIONS]
    problems += [f"{name}: must be a list" for name, rows in sections.items() if not isinstance(rows, list)]
    if not sections:
        problems.append("has neither cases nor windows")
    return sorted(problems)


def _with_each_key_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    content: dict[str, Any] = {}
    for key, value in pairs:
        if key in content:
            raise _NotTaken(f"the key {key!r} is written twice in one object")
        content[key] = value
    return content


def _refuse_constant(name: str) -> NoReturn:
    raise _NotTaken(f"{name} is not JSON")
