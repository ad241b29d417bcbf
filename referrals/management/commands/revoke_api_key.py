"""Take an API key back."""

from argparse import ArgumentParser

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from referrals import credentials
from referrals.models import ApiKey


class Command(BaseCommand):
    """``manage.py revoke_api_key PREFIX``"""

    help = "Take an API key back, at once and for good."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("prefix", metavar="PREFIX", help="what stands before the dot of the key")

    def handle(self, *, prefix: str, **options: object) -> None:
        key = ApiKey.objects.filter(prefix=prefix).first()
        if key is None:
            raise CommandError(f"There is no API key that begins with '{prefix}.'.")
        try:
            credentials.revoke_key(key, at=timezone.now())
        except credentials.AlreadyRevoked as refusal:
            raise CommandError(str(refusal)) from refusal
        self.stdout.write(f"{key} is revoked.")
