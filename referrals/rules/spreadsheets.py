"""Cells of a spreadsheet: what a program that opens the file would run is made plain text."""

from datetime import datetime

RUN_BY_SPREADSHEETS = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
"""The last four are the same signs in full width, which some programs read alike."""


def harmless(cell: object) -> str:
    """A cell as text; what begins like a formula begins with an apostrophe, numbers stay numbers."""
    text = str(cell)
    is_text = isinstance(cell, str)
    return f"'{text}" if is_text and text.startswith(RUN_BY_SPREADSHEETS) else text


def as_cell(cell: object) -> object:
    """What stands in a text file for a value: nothing for none, ISO 8601 for an instant."""
    if cell is None:
        return ""
    # The text of an instant begins with a digit, and so it is no formula.
    return cell.isoformat() if isinstance(cell, datetime) else cell
