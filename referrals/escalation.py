"""
Escalation: companies that wait longer than their program allows are told to the team leads, once.

One mail per lead and run, with companies by name and who has them; nothing by which a person is reached.
"""

from datetime import datetime
from hashlib import sha256

from django.conf import settings
from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import QuerySet
from django.urls import reverse

from referrals import messages, reviews
from referrals.jobs import Tally
from referrals.models import ProgramStaff, Review

LEAD = "referrals.lead_referredaccount"
BACKEND = "django.contrib.auth.backends.ModelBackend"
KIND = "over_sla"
NAMED = 50
"""So many companies stand in one mail; the rest is counted, and stands in the queue."""

BATCH = 500


def leads() -> QuerySet[User]:
    """Who is told: active team leads with an e-mail address."""
    found = User.objects.with_perm(LEAD, backend=BACKEND).filter(is_staff=True)
    return found.exclude(email="").order_by("pk")


def overdue(*, as_of: datetime) -> QuerySet[Review]:
    """Companies that wait longer than allowed, and of which nobody was told."""
    return reviews.waiting().filter(due_at__lte=as_of, escalated_at__isnull=True)


def untold(*, as_of: datetime) -> list[str]:
    """The programs with something late of which no lead can be told, by name."""
    late = overdue(as_of=as_of).order_by().values_list("program", "program__name").distinct()
    told = list(_with_programs().values()) if late else []
    return sorted(name for pk, name in late if not any(own is None or pk in own for own in told))


@transaction.atomic
def escalate_overdue(*, as_of: datetime) -> Tally:
    """
    Write each lead one mail about what is newly late in his or her programs.

    What no lead can be told of stays untold, until there is one.
    """
    # Locked: a second run that comes meanwhile finds them told.
    found = overdue(as_of=as_of).select_for_update(of=("self",)).order_by("pk")
    late = sorted(found.select_related("account", "program", "holder"), key=lambda each: each.due_at)
    if not late:
        return Tally()
    told: set[int] = set()
    for lead, own in _with_programs().items():
        theirs = [review for review in late if own is None or review.program_id in own]
        if theirs:
            _write(lead, theirs, as_of=as_of)
            told.update(review.pk for review in theirs)
    numbers = sorted(told)
    for start in range(0, len(numbers), BATCH):
        chunk = numbers[start : start + BATCH]
        Review.objects.filter(pk__in=chunk, escalated_at__isnull=True).update(escalated_at=as_of)
    return Tally(examined=len(late), done=len(told))


def _with_programs() -> dict[User, frozenset[int] | None]:
    """Each lead with the programs that are his or hers; ``None``: all of them."""
    found = list(leads())
    of_some: dict[int, set[int]] = {}
    rows = ProgramStaff.objects.filter(user__in=found).values_list("user", "program")
    for user, program in rows:
        of_some.setdefault(user, set()).add(program)
    return {
        lead: None if lead.is_superuser or lead.pk not in of_some else frozenset(of_some[lead.pk])
        for lead in found
    }


def _write(lead: User, late: list[Review], *, as_of: datetime) -> None:
    lines = [_line(review, as_of=as_of) for review in late[:NAMED]]
    if len(late) > NAMED:
        lines.append(f"- and {len(late) - NAMED} more")
    count = "1 company waits" if len(late) == 1 else f"{len(late)} companies wait"
    queue = f"{settings.SITE_URL}{reverse('admin:referrals_referredaccount_reviews')}?tab=over"
    text = "\n".join(
        [
            f"{count} longer than allowed, as of {as_of:%b} {as_of.day}, {as_of:%H:%M} UTC:",
            "",
            *lines,
            "",
            f"All that is late: {queue}",
            "Each company is told once. Who is told: active team leads of its program.",
        ]
    )
    key = sha256(" ".join(f"{review.pk}:{review.due_at.timestamp()}" for review in late).encode())
    messages.write(
        kind=KIND,
        key=f"{KIND} {lead.pk} {key.hexdigest()[:40]}",
        to=lead,
        address=lead.email,
        subject=f"{count} longer than allowed",
        text=text,
        at=as_of,
    )


def _line(review: Review, *, as_of: datetime) -> str:
    holder = f"{review.holder} has it" if reviews.is_held(review, at=as_of) else "nobody has it"
    since = review.opened_at
    return (
        f"- {review.account} ({review.program.name}): waits since {since:%b} {since.day}, {since:%H:%M} UTC,"
        f" {_age(review, as_of=as_of)}; {holder}"
    )


def _age(review: Review, *, as_of: datetime) -> str:
    hours = int((as_of - review.opened_at).total_seconds() // 3600)
    days, hours = divmod(hours, 24)
    return f"{days} d {hours} h" if days else f"{hours} h"
