"""Make the example data of the demo."""

from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from payouts.demo import cast, host_product, seed
from payouts.program_files import ProgramUnknown


class Command(BaseCommand):
    """``manage.py seed_demo``"""

    help = (
        "Make log-ins, referrers and a year of history, so that bonuses are due now. Run again, it makes "
        "only what must be due again. Needs DEBUG=yes: everybody knows the password."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        if not settings.DEBUG:
            raise CommandError("The demo's log-ins have a password that everybody knows: it needs DEBUG=yes.")
        call_command("make_groups", verbosity=0)
        now = timezone.now()
        try:
            made = seed.make(now=now)
        except (ProgramUnknown, seed.NotEmpty) as refusal:
            raise CommandError(str(refusal)) from refusal
        seed.give_credentials(settings.DATA_DIR / host_product.CREDENTIALS, at=now)
        self.stdout.write(
            f"{'Made' if made.is_new else 'There are'} {made.accounts} referred accounts "
            f"and {made.bonuses} bonuses, {made.due_now} of them due now."
        )
        table = [("Log in as", "who it is", "where to look")]
        table += [(one.username, one.role, one.look) for one in cast.LOG_INS]
        first, second = (max(len(row[column]) for row in table) for column in range(2))
        for username, role, look in table:
            self.stdout.write(f"  {username:{first}}  {role:{second}}  {look}")
        self.stdout.write(f"The password of each is: {cast.PASSWORD}")
