"""
``python -m tests.bench.intake_host NUMBER``: a program with so many referred accounts, in an empty database.

Prints what the host's software knows, as JSON: its client with secret, and its accounts. In a database that
is filled already nothing is added but the client, and so many of its accounts are named.
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
from referrals.models import ApiClient, ReferredAccount  # noqa: E402
from tests.story import BEGINNING, Story  # noqa: E402


def make(accounts: int) -> dict[str, object]:
    """Let accounts sign up, as the tests do; what the host knows of it."""
    call_command("migrate", verbosity=0)
    if not ReferredAccount.objects.exists():
        story = Story("smartcat")
        for number in range(accounts):
            story.sign_up(f"account{number}")
        story.evaluate()
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE")
    known = ReferredAccount.objects.order_by("pk")[:accounts]
    program = known[0].program
    client, _ = ApiClient.objects.get_or_create(host=program.host, name="billing")
    return {
        "host": program.host_id,
        "client": client.pk,
        "public_id": client.public_id,
        "secret": credentials.issue_webhook_secret(client, at=BEGINNING),
        "currency": program.currency,
        "accounts": [account.host_account for account in known],
    }


if __name__ == "__main__":
    print(json.dumps(make(int(sys.argv[1]))))  # noqa: T201
