"""
``python -m tests.bench.intake_host NUMBER [HOST]``: a host with a program and so many referred accounts.

Prints what the host's software knows, as JSON: its client with secret, and its accounts.
"""

import json
import os
import sys

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
django.setup()

# These read the registry of models, which the line above fills.
from django.core.management import call_command  # noqa: E402
from django.db import connection  # noqa: E402

from referrals import credentials  # noqa: E402
from tests.story import BEGINNING, Story  # noqa: E402


def make(accounts: int, host: str = "main") -> dict[str, object]:
    """Let accounts sign up, as the tests do; what the host knows of it."""
    call_command("migrate", verbosity=0)
    story = Story("smartcat", host=host)
    names = [story.sign_up(f"account{number}").host_account for number in range(accounts)]
    story.evaluate()
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    return {
        "host": story.host.pk,
        "client": story.client.pk,
        "public_id": story.client.public_id,
        "secret": credentials.issue_webhook_secret(story.client, at=BEGINNING),
        "currency": story.program.currency,
        "accounts": names,
    }


if __name__ == "__main__":
    print(json.dumps(make(int(sys.argv[1]), *sys.argv[2:])))  # noqa: T201
