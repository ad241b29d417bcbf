"""A browser for tests: the system's Chromium, nothing downloaded; without it they are skipped by name."""

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db import connections
from pytest_django import DjangoDbBlocker

HERE = Path(__file__).parent
CHROMIUM = shutil.which("chromium")
QUIET = [
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if HERE in item.path.parents:
            item.add_marker("any_database")


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


@pytest.fixture(scope="session", autouse=True)
def nothing_stays_connected(
    chromium_is_there: None,
    request: pytest.FixtureRequest,
    django_db_setup: None,
    django_db_blocker: DjangoDbBlocker,
) -> Iterator[None]:
    """
    Close what is still connected before the test database is dropped, which PostgreSQL refuses otherwise.

    While Playwright's loop runs, Django keeps a connection of its own for it: it goes before the loop.
    """
    # Not an argument: without the plugin there is no fixture of that name, and tests are skipped.
    request.getfixturevalue("playwright")
    yield
    with django_db_blocker.unblock():
        connections.close_all()


@pytest.fixture(scope="session")
def browser_type_launch_args() -> dict[str, object]:
    # Chromium's sandbox refuses to work for root.
    as_root = ["--no-sandbox"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []
    return {"executable_path": CHROMIUM, "args": [*QUIET, *as_root]}


@pytest.fixture
def faults_of(chromium_is_there: None) -> Callable[[Any, str], list[str]]:
    """
    What is wrong with a page as it is shown: serious faults of accessibility, or that it scrolls sideways.

    A picture of it goes to the folder of ``SCREENSHOTS``, if there is one.
    """
    library = pytest.importorskip(
        "axe_playwright_python.sync_playwright", reason="axe is not installed: python3 dev.py test --all"
    )
    axe = library.Axe()
    pictures = os.environ.get("SCREENSHOTS", "")

    def look(page: Any, name: str) -> list[str]:
        if pictures:
            page.screenshot(path=Path(pictures) / f"{name}.png", full_page=True)
        found = [
            f"{name}: {fault['id']}: {fault['nodes'][0]['html'][:200]}"
            for fault in axe.run(page).response["violations"]
            if fault["impact"] in {"serious", "critical"}
        ]
        if page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth"):
            found.append(f"{name}: it is wider than the screen.")
        return found

    return look
