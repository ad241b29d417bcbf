"""Make an API key, and show it once."""

from argparse import ArgumentParser

from django.core.management.base import BaseCommand
from django.utils import timezone

from referrals import credentials
from referrals.management import clients


class Command(BaseCommand):
    """``manage.py make_api_key CLIENT --scope SCOPE``"""

    help = "Make an API key of a client. It is shown now and never again: only a hash of it is kept."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("client", metavar="CLIENT", help="name or public id of an API client")
        parser.add_argument(
            "--scope",
            dest="scopes",
            metavar="SCOPE",
            action="append",
            required=True,
            type=credentials.Scope,
            choices=list(credentials.Scope),
            help=f"what the key allows; may be given again: {', '.join(credentials.Scope)}",
        )

    def handle(self, *, client: str, scopes: list[credentials.Scope], **options: object) -> None:
        _, text = credentials.issue_key(clients.named(client), scopes=scopes, at=timezone.now())
        self.stdout.write(text)
