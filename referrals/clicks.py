"""
What one process of the web server remembers of links, so that a redirect waits for no database.

Where a link leads is asked again every few seconds; while the database is away, what is known goes on.
Clicks wait here for at most a second and are then written together. A process that ends writes what waits;
one that is killed loses that second. Nothing here is shared between processes.

All this begins when a web server says so (``begin``). In a shell or a test nothing is remembered, and each
click is written at once.
"""

import logging
import threading
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime

from django.db import Error, connections

from referrals import links
from referrals.links import Opened, Target
from referrals.rules.identity import folded_link

logger = logging.getLogger(__name__)

REMEMBERED_SECONDS = 5.0
MOST_REMEMBERED = 20_000
FLUSH_SECONDS = 1.0
MOST_WAITING = 200_000


@dataclass(slots=True)
class _Known:
    target: Target
    asked: float
    used: bool = True


class Targets:
    """Where links lead, as this process knows it. One thread asks the database, the others go on."""

    def __init__(self, *, seconds: float = REMEMBERED_SECONDS, most: int = MOST_REMEMBERED) -> None:
        self._seconds = seconds
        self._most = most
        self._begun = False
        self._known: dict[str, _Known] = {}
        self._asking = threading.Lock()

    def begin(self) -> None:
        """From now on remember."""
        self._begun = True

    def of(self, text: str, *, at: datetime) -> Target | None:
        """
        Where a link leads; ``None``: nowhere.

        :raises django.db.Error: if it was never asked for and the database is away
        """
        folded = folded_link(text)
        known = self._known.get(folded)
        if known is None:
            return self._first(folded, at=at)
        known.used = True
        if time.monotonic() - known.asked > self._seconds and self._asking.acquire(blocking=False):
            try:
                self._ask_again(at=at)
            finally:
                self._asking.release()
            known = self._known.get(folded)
        return known.target if known else None

    def _first(self, folded: str, *, at: datetime) -> Target | None:
        # What leads nowhere is not remembered: guesses would drive out what does.
        target = links.leads_to([folded], at=at).get(folded)
        if target is not None and self._begun:
            while len(self._known) >= self._most:
                self._known.pop(next(iter(self._known)), None)
            self._known[folded] = _Known(target, asked=time.monotonic())
        return target

    def _ask_again(self, *, at: datetime) -> None:
        """Ask for all that were used since they were last asked for, in one query."""
        used = {folded: known for folded, known in list(self._known.items()) if known.used}
        now = time.monotonic()
        for known in used.values():
            known.asked, known.used = now, False
        try:
            found = links.leads_to(used.keys(), at=at)
        except Error:
            logger.warning("The database is away: links lead where they led.")
            return
        for folded, known in used.items():
            if folded in found:
                known.target = found[folded]
            else:
                self._known.pop(folded, None)


class Clicks:
    """Clicks that wait to be written."""

    def __init__(
        self,
        *,
        keep: Callable[[Collection[Opened]], None] = links.keep,
        seconds: float = FLUSH_SECONDS,
        most: int = MOST_WAITING,
    ) -> None:
        self._keep = keep
        self._seconds = seconds
        self._most = most
        self._begun = False
        self._waiting: list[Opened] = []
        self._timer: threading.Timer | None = None
        self._changing = threading.Lock()
        self._flushing = threading.Lock()

    def begin(self) -> None:
        """From now on let clicks wait for the next flush."""
        self._begun = True

    def add(self, opened: Opened) -> None:
        """Keep a click, soon; it never fails, since a visitor is waiting."""
        with self._changing:
            self._waiting.append(opened)
            if self._begun and self._timer is None:
                # No daemon: a process that is told to end waits for this last flush.
                self._start(daemon=False)
        if not self._begun:
            self.flush()

    def flush(self) -> bool:
        """
        Write what waits, and return when it and what was taken before it is written or lost.

        ``False``: the database is away, and it waits on.
        """
        with self._flushing:
            with self._changing:
                taken, self._waiting = self._waiting, []
            if not taken:
                return True
            try:
                self._keep(taken)
            except links.NotKept:
                logger.warning("The database is away: %d clicks wait.", len(taken))
                self._wait_again(taken)
                return False
            except Exception:
                # Whatever it is: a thread that died of it would leave all that comes after waiting for ever.
                logger.exception("%d clicks are lost.", len(taken))
            return True

    def _wait_again(self, taken: list[Opened]) -> None:
        with self._changing:
            waiting = taken + self._waiting
            if lost := max(0, len(waiting) - self._most):
                logger.error("%d clicks are lost: more than %d wait.", lost, self._most)
            self._waiting = waiting[lost:]
            if self._begun and self._timer is None:
                # A daemon: a process that is told to end waits for no database.
                self._start(daemon=True)

    def _start(self, *, daemon: bool) -> None:
        timer = threading.Timer(self._seconds, self._flush_in_background)
        timer.daemon = daemon
        try:
            timer.start()
        except RuntimeError:
            logger.exception("No thread could be started: clicks wait for the next one.")
        else:
            self._timer = timer

    def _flush_in_background(self) -> None:
        # As long as clicks keep coming: a connection made anew each second would cost more than the rows.
        try:
            while self._goes_on(kept=self.flush()):
                time.sleep(self._seconds)
        finally:
            # A thread that ends leaves no connection behind.
            connections.close_all()

    def _goes_on(self, *, kept: bool) -> bool:
        """Shall this thread flush again? If not, and clicks wait, another one is started."""
        with self._changing:
            goes_on = kept and bool(self._waiting) and not threading.current_thread().daemon
            if not goes_on:
                self._timer = None
                if self._waiting:
                    self._start(daemon=not kept)
            return goes_on


targets = Targets()
waiting = Clicks()


def begin() -> None:
    """Remember and let wait: this process serves visitors. Said once, by what a web server loads."""
    targets.begin()
    waiting.begin()
