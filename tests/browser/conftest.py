"""A browser for tests: the system's Chromium, nothing downloaded; without it they are skipped by name."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

CHROMIUM = shutil.which("chromium")
QUIET = [
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]


@pytest.fixture(scope="session", autouse=True)
def chromium_is_there() -> None:
    pytest.importorskip("pytest_playwright", reason="playwright is not installed: python3 dev.py test --all")
    if CHROMIUM is None:
        pytest.skip("no chromium on this machine: apt-get install chromium")


@pytest.fixture(scope="session", autouse=True)
def django_may_work_beside_the_loop_of_playwright() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")
        yield


@pytest.fixture(scope="session")
def browser_type_launch_args() -> dict[str, object]:
    # Chromium's sandbox refuses to work for root.
    as_root = ["--no-sandbox"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []
    return {"executable_path": CHROMIUM, "args": [*QUIET, *as_root]}


@pytest.fixture
def screenshots() -> Path | None:
    """Where pictures of the pages go: the folder of ``SCREENSHOTS``; without it none are taken."""
    folder = os.environ.get("SCREENSHOTS", "")
    if not folder:
        return None
    Path(folder).mkdir(parents=True, exist_ok=True)
    return Path(folder)
