"""
``python -m tests.chaos.filing STEP``: a step of a payment file, by a process that may die in it.

    prepare     two payouts wait for a file
    make        put what waits into a file
    mark        say that the file was uploaded
    show        print the bytes of every file that is not void, made again from its rows

FAILPOINT says where it dies; UNGUARDED=transactions: making a file is not all or nothing.
"""

import os
import sys

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
django.setup()

# These read the registry of models, which the line above fills.
from django.contrib.auth.models import User  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.db.models import QuerySet  # noqa: E402
from django.utils import timezone  # noqa: E402

from payouts.models import PaymentFile, PayoutMethod  # noqa: E402
from payouts.payments import files  # noqa: E402
from tests import payments  # noqa: E402

make = files.make
if os.environ.get("UNGUARDED") == "transactions":
    make = make.__wrapped__  # type: ignore[attr-defined]
    # Row locks need a transaction.
    QuerySet.select_for_update = lambda rows, **_: rows  # type: ignore[method-assign]


def main(step: str) -> None:
    """Take the step, as Fay or as Finn."""
    now = timezone.now()
    if step == "prepare":
        payments.with_cash("acme", "beta")
        # Everything else that is due is paid: what is not whole afterwards comes from the file.
        call_command("tick", verbosity=0)
    elif step == "make":
        by = User.objects.get(username="fay")
        make(PayoutMethod.objects.get(), pay_on=now.date(), by=by, at=now)
    elif step == "mark":
        by = User.objects.get(username="finn")
        files.mark_uploaded(PaymentFile.objects.get(), by=by, at=now)
    elif step == "show":
        for file in PaymentFile.objects.exclude(status="VOIDED").order_by("pk"):
            sys.stdout.write(f"{file.sha256} {files.remade(file).content.hex()}\n")


if __name__ == "__main__":
    main(sys.argv[1])
