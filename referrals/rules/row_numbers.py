"""Numbers of rows as they stand in addresses, where anybody writes anything."""

LONGEST = 18
"""So many digits every database keeps, and no row has more."""
MOST = 10**LONGEST - 1


def row_number(text: str) -> int | None:
    """The number of a row; ``None``: no row has such a number."""
    is_one = text.isascii() and text.isdecimal() and len(text) <= LONGEST
    return int(text) if is_one else None
