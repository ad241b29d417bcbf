"""
What was expected beside what was seen.

Only what is written is compared: of an object the keys that are there; a list as a whole, in
any order, each entry by its keys.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from payouts.cases.report import Difference

# By these an entry of a list is told from the others: what differs in them is another entry.
IDENTITY = ("account", "reward", "period", "type")


def differences(expected: Any, seen: Any, *, path: str) -> list[Difference]:
    """How what is seen differs from what is written."""
    if expected is None:
        # Nothing there: whatever nothing looks like.
        return [] if seen in (None, "", [], {}) else [Difference(path, None, seen)]
    if isinstance(expected, Mapping) and isinstance(seen, Mapping):
        return [
            difference
            for key, value in expected.items()
            for difference in differences(value, seen.get(key), path=f"{path}.{key}" if path else key)
        ]
    if _is_list_of_entries(expected) and _is_list_of_entries(seen):
        return _in_any_order(expected, seen, path=path)
    return [] if expected == seen else [Difference(path, expected, seen)]


def _is_list_of_entries(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(entry, Mapping) for entry in value)


def _in_any_order(
    expected: Sequence[Mapping[str, Any]], seen: Sequence[Mapping[str, Any]], *, path: str
) -> list[Difference]:
    found = _pairs([[not differences(entry, row, path="") for row in seen] for entry in expected])
    left = [row for position, row in enumerate(seen) if position not in found.values()]
    result = []
    for position, entry in enumerate(expected):
        if position not in found:
            nearest = _nearest(entry, left)
            result += differences(entry, nearest, path=f"{path}[{position}]")
            left = [row for row in left if row is not nearest]
    return result + [Difference(path, None, dict(row)) for row in left]


def _nearest(entry: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]) -> Mapping[str, Any] | None:
    """The row that the entry most likely means; ``None``: it means another account, reward or period."""
    meant = [row for row in rows if all(entry[key] == row.get(key) for key in IDENTITY if key in entry)]
    return min(meant, key=lambda row: len(differences(entry, row, path="")), default=None)


def _pairs(fits: Sequence[Sequence[bool]]) -> dict[int, int]:
    """
    As many pairs as there can be: which entry goes with which row, each at most once.

    An entry with few keys fits several rows, so the first that fits may be the wrong one; then the
    rows given so far are given anew (Kuhn's algorithm).
    """
    entry_of: dict[int, int] = {}

    def place(entry: int, tried: set[int]) -> bool:
        for row, is_fit in enumerate(fits[entry]):
            if is_fit and row not in tried:
                tried.add(row)
                if row not in entry_of or place(entry_of[row], tried):
                    entry_of[row] = entry
                    return True
        return False

    for entry in range(len(fits)):
        place(entry, set())
    return {entry: row for row, entry in entry_of.items()}
