"""Every run tells its seed, so that it can be played again."""

import pytest

from tests.simulator.machine import Run

runs = pytest.StashKey[list[str]]()


@pytest.fixture
def report(request: pytest.FixtureRequest):
    """Tell of a run at the end of all tests."""

    def tell(run: Run) -> None:
        told = request.config.stash.setdefault(runs, [])
        seen = ", ".join(f"{name} {number}" for name, number in sorted(run.seen.items()))
        told.append(f"SIMULATOR_SEED={run.seed}: {run.steps} steps in {run.plays} plays: {seen}")

    return tell


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    if told := config.stash.get(runs, None):
        terminalreporter.section("simulator")
        for line in told:
            terminalreporter.line(line)
