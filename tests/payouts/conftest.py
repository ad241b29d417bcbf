"""The books are right at the end of every test about money."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from payouts import verification

PLANTING = Path(__file__).parent / "verification"


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "plants_breaches: the books are wrong at the end, and shall be")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if PLANTING in item.path.parents:
            item.add_marker("plants_breaches")


@pytest.fixture(autouse=True)
def the_books_are_right_at_the_end(request: pytest.FixtureRequest) -> Iterator[None]:
    """Verify the books after every test that has a database, unless it plants a breach."""
    has_database = request.node.get_closest_marker("django_db") is not None
    if has_database:
        # Asked for first, so that the rows are still there when this fixture ends.
        request.getfixturevalue("db")
    yield
    if has_database and request.node.get_closest_marker("plants_breaches") is None:
        assert verification.breaches() == []


@pytest.fixture
def paypal(settings: Any) -> None:
    """PayPal is set up, and nobody calls it."""
    settings.PAYPAL_URL = "https://client:secret@paypal.example"
