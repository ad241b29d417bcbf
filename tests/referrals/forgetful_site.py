"""
The project's site with one fault: facts are acknowledged first and stored a moment later.

Only for the negative control of ``test_api_survival``; ``DJANGO_SETTINGS_MODULE`` names it.
"""

import threading
from collections.abc import Sequence
from typing import Any

from config.settings import *  # noqa: F403

ROOT_URLCONF = __name__


def __getattr__(name: str) -> Any:
    """The addresses, once Django asks for them: by then its applications are loaded."""
    if name != "urlpatterns":
        raise AttributeError(name)
    from config.urls import urlpatterns  # noqa: PLC0415  not before Django is set up
    from referrals import events  # noqa: PLC0415

    store = events.record_all

    def acknowledge_first(client: object, *, told: Sequence[object], **more: Any) -> list[bool]:
        threading.Timer(0.5, store, args=[client], kwargs={"told": told, **more}).start()
        return [True] * len(told)

    events.record_all = acknowledge_first
    return urlpatterns
