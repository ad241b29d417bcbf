"""Sessions that end: some time after they were last used, and a day's work after they began."""

from datetime import datetime
from typing import Any

from django.conf import settings
from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore as DatabaseSessionStore
from django.utils import timezone

BEGAN, USED = "session_began", "session_used"
# A row is not written with every request.
SECONDS_BETWEEN_MARKS = 300


class SessionStore(DatabaseSessionStore):
    """A session that knows when it began and when it was last used."""

    was_of: str | None = None
    """Whose session it was that has just been found to be over: the number of the person."""

    def load(self) -> dict[str, Any]:
        data: dict[str, Any] = super().load()
        now = _now()
        if (
            now - data.get(BEGAN, now) >= settings.SESSION_SECONDS
            or now - data.get(USED, now) >= settings.SESSION_IDLE_SECONDS
        ):
            self.was_of = data.get(SESSION_KEY)
            self.delete(self.session_key)
            self._session_key = None
            return {}
        if now - data.get(USED, now) >= SECONDS_BETWEEN_MARKS:
            data[USED] = now
            self.modified = True
        return data

    def save(self, must_create: bool = False) -> None:  # noqa: FBT001, FBT002  the signature is Django's
        if not must_create and not self.is_empty():
            self.setdefault(BEGAN, _now())
            self.setdefault(USED, _now())
        super().save(must_create)

    def cycle_key(self) -> None:
        """A log-in begins anew what a visitor had begun."""
        self.pop(BEGAN, None)
        super().cycle_key()


def _now() -> int:
    return int(datetime.timestamp(timezone.now()))
