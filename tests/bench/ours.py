"""
``python -m tests.bench.ours [MONOTONIC]``: pay what is due as the product does, and print what it took.

With an instant of the machine's monotonic clock it waits for that, so that two begin at once.
"""

import json
import os
import sys
import time
from dataclasses import asdict

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
django.setup()

# These read the registry of models, which the line above fills.
from django.db import connection  # noqa: E402

from payouts import release  # noqa: E402
from tests.bench.floor import AS_OF  # noqa: E402
from tests.bench.usage import Measured  # noqa: E402


def main(begins: str = "0") -> None:
    """Print what was paid, and what that took."""
    connection.ensure_connection()
    time.sleep(max(0.0, float(begins) - time.monotonic()))
    is_sqlite = connection.vendor == "sqlite"
    with Measured(backend=None if is_sqlite else connection.connection.info.backend_pid) as measured:
        tally = release.release_due(as_of=AS_OF)
    ended = {"ended": time.monotonic(), "failed": tally.failed}
    json.dump({"paid": tally.done} | ended | asdict(measured.usage), sys.stdout)


if __name__ == "__main__":
    main(*sys.argv[1:])
