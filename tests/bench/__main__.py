"""``python -m tests.bench GOAL [ARGUMENTS]``: show one goal; ``--help`` after it names its arguments."""

import sys

from tests.bench import release

GOALS = {"release": release.main}


def main(goal: str = "", *arguments: str) -> int:
    """Show the goal that the command line names."""
    if goal not in GOALS:
        sys.stderr.write(f"{__doc__}\n\nGoals: {', '.join(GOALS)}\n")
        return 2
    return GOALS[goal](list(arguments))


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
