"""
Many rows from few: the database copies the rows of some accounts as often as it is told.

A copy differs in its ids, in what must be unique, and in its times; whoever did something is another person
of the desk. So a trail of a copy leads from its beginning to its end, as that of its sample does.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from django.contrib.auth.models import User
from django.core.management.color import no_style
from django.db import connection
from django.db.models import DateTimeField, Field, Max, Min, Model, QuerySet

SYLLABLES = (
    "bacadafagakalamanaparasatavazabecedefegehelemeneperesetevezebicidifigilimiloboconodoforohulurumusu"
)
"""Words are three of these, two letters each."""
NUMBER = len(SYLLABLES) // 2
WORDS = NUMBER**3
# No common factor with the number of words: as many copies in a row have different ones.
STEP = 7_919

Samples = Mapping[type[Model], QuerySet[Model]]
Differs = Mapping[tuple[type[Model], str], str]
"""Columns that differ from copy to copy in their own way: an expression over the number ``n`` of the copy."""


@dataclass(frozen=True, slots=True)
class People:
    """Those who take turns in having done something; their ids follow each other."""

    first: int
    number: int


def word(number: int) -> str:
    """The word of that number, as ``word_of`` makes it in the database."""
    left = number * STEP % WORDS
    parts = []
    for _ in range(3):
        left, place = divmod(left, NUMBER)
        parts.append(SYLLABLES[2 * place : 2 * place + 2])
    return "".join(parts)


def word_of(number: str) -> str:
    """An expression for the word of a number, which is an expression, too."""
    mixed = f"(({number}) * {STEP} % {WORDS})"
    places = [f"{mixed} / {NUMBER**power} % {NUMBER}" for power in range(3)]
    return (
        "("
        + " || ".join(f"SUBSTR('{SYLLABLES}', CAST(2 * ({place}) + 1 AS INTEGER), 2)" for place in places)
        + ")"
    )


def capitalized(word: str) -> str:
    """An expression for a word with a capital."""
    return f"(UPPER(SUBSTR({word}, 1, 1)) || SUBSTR({word}, 2))"


def digits_of(number: str) -> str:
    """An expression for seven digits, which all numbers up to ten millions have different."""
    return f"SUBSTR(CAST(10000000 + ({number}) * {STEP} % 10000000 AS TEXT), 2, 7)"


def reversed_digits_of(number: str) -> str:
    """An expression for these digits, the last one first."""
    digits = digits_of(number)
    return "(" + " || ".join(f"SUBSTR({digits}, {place}, 1)" for place in range(7, 0, -1)) + ")"


def earlier(column: str, seconds: str) -> str:
    """An expression for an instant so many seconds before the one in a column."""
    if connection.vendor == "postgresql":
        return f"{column} - INTERVAL '1 second' * ({seconds})"
    return f"DATETIME({column}, '-' || ({seconds}) || ' seconds')"


def multiply(
    samples: Samples, *, copies: int, differs: Differs, people: People | None = None, earlier_by: str = ""
) -> None:
    """
    Copy these rows so often that each is there ``copies`` times.

    :param samples: for each model its rows; what points from one of them to another does so in each copy
    :param earlier_by: by how many seconds all times of a copy are earlier, as an expression over ``n``
    """
    found = {model: rows for model, rows in samples.items() if rows.exists()}
    ids = {model: next_ids(rows) for model, rows in found.items()}
    for model, rows in found.items():
        values = {
            str(field.column): differs.get((model, str(field.column)))
            or _value(model, field, ids, people, earlier_by)
            for field in model._meta.concrete_fields
            if not field.generated
        }
        _copy(model, rows, values, copies=copies)


def _copy(model: type[Model], rows: QuerySet[Model], values: dict[str, str], *, copies: int) -> None:
    quote = connection.ops.quote_name
    one, parameters = rows.order_by().query.sql_with_params()
    # In the expressions a percent sign is the remainder; for the driver it is a parameter.
    chosen = ", ".join(values.values()).replace("%", "%%")
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {quote(model._meta.db_table)}"  # noqa: S608  names of our own
            f" ({', '.join(quote(column) for column in values)})"
            " WITH RECURSIVE copies (n) AS ("
            " SELECT CAST(1 AS BIGINT) UNION ALL SELECT n + 1 FROM copies WHERE n + 1 < %s)"
            f" SELECT {chosen} FROM copies CROSS JOIN ({one}) one WHERE n < %s ORDER BY 1",
            [copies, *parameters, copies],
        )
        for statement in connection.ops.sequence_reset_sql(no_style(), [model]):
            cursor.execute(statement)


def next_ids(rows: QuerySet[Model]) -> str:
    """What is added to the ids of these rows in the copy ``n``: copies follow what there is by now."""
    ids = rows.aggregate(first=Min("pk"), last=Max("pk"))
    last = rows.model._default_manager.aggregate(last=Max("pk"))["last"]
    return f"{last - ids['last']} + n * {ids['last'] - ids['first'] + 1}"


def _value(
    model: type[Model],
    field: "Field[Any, Any]",
    ids: Mapping[type[Model], str],
    people: People | None,
    earlier_by: str,
) -> str:
    """The expression for a column of the copy with the number ``n``."""
    column = str(connection.ops.quote_name(str(field.column)))
    points_at = model if field.primary_key else field.related_model
    if points_at is not None and points_at in ids:
        return f"{column} + {ids[points_at]}"
    if points_at is User and people is not None:
        return f"CASE WHEN {column} IS NULL THEN NULL ELSE {people.first} + n % {people.number} END"
    if isinstance(field, DateTimeField) and earlier_by:
        return earlier(column, earlier_by)
    return column


@contextmanager
def bare(models: list[type[Model]]) -> Iterator[None]:
    """
    Meanwhile the tables have no foreign keys and no indexes but the unique ones: PostgreSQL makes these anew,
    and checks them, much faster for all rows together than for one after the other.
    """
    if connection.vendor != "postgresql":
        yield
        return
    tables = [model._meta.db_table for model in models]
    with connection.cursor() as cursor:
        # What is deferred is checked now: a table for which something waits cannot be altered.
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute(KEYS, [tables])
        keys = cursor.fetchall()
        cursor.execute(INDEXES, [tables])
        indexes = cursor.fetchall()
        for table, name, _ in keys:
            cursor.execute(f'ALTER TABLE {table} DROP CONSTRAINT "{name}"')
        for name, _ in indexes:
            cursor.execute(f'DROP INDEX "{name}"')
    yield
    with connection.cursor() as cursor:
        for _, definition in indexes:
            cursor.execute(definition)
        for table, name, definition in keys:
            cursor.execute(f'ALTER TABLE {table} ADD CONSTRAINT "{name}" {definition}')


KEYS = """
    SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid)
    FROM pg_constraint
    WHERE contype = 'f' AND conrelid = ANY(%s::regclass[])
"""
INDEXES = """
    SELECT indexrelid::regclass::text, pg_get_indexdef(indexrelid)
    FROM pg_index
    WHERE NOT indisunique AND indrelid = ANY(%s::regclass[])
"""
