"""
Warnings: a window closes in 5, 2 and 1 business days, and bonuses in it still want an approval.

One mail for each person who may prepare or approve in the program, window and step; nothing is told twice.
Business days are those of the schedule's calendar, days those of its zone. Whoever was told nothing, since no
run came on that day, is told by the next one.
"""

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Count, Q, Sum
from django.urls import reverse

from payouts import attention
from payouts.models import Bonus, PayoutSchedule
from payouts.rules.lifecycle import BatchStatus
from payouts.rules.schedule_words import on_day
from referrals import messages, scopes
from referrals.jobs import Tally
from referrals.models import Message, Program
from referrals.names import of_program
from referrals.rules.money import to_text
from referrals.rules.zones import local_date

STEPS = (5, 2, 1)
"""Business days that are left when a warning goes out."""

KIND = "window_closing"
BACKEND = "django.contrib.auth.backends.ModelBackend"
PERMISSIONS = ("payouts.prepare_payoutbatch", "payouts.approve_payoutbatch")

PARTS = {
    "on hold: lift the hold, or they go on waiting": Q(on_hold=True),
    "put up, waiting for an approver": Q(on_hold=False, batch__status=BatchStatus.AWAITING_APPROVAL),
    "in a draft: a preparer puts it up": Q(on_hold=False, batch__status=BatchStatus.DRAFT),
    "in no batch: the next run drafts them, unless they wait for something": Q(
        on_hold=False, batch__isnull=True
    ),
}
"""What is missing, and of which bonuses."""


@dataclass
class Closing:
    """A window of a program that closes soon, and what is unapproved in it."""

    program: Program
    closes_on: date
    days_left: int
    """Business days after today, the last day of the window among them."""
    bonuses: int = 0
    sums: Counter[str] = field(default_factory=Counter)
    """By currency, in minor units."""
    parts: Counter[str] = field(default_factory=Counter)


def step_of(days_left: int) -> int | None:
    """The warning whose turn it is when so many business days are left; ``None``: it is too early."""
    return min((step for step in STEPS if days_left <= step), default=None)


def closing_windows(*, as_of: datetime) -> list[Closing]:
    """The windows that close within five business days and want an approval, by program and day."""
    counted = {f"part_{number}": Count("pk", filter=which) for number, which in enumerate(PARTS.values())}
    unapproved = Bonus.objects.filter(attention.at(as_of).unapproved).order_by()
    rows: list[Any] = list(
        unapproved.values("terms", "window_closes_on", "currency")
        .annotate(bonuses=Count("pk"), total=Sum("amount_minor"), **counted)
        .order_by("window_closes_on", "terms", "currency")
    )
    schedules = PayoutSchedule.objects.filter(terms__in={row["terms"] for row in rows})
    of_terms = {row.terms_id: row for row in schedules.select_related("terms__program")}
    days = attention.business_days(of_terms.values(), as_of=as_of)
    found: dict[tuple[int, date], Closing] = {}
    for row in rows:
        schedule, closes_on = of_terms[row["terms"]], row["window_closes_on"]
        left = days[row["terms"]].passed(local_date(as_of, schedule.zone), closes_on)
        program = schedule.terms.program
        closing = found.setdefault((program.pk, closes_on), Closing(program, closes_on, left))
        closing.days_left = min(closing.days_left, left)
        closing.bonuses += row["bonuses"]
        closing.sums[row["currency"]] += row["total"]
        closing.parts.update({words: row[f"part_{number}"] for number, words in enumerate(PARTS)})
    return list(found.values())


@transaction.atomic
def warn(*, as_of: datetime) -> Tally:
    """Write each warning whose turn it is to whoever may prepare or approve in the program, once."""
    turns = [(closing, step_of(closing.days_left)) for closing in closing_windows(as_of=as_of)]
    people = _people() if any(step is not None for _, step in turns) else []
    wanted = {
        f"{KIND} {person.pk} {closing.program.pk} {closing.closes_on} {step}": (person, closing)
        for closing, step in turns
        if step is not None
        for person, programs in people
        if programs is None or closing.program.pk in programs
    }
    known = set(Message.objects.filter(key__in=wanted).values_list("key", flat=True))
    tally = Tally()
    for key, (person, closing) in wanted.items():
        if key not in known:
            tally.examined += 1
            tally.done += _write(key, person, closing, as_of=as_of)
    return tally


def _people() -> list[tuple[User, Collection[int] | None]]:
    """Whoever may prepare or approve and has an e-mail address, with their programs; ``None``: all."""
    may: dict[int, User] = {}
    for permission in PERMISSIONS:
        found = User.objects.with_perm(permission, backend=BACKEND).filter(is_staff=True)
        may |= {person.pk: person for person in found.exclude(email="")}
    return [(person, scopes.programs_of(person)) for _, person in sorted(may.items())]


def _write(key: str, person: User, closing: Closing, *, as_of: datetime) -> bool:
    name = of_program(closing.program)
    amounts = " + ".join(f"{code} {to_text(minor, code)}" for code, minor in sorted(closing.sums.items()))
    number = f"{closing.bonuses} bonus{'' if closing.bonuses == 1 else 'es'}"
    only = {"window": "unapproved", "terms__program__id__exact": closing.program.pk}
    links = [
        f"These bonuses: {settings.SITE_URL}{reverse('admin:payouts_bonus_changelist', query=only)}",
        f"The batches: {settings.SITE_URL}{reverse('admin:payouts_payoutbatch_changelist')}",
    ]
    return messages.write(
        kind=KIND,
        key=key,
        to=person,
        address=person.email,
        subject=f"{name}: window closes {_when(closing)}, {number} not approved",
        text="\n".join(
            [
                f"The window of {name} closes on {on_day(closing.closes_on)}, {_when(closing)}.",
                f"Not approved yet: {number}, {amounts}.",
                "",
                *(f"- {count} {words}" for words, count in closing.parts.items() if count),
                "",
                *links,
                "What is not approved by then is paid late. You read this since you may prepare or approve.",
            ]
        ),
        at=as_of,
    )


def _when(closing: Closing) -> str:
    """By when somebody must act: 'in 2 business days'."""
    if closing.days_left == 0:
        return "with this business day"
    return "in 1 business day" if closing.days_left == 1 else f"in {closing.days_left} business days"
