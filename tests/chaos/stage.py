"""``python -m tests.chaos.stage``: make the tables of an empty database, and bonuses that are due."""

import os

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
django.setup()

# These read the registry of models, which the line above fills.
from django.core.management import call_command  # noqa: E402
from django.db import transaction  # noqa: E402

from tests.factories import EnrollmentFactory, booked_bonus  # noqa: E402

PROGRAMS, REFERRERS, BONUSES = 3, 2, 3
ALL = PROGRAMS * REFERRERS * BONUSES
OF_A_PROGRAM = REFERRERS * BONUSES
"""What one chunk of a release pays."""


@transaction.atomic
def make() -> None:
    """Programs with referrers with bonuses, all of them due since February 2026."""
    for _ in range(PROGRAMS):
        first = EnrollmentFactory()
        others = [EnrollmentFactory(program=first.program) for _ in range(REFERRERS - 1)]
        for enrollment in [first, *others]:
            for _ in range(BONUSES):
                booked_bonus(account__enrollment=enrollment)


if __name__ == "__main__":
    call_command("migrate", verbosity=0)
    make()
