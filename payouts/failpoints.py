"""
Named places at which a test lets a process die as if the power had failed.

    after_claim, after_transfers, before_commit, after_commit     in every chunk of payouts.release
    after_lines, before_file                                      before a payment file is there
    before_mark                                                   before it is said to be uploaded
    after_call                                                    a payment order was sent, and not noted

Off unless the environment names one: ``FAILPOINT=place:file``. Then the first process that comes to the
place makes the file and is killed by SIGKILL; whoever comes later finds the file and lives: a test may watch
what happens next, and a variable left behind harms nobody twice.
"""

import os
import signal
from pathlib import Path

NAMED, _, MARK = os.environ.get("FAILPOINT", "").partition(":")


def reach(place: str) -> None:
    """Die here, if this is the place that was named and nobody has died at it before."""
    if place != NAMED:
        return
    try:
        Path(MARK).touch(exist_ok=False)
    except FileExistsError:
        return
    os.kill(os.getpid(), signal.SIGKILL)
