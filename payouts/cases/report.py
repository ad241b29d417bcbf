"""What came of worked cases: which are as expected, and where the others differ."""

from dataclasses import dataclass, field
from typing import Any


class WrongCase(Exception):
    """A case that is itself wrong; the text names the place in it."""


@dataclass(frozen=True)
class Difference:
    """One thing that was not as expected; ``None`` is nothing there."""

    path: str
    expected: Any
    got: Any

    def __str__(self) -> str:
        return f"{self.path}: expected {self.expected!r}, got {self.got!r}"


@dataclass(frozen=True)
class Outcome:
    """What came of one case, or of one row of a group of windows."""

    id: str
    file: str
    differences: list[Difference] = field(default_factory=list)
    error: str = ""

    @property
    def is_as_expected(self) -> bool:
        return not self.differences and not self.error

    def as_json(self) -> dict[str, Any]:
        """The outcome as an entry of ``run_cases --json``."""
        return {
            "id": self.id,
            "file": self.file,
            "ok": self.is_as_expected,
            **({"error": self.error} if self.error else {}),
            "differences": [
                {"path": each.path, "expected": each.expected, "got": each.got} for each in self.differences
            ],
        }


@dataclass(frozen=True)
class Report:
    """What came of all cases of a run."""

    outcomes: list[Outcome]

    @property
    def failed(self) -> list[Outcome]:
        return [outcome for outcome in self.outcomes if not outcome.is_as_expected]

    def as_json(self) -> dict[str, Any]:
        """The report as ``run_cases --json`` prints it."""
        return {
            "passed": len(self.outcomes) - len(self.failed),
            "failed": len(self.failed),
            "cases": [outcome.as_json() for outcome in self.outcomes],
        }
