"""Rows made from rows: one INSERT ... SELECT, portable, without a round trip per row."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from django.core.exceptions import EmptyResultSet
from django.db import connection
from django.db.models import Model, QuerySet
from django.db.models.expressions import Combinable, RawSQL


def insert_from(
    rows: QuerySet[Any, Any], *, into: type[Model], values: Mapping[str, Combinable], otherwise: str = ""
) -> int:
    """
    Insert one row for every row of a queryset; returns how many.

    :param values: field of the new row to an expression over the old one
    :param otherwise: what follows the SELECT, such as an ON CONFLICT clause
    """
    # The names of annotations must not clash with the columns of the rows selected from.
    named = {f"new_{name}": expression for name, expression in values.items()}
    try:
        select, params = rows.order_by().annotate(**named).values_list(*named).query.sql_with_params()
    except EmptyResultSet:
        return 0
    quote = connection.ops.quote_name
    columns = ", ".join(quote(str(into._meta.get_field(name).attname)) for name in values)  # type: ignore[union-attr]
    with connection.cursor() as cursor:
        cursor.execute(f"INSERT INTO {quote(into._meta.db_table)} ({columns}) {select} {otherwise}", params)
        return int(cursor.rowcount)


def listed(ids: Sequence[int]) -> RawSQL:
    """Ids for ``pk__in``, as one parameter: thousands of them are planned and sent as one value."""
    if connection.vendor == "sqlite":
        return RawSQL("SELECT value FROM json_each(%s)", [json.dumps(ids)])
    return RawSQL("SELECT unnest(%s::bigint[])", [ids])
