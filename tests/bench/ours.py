"""
``python -m tests.bench.ours [FILE]``: pay what is due as the product does, and print what it took.

With a file it waits, ready, until that is there: so several begin at once.
"""

import json
import os
import sys
import time
from dataclasses import asdict
from pathlib import Path

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
django.setup()

# These read the registry of models, which the line above fills.
from django.db import connection  # noqa: E402

from payouts import release  # noqa: E402
from tests.bench.floor import AS_OF  # noqa: E402
from tests.bench.usage import Measured  # noqa: E402


def main(go: str = "") -> None:
    """Print what was paid, and what that took."""
    connection.ensure_connection()
    if go:
        Path(f"{go}.{os.getpid()}").touch()
        while not Path(go).exists():
            time.sleep(0.005)
    is_sqlite = connection.vendor == "sqlite"
    with Measured(backend=None if is_sqlite else connection.connection.info.backend_pid) as measured:
        tally = release.release_due(as_of=AS_OF)
    json.dump({"paid": tally.done} | asdict(measured.usage), sys.stdout)


if __name__ == "__main__":
    main(*sys.argv[1:])
