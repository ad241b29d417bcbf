"""
``python -m tests.chaos.at_once button|command FILE``: release by a way that people have, once FILE is there.

Prints how many bonuses it is told to have paid. Guards are taken off as in ``tests.chaos.hurried``.
"""

import io
import re
import sys
import time
from pathlib import Path

from tests.chaos import hurried

HURRIED = hurried.app

# These read the registry of models, which the line above fills.
from django.contrib.auth.models import User  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.db import connection  # noqa: E402
from django.test import Client  # noqa: E402
from django.urls import reverse  # noqa: E402


def by_button(client: Client) -> int:
    """As somebody who presses "Run now" on the page of jobs: what that page says then."""
    shown = client.post(reverse("admin:referrals_jobrun_run", args=["release"]), follow=True)
    (done,) = re.findall(r"release: examined \d+, done (\d+), failed 0", shown.content.decode())
    return int(done)


def by_command() -> int:
    """As somebody who types ``manage.py release``: what it writes."""
    said = io.StringIO()
    call_command("release", stdout=said)
    return sum(int(count) for count in re.findall(r": (\d+) bonuses paid", said.getvalue()))


def main(way: str, go: Path) -> int:
    """Be ready, wait until it is time, and release."""
    client = Client(SERVER_NAME="localhost")
    if way == "button":
        client.force_login(User.objects.create_superuser("olga"))
    connection.ensure_connection()
    go.with_suffix(f".{way}").touch()
    while not go.exists():
        time.sleep(0.01)
    return by_button(client) if way == "button" else by_command()


if __name__ == "__main__":
    sys.stdout.write(f"{main(sys.argv[1], Path(sys.argv[2]))}\n")
