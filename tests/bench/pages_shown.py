"""
``python -m tests.bench.pages_shown URL FOLDER``: show the queue in Chromium, and print what it took.

The server is the one of production. Each time the browser begins with an empty cache, as on the first day;
after that the theme is not fetched again.
"""

import json
import os
import shutil
import statistics
import sys
import time
from importlib import import_module, util
from pathlib import Path
from typing import Any

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
django.setup()

# These read the registry of models, which the line above fills.
from django.conf import settings  # noqa: E402
from django.contrib.auth.models import User  # noqa: E402
from django.test import Client  # noqa: E402

from tests import server  # noqa: E402

ROUNDS = 5
SLOWEST_FIRST_ROW_MS = 1_000
ADDRESS = "/admin/referrals/referredaccount/reviews/?tab=all"
TRANSFERRED = """
    () => [...performance.getEntriesByType('navigation'), ...performance.getEntriesByType('resource')]
        .map(entry => entry.transferSize).reduce((one, other) => one + other, 0)
"""


def main(url: str, folder: str) -> None:
    """Print the figures, or why there are none."""
    chromium = shutil.which("chromium")
    if chromium is None or util.find_spec("playwright") is None:
        json.dump({"not_run": "there is no chromium here, or no playwright", "passed": False}, sys.stdout)
        return
    session = _log_in()
    # With the same key: it signs the session.
    variables = {"SECRET_KEY": settings.SECRET_KEY, "REQUIRE_SECOND_FACTOR": "no"}
    with server.running(url, Path(folder), workers=2, **variables) as web:
        json.dump(_shown(chromium, f"http://localhost:{web.port}{ADDRESS}", session), sys.stdout)


def _log_in() -> dict[str, Any]:
    """The cookie of a caller who has just logged in."""
    client = Client(headers={"host": "localhost"})
    client.force_login(User.objects.get(username="caller40"))
    name = settings.SESSION_COOKIE_NAME
    return {"name": name, "value": client.cookies[name].value, "domain": "localhost", "path": "/"}


def _shown(chromium: str, address: str, session: dict[str, Any]) -> dict[str, Any]:
    # Chromium's sandbox refuses to work for root.
    as_root = ["--no-sandbox"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []
    first, again = [], []
    transferred = transferred_again = 0
    with import_module("playwright.sync_api").sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=as_root)
        for _ in range(ROUNDS):
            context = browser.new_context()
            context.add_cookies([session])
            page = context.new_page()
            first.append(_first_row(page, address))
            page.wait_for_load_state()
            transferred = page.evaluate(TRANSFERRED)
            again.append(_first_row(page, address))
            page.wait_for_load_state()
            transferred_again = page.evaluate(TRANSFERRED)
            context.close()
        browser.close()
    first_row = statistics.median(first)
    return {
        "first_row_ms": round(first_row),
        "first_row_ms_at_most": SLOWEST_FIRST_ROW_MS,
        "first_row_again_ms": round(statistics.median(again)),
        "kilobytes_with_an_empty_cache": round(transferred / 1024),
        "kilobytes_again": round(transferred_again / 1024),
        "passed": first_row <= SLOWEST_FIRST_ROW_MS,
    }


def _first_row(page: Any, address: str) -> float:
    begun = time.perf_counter()
    page.goto(address, wait_until="commit")
    page.locator(".staff-table tbody tr:visible").first.wait_for(state="visible")
    return (time.perf_counter() - begun) * 1_000


if __name__ == "__main__":
    main(*sys.argv[1:])
