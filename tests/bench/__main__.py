"""``python -m tests.bench GOAL [ARGUMENTS]``: show one goal; ``--help`` after it names its arguments."""

import sys
from importlib import import_module

GOALS = ["intake", "redirect", "release"]


def main(goal: str = "", *arguments: str) -> int:
    """Show the goal that the command line names."""
    if goal not in GOALS:
        sys.stderr.write(f"{__doc__}\n\nGoals: {', '.join(GOALS)}\n")
        return 2
    return int(import_module(f"tests.bench.{goal}").main(list(arguments)))


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
