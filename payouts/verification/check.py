"""What a check is: one statement that finds the rows for which an invariant does not hold."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Check:
    """One statement about one invariant; it finds nothing while the invariant holds."""

    invariant: str
    finds: str
    """The rows found, as a person names them: 'transfers that move no amount'."""
    sql: str
    """
    Selects ``id`` of each row found, the same way on PostgreSQL and SQLite.

    Words in braces differ between the two: see ``DIALECT``. ``%(as_of)s`` may stand for the instant.
    """


DIALECT: dict[str, dict[str, str]] = {
    "postgresql": {
        "{days_after_window}": "(bonus.released_on - bonus.window_closes_on)",
        "{result_in_snapshot}": "(decision.snapshot -> 'criteria' ->> criterion.code)",
    },
    "sqlite": {
        "{days_after_window}": "(julianday(bonus.released_on) - julianday(bonus.window_closes_on))",
        "{result_in_snapshot}": "json_extract(decision.snapshot, '$.criteria.\"' || criterion.code || '\"')",
    },
}
