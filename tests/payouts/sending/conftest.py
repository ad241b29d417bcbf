"""A payment service in a process of its own, and an installation that pays by it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from payouts.rails import wire
from tests import provider as providers
from tests.provider import Provider


@pytest.fixture
def provider(tmp_path: Path, settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Provider]:
    """PayPal, Stripe and the host, as the settings know them; who does not answer is given up soon."""
    monkeypatch.setattr(wire, "SECONDS", 1.0)
    settings.OUTGOING_TO_LOOPBACK = True
    with providers.listening(tmp_path / "provider") as service:
        settings.PAYPAL_URL = settings.STRIPE_URL = service.account
        yield service
