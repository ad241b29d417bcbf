"""Instants that somebody types as an argument of a command."""

from datetime import datetime

from django.core.management.base import CommandError


def instant_of(text: str, *, option: str = "--as-of") -> datetime:
    """
    An instant with its offset, as ISO 8601 writes it.

    :raises CommandError: naming the option, if it is none
    """
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise CommandError(f"{option}: '{text}' is no instant such as 2026-03-16T00:05:00Z.") from None
    if at.utcoffset() is None:
        raise CommandError(f"{option}: '{text}' has no offset: add Z or +01:00.")
    return at
