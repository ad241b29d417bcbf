"""It is noon, Smartcat runs, and the host's software calls."""

import pytest

from tests.host import NOON, HostSoftware
from tests.story import Story


@pytest.fixture(autouse=True)
def _noon(time_machine):
    time_machine.move_to(NOON, tick=False)


@pytest.fixture
def story() -> Story:
    return Story("smartcat")


@pytest.fixture
def host(story) -> HostSoftware:
    return HostSoftware(story.client, at=NOON)
