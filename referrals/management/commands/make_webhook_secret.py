"""Make the secret that a client signs its events with, and show it once."""

from argparse import ArgumentParser
from datetime import timedelta

from django.core.management.base import BaseCommand
from django.utils import timezone

from referrals import credentials
from referrals.management import clients


class Command(BaseCommand):
    """``manage.py make_webhook_secret CLIENT [--overlap-hours 24]``"""

    help = (
        "Make a new signing secret of a client and show it; the one before counts for a while longer, "
        "so that the client can change to the new one."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("client", metavar="CLIENT", help="name or public id of an API client")
        parser.add_argument(
            "--overlap-hours",
            type=int,
            default=credentials.OVERLAP // timedelta(hours=1),
            metavar="HOURS",
            help="for how long the secret before still counts; 0 ends it now",
        )

    def handle(self, *, client: str, overlap_hours: int, **options: object) -> None:
        row = clients.named(client)
        overlap = timedelta(hours=max(0, overlap_hours))
        secret = credentials.issue_webhook_secret(row, at=timezone.now(), overlap=overlap)
        self.stdout.write(f"webhook-client: {row.public_id}\nsecret: {secret}")
