"""Pages of long lists. Nobody counts them: one row more is asked for than is shown."""

from dataclasses import dataclass
from typing import Generic, TypeVar

from django.db.models import Model, QuerySet

PER_PAGE = 25

Row = TypeVar("Row", bound=Model)
Line = TypeVar("Line")


@dataclass(frozen=True, slots=True)
class Page(Generic[Line]):
    """Some of many lines."""

    lines: tuple[Line, ...]
    number: int
    has_next: bool


def rows_of_page(query: QuerySet[Row], number: int) -> tuple[list[Row], bool]:
    """The rows of a page, and whether there are more."""
    first = (number - 1) * PER_PAGE
    found = list(query[first : first + PER_PAGE + 1])
    return found[:PER_PAGE], len(found) > PER_PAGE


def page_number(asked: str) -> int:
    """The page that an address asks for; the first, if it asks for anything that is no page."""
    return max(1, int(asked)) if len(asked) <= 5 and asked.isascii() and asked.isdigit() else 1
