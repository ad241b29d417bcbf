"""
Changed values of a program file, as a worked case or a what-if names them.

``payout_schedule.opens`` is a key, ``rewards.voice.amount`` a key of the row with that code,
``milestones.paying_client.any.0.test`` a key of the first test.
"""

from collections.abc import Mapping
from copy import deepcopy
from typing import Any

from payouts.rules.program_document.problems import Problem, shown


class _LeadsNowhere(Exception):
    """A path names something that the document does not have."""


def changed(
    document: Mapping[str, Any], changes: Mapping[str, object]
) -> tuple[dict[str, Any], list[Problem]]:
    """
    A copy of the document with these values changed; it has still to be checked.

    A value of ``None`` means as much as leaving the key out; a row or test set to it is removed,
    and one that is new is added at the end.

    :param changes: values by dotted path; only the last key of a path may be new
    """
    copy = deepcopy(dict(document))
    problems = []
    for path, value in changes.items():
        try:
            _change(copy, path.split("."), deepcopy(value))
        except _LeadsNowhere as nowhere:
            problems.append(Problem(path, str(nowhere)))
    return copy, problems


def _change(document: dict[str, Any], path: list[str], value: object) -> None:
    *leading, last = path
    inside: Any = document
    for depth, name in enumerate(leading, start=1):
        inside = _step(inside, name, ".".join(path[:depth]))
    if isinstance(inside, dict):
        inside[last] = value
    elif isinstance(inside, list):
        _change_row(inside, last, value)
    else:
        raise _LeadsNowhere(f"{'.'.join(leading)} is {shown(inside)} and has no key {last}")


def _step(inside: Any, name: str, so_far: str) -> Any:
    if isinstance(inside, dict) and name in inside:
        return inside[name]
    if isinstance(inside, list) and (position := _position(inside, name)) is not None:
        return inside[position]
    raise _LeadsNowhere(f"there is no {so_far}")


def _change_row(rows: list[Any], name: str, value: object) -> None:
    position = _position(rows, name)
    if value is None:
        if position is None:
            raise _LeadsNowhere(f"there is no row {name} to remove")
        del rows[position]
    elif position is not None:
        rows[position] = value
    elif _have_codes(rows) or (not rows and not name.isdigit()):
        rows.append({"code": name, **value} if isinstance(value, dict) else value)
    elif name == str(len(rows)):
        rows.append(value)
    else:
        raise _LeadsNowhere(f"there is no row {name}: rows are counted from 0, and there are {len(rows)}")


def _position(rows: list[Any], name: str) -> int | None:
    """Where the row of that name stands: its code or, if it has none, its position."""
    for position, row in enumerate(rows):
        if name == (row["code"] if isinstance(row, dict) and "code" in row else str(position)):
            return position
    return None


def _have_codes(rows: list[Any]) -> bool:
    return any(isinstance(row, dict) and "code" in row for row in rows)
