"""
When the companies of a program are called, and within how many of those hours: a team lead changes both.

The days are those of the terms. What is open follows at once: until when each company may be called, and by
when it should have been decided about.
"""

from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.db import transaction
from django.db.models import F, OuterRef, Q, Subquery
from django.db.models.functions import Coalesce

from referrals import reviews
from referrals.models import Program, Review, StatusChange, Terms
from referrals.rules.calling import due_at
from referrals.rules.lifecycle import AccountStatus
from referrals.rules.refusal import WrongField
from referrals.rules.words import Weekday

LONGEST_SLA = 400
"""Calling hours; the rules look a year of workdays ahead, and no further."""
BATCH = 500
ORDER = Weekday.values()

_INTO_REVIEW = (
    StatusChange.objects.filter(account=OuterRef("account"), new_status=AccountStatus.IN_REVIEW)
    .exclude(old_status=AccountStatus.IN_REVIEW)
    .order_by("-pk")
    .values("changed_at")
)
_WAITS_SINCE = Coalesce(Subquery(_INTO_REVIEW[:1]), F("opened_at"))
"""The time allowed begins anew when a decision did not last."""


@dataclass(frozen=True, slots=True)
class Calling:
    """What a program says of calling."""

    calls_from: time | None
    calls_until: time | None
    """Exclusive; both or neither: without them, as the terms say."""
    sla_calling_hours: int
    second_look_percent: int

    def refuse_nonsense(self) -> None:
        """
        :raises WrongField: with the field at fault, and what is allowed
        """
        start, end = self.calls_from, self.calls_until
        if (start is None) != (end is None):
            missing = "calls_from" if start is None else "calls_until"
            raise WrongField(missing, "Give both times, or neither: then the terms say when.")
        if start is not None and end is not None and start >= end:
            raise WrongField("calls_until", f"Must be later than {start:%H:%M}, on the same day.")
        if not 1 <= self.sla_calling_hours <= LONGEST_SLA:
            raise WrongField("sla_calling_hours", f"Must be from 1 to {LONGEST_SLA} calling hours.")
        if not 0 <= self.second_look_percent <= 100:
            raise WrongField("second_look_percent", "Must be from 0 to 100.")


def of(program: Program) -> Calling:
    """What a program says now."""
    return Calling(
        program.calls_from, program.calls_until, program.sla_calling_hours, program.second_look_percent
    )


@transaction.atomic
def change(program: Program, calling: Calling, *, at: datetime) -> int:
    """
    Let a program call at other hours, or within other times; returns of how many companies the time moved.

    What was told to be late and is so no more can be late again.

    :raises WrongField: if it makes no sense; nothing changes
    """
    calling.refuse_nonsense()
    program = Program.objects.select_for_update(of=("self",)).get(pk=program.pk)
    before = of(program)
    Program.objects.filter(pk=program.pk).update(
        calls_from=calling.calls_from,
        calls_until=calling.calls_until,
        sla_calling_hours=calling.sla_calling_hours,
        second_look_percent=calling.second_look_percent,
    )
    if (before.calls_from, before.calls_until, before.sla_calling_hours) == (
        calling.calls_from,
        calling.calls_until,
        calling.sla_calling_hours,
    ):
        return 0
    return _follow(program, sla=calling.sla_calling_hours, at=at)


def sentence(program: Program, *, at: datetime) -> str:
    """What a program says of calling, as a person reads it."""
    in_force = Terms.objects.in_force(at=at).filter(program=program)
    terms = in_force.select_related("calling", "program").first()
    hours = reviews.hours_of(terms) if terms else None
    when = "Companies are called at any time"
    if hours is not None:
        days = _in_words(hours.weekdays)
        when = f"Companies are called {days} {hours.opens:%H:%M}-{hours.closes:%H:%M} on their own clock"
    return (
        f"{when}; each should be decided about within {program.sla_calling_hours} calling hours."
        f" Of a hundred decisions, {program.second_look_percent} are looked at again by a senior."
    )


def _follow(program: Program, *, sla: int, at: datetime) -> int:
    """
    Work out anew until when each open company may be called, and by when it should be decided about.

    All that are callable and of the same terms and zone have the same hours: one statement.
    """
    is_open = Review.objects.filter(program=program, closed_at__isnull=True)
    # Locked: a call that is logged meanwhile writes the hours of its row, too.
    rows: list[Any] = list(
        is_open.select_for_update(of=("self",))
        .order_by("pk")
        .annotate(waits_since=_WAITS_SINCE, terms=F("account__terms"), zone=F("account__time_zone"))
    )
    found = Terms.objects.filter(pk__in={row.terms for row in rows})
    all_terms = found.select_related("calling", "program").prefetch_related("calling__days").in_bulk()
    allowed = timedelta(hours=sla)
    moved = 0
    for row in rows:
        hours, place = reviews.hours_of(all_terms[row.terms]), _place(all_terms[row.terms], row.zone)
        before, row.due_at = row.due_at, due_at(hours, place, since=row.waits_since, allowed=allowed)
        moved += row.due_at != before
        if row.call_from is not None and row.call_from > at:
            row.opens_at, row.closes_at = reviews.window_from(hours, place, not_before=row.call_from)
    # The rows are there: what is inserted over them only changes these columns, many at once.
    Review.objects.bulk_create(
        rows,
        batch_size=BATCH,
        update_conflicts=True,
        unique_fields=["pk"],
        update_fields=["due_at", "opens_at", "closes_at"],
    )
    is_open.filter(due_at__gt=at).update(escalated_at=None)

    ready = is_open.filter(Q(call_from__isnull=True) | Q(call_from__lte=at))
    for terms_id, zone in {(row.terms, row.zone) for row in rows}:
        terms = all_terms[terms_id]
        alike = ready.filter(account__terms=terms, account__time_zone=zone).values("pk")
        opens_at, closes_at = reviews.window_from(reviews.hours_of(terms), _place(terms, zone), not_before=at)
        Review.objects.filter(pk__in=alike).update(opens_at=opens_at, closes_at=closes_at)
    return moved


def _place(terms: Terms, zone: str) -> ZoneInfo:
    return ZoneInfo(zone or terms.time_zone)


def _in_words(weekdays: frozenset[str]) -> str:
    """Mon-Fri, or Mon, Wed, Sat."""
    numbers = sorted(ORDER.index(day) for day in weekdays)
    names = [ORDER[number].capitalize() for number in numbers]
    is_run = len(numbers) > 2 and numbers == list(range(numbers[0], numbers[-1] + 1))
    return f"{names[0]}-{names[-1]}" if is_run else ", ".join(names)
