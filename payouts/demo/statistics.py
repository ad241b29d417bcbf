"""What the database knows of its tables, by which it plans: after many rows it must look anew."""

from django.db import connection


def look_anew(statement: str = "ANALYZE") -> None:
    """Let the database look at what it has; without this it would plan for empty tables."""
    with connection.cursor() as cursor:
        cursor.execute(statement)
