"""What a server has loaded before its first request stays loaded."""

import gc

from django.urls import get_resolver

ALLOCATIONS_BETWEEN_COLLECTIONS = 10_000
"""Python's own 700 are used up many times by one page."""


def keep() -> None:
    """
    Load all pages, and spare what is loaded the garbage collection for good.

    A full collection walks everything that was ever imported: about a tenth of a second, which otherwise
    falls on some request.
    """
    get_resolver().url_patterns  # noqa: B018  # Reading it imports every view.
    gc.collect()
    gc.freeze()
    gc.set_threshold(ALLOCATIONS_BETWEEN_COLLECTIONS)
