"""What callers did in a period: calls, decisions, and how long companies waited. Questions, no steps."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from django.contrib.auth.models import User
from django.db.models import (
    Avg,
    Count,
    DurationField,
    Exists,
    ExpressionWrapper,
    F,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
)
from django.db.models.functions import TruncWeek

from referrals import scopes, second_looks
from referrals.models import Call, Decision, Program, Review, SecondLook, StatusChange
from referrals.names import of_person
from referrals.rules.lifecycle import Cause


@dataclass
class Done:
    """What one person did in one week, or in the whole period."""

    person: str
    number: int
    week: date | None = None
    """Its Monday; ``None``: the whole period."""
    calls: int = 0
    connected: int = 0
    decided: int = 0
    """Without what was undone."""
    undone: int = 0
    waited: timedelta = timedelta()
    """From the opening of each review to its decision, all together."""
    looked_at: int = 0
    agreed: int = 0

    @property
    def mean_hours(self) -> float | None:
        """How long a company waited for its decision, on average; ``None``: nothing was decided."""
        return self.waited.total_seconds() / 3600 / self.decided if self.decided else None

    def add(self, other: "Done") -> None:
        for name in NUMBERS:
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.waited += other.waited


NUMBERS = ["calls", "connected", "decided", "undone", "looked_at", "agreed"]


def per_week(
    viewer: User,
    *,
    begins: datetime,
    ends: datetime,
    program: Program | None = None,
    person: User | None = None,
) -> list[Done]:
    """
    What each person did in each week in which anything was done, by name and week.

    :param viewer: only what belongs to this person's programs
    :param ends: exclusive
    :param person: of this one only
    """

    def of(rows: QuerySet[Any], by: str, at: str, of_program: str) -> QuerySet[Any]:
        found: QuerySet[Any] = scopes.within(rows, viewer, of_program)
        found = found.filter(**{f"{at}__gte": begins, f"{at}__lt": ends})
        found = found.filter(**{of_program: program}) if program else found
        found = found.filter(**{by: person}) if person else found
        # Named so that no column of a model has the name already.
        named: QuerySet[Any] = found.order_by().annotate(done_in=TruncWeek(at)).values("done_in", who=F(by))
        return named

    undone = StatusChange.objects.filter(decision=OuterRef("pk"), cause=Cause.UNDONE)
    opened = Review.objects.filter(account=OuterRef("account"), opened_at__lte=OuterRef("decided_at"))
    decisions = Decision.objects.annotate(
        is_undone=Exists(undone),
        waited=ExpressionWrapper(
            F("decided_at") - Subquery(opened.order_by("-round").values("opened_at")[:1]),
            output_field=DurationField(),
        ),
    )
    stands = Q(is_undone=False)
    counted: Iterable[dict[str, Any]] = [
        *of(Call.objects.all(), "called_by", "called_at", "account__program").annotate(
            calls=Count("pk"), connected=Count("pk", filter=Q(connected=True))
        ),
        *of(decisions, "decided_by", "decided_at", "account__program").annotate(
            decided=Count("pk", filter=stands),
            undone=Count("pk", filter=~stands),
            mean=Avg("waited", filter=stands),
        ),
        *of(
            SecondLook.objects.filter(looked_at__isnull=False),
            "decision__decided_by",
            "looked_at",
            "decision__account__program",
        ).annotate(looked=Count("pk"), agreed=Count("pk", filter=second_looks.AGREES)),
    ]
    people = User.objects.in_bulk({row["who"] for row in counted})
    found: dict[tuple[str, int, date], Done] = {}
    for row in counted:
        who, week = row.pop("who"), row.pop("done_in").date()
        name = of_person(people[who])
        done = found.setdefault((name, who, week), Done(name, who, week))
        mean = row.pop("mean", None)
        done.looked_at += row.pop("looked", 0)
        for name, number in row.items():
            setattr(done, name, number)
        if mean is not None:
            done.waited = mean * done.decided
    return [found[key] for key in sorted(found)]


def per_person(weeks: Iterable[Done]) -> list[Done]:
    """The same, all weeks of a person together."""
    found: dict[int, Done] = {}
    for week in weeks:
        found.setdefault(week.number, Done(week.person, week.number)).add(week)
    return list(found.values())
