"""``python -m tests.bench.ours``: pay what is due as the product does, and print what it took."""

import json
import os
import sys
import time
from typing import Any

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
django.setup()

# These read the registry of models, which the line above fills.
from django.db import connection  # noqa: E402

from payouts import release  # noqa: E402
from tests.bench.floor import AS_OF  # noqa: E402
from tests.bench.memory import Sampled, peak_mb  # noqa: E402


def _server_process() -> int | None:
    """The process of the database that serves this connection, if it has one."""
    if connection.vendor == "sqlite":
        return None
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        return int(cursor.fetchone()[0])


def main() -> None:
    """Print what was paid, in how many seconds and how much memory."""
    connection.ensure_connection()
    pid = _server_process()
    with Sampled(pid or 0) as backend:
        began = time.perf_counter()
        tally = release.release_due(as_of=AS_OF)
        seconds = time.perf_counter() - began
    told: dict[str, Any] = {"paid": tally.done, "seconds": seconds, "peak_mb": peak_mb()}
    json.dump(told | {"backend_mb": backend.peak_mb}, sys.stdout)


if __name__ == "__main__":
    main()
