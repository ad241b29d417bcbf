"""``python -m tests.bench GOAL [ARGUMENTS]``: show one goal; ``--help`` after it names its arguments."""

import signal
import sys
from importlib import import_module
from types import FrameType

GOALS = ["intake", "pages", "redirect", "release", "together"]


def main(goal: str = "", *arguments: str) -> int:
    """Show the goal that the command line names."""
    if goal not in GOALS:
        sys.stderr.write(f"{__doc__}\n\nGoals: {', '.join(GOALS)}\n")
        return 2
    return int(import_module(f"tests.bench.{goal}").main(list(arguments)))


def _end(number: int, frame: FrameType | None) -> None:
    sys.exit(128 + number)


if __name__ == "__main__":
    # Told to stop, it clears up: a server of its own would run on.
    signal.signal(signal.SIGTERM, _end)
    sys.exit(main(*sys.argv[1:]))
