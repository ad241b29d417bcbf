"""
The board of a team lead: how much waits, who is on what, and what came of today. Questions, no steps.

Each number is asked for by the same condition as the list behind it, so that both agree.
"""

from collections import defaultdict
from dataclasses import dataclass, field, fields
from datetime import datetime, timedelta

from django.contrib.auth.models import User
from django.db.models import Count, F, OuterRef, Q, QuerySet, Subquery

from referrals import assignments, reviews, scopes
from referrals.models import Call, Decision, Review
from referrals.names import from_slug
from referrals.rules.lifecycle import Cause
from referrals.rules.words import Word


class Work(Word):
    """How the work on a company stands, and by the same word in the queue's filter."""

    CALLABLE = "callable"
    HELD = "held"
    ASSIGNED = "assigned"
    NOBODYS = "nobodys"
    CALL_BACK_TODAY = "call_back_today"
    CALL_BACK_DUE = "call_back_due"
    FOR_SENIOR = "for_senior"


@dataclass
class Counts:
    """How much work there is; each field is the name of a list."""

    waiting: int = 0
    callable: int = 0
    over: int = 0
    held: int = 0
    call_back_due: int = 0
    for_senior: int = 0
    decided: int = 0

    def add(self, other: "Counts") -> None:
        for each in fields(self):
            setattr(self, each.name, getattr(self, each.name) + getattr(other, each.name))


@dataclass
class OfProgram:
    """The work of one program."""

    slug: str
    name: str
    counts: Counts = field(default_factory=Counts)


@dataclass
class OfPerson:
    """What one person is on, and has done today."""

    person: User
    has: list[Review] = field(default_factory=list)
    """What this person is working on right now, the longest first."""
    assigned: int = 0
    call_backs: int = 0
    calls: int = 0
    decided: int = 0
    undone: int = 0

    @property
    def is_busy(self) -> bool:
        return bool(self.has)


@dataclass
class Board:
    """All that the board shows."""

    total: Counts
    programs: list[OfProgram]
    people: list[OfPerson]


def condition(work: Work, *, at: datetime, person: User | int | None = None) -> Q:
    """
    What holds for reviews with which the work stands so.

    :param person: of that person only
    """
    of = {} if person is None else {OF[work]: person}
    return _standing(work, at) & Q(**of)


def of_person(person: User | int, *, at: datetime) -> Q:
    """What is a person's in any way."""
    held = condition(Work.HELD, at=at, person=person)
    return held | Q(assigned_to=person) | Q(call_back_by=person)


def decided_by(person: User | int, *, at: datetime) -> Q:
    """Reviews of accounts about which this person took the last decision of today."""
    today = midnight(at)
    decided = decided_since(Review.objects.all(), today).annotate(decider=_last_decider(today))
    return Q(pk__in=decided.filter(decider=person).values("pk"))


def decided_since(found: QuerySet[Review], since: datetime) -> QuerySet[Review]:
    """Reviews of accounts that were decided since then, but for what was undone."""
    accounts = Decision.objects.filter(decided_at__gte=since).values("account")
    this_round = found.filter(round=F("account__review_round"), account__in=accounts)
    return this_round.filter(Q(closed_at__isnull=False) | Q(account__pending_decision__isnull=False))


def midnight(at: datetime) -> datetime:
    """When today began, in UTC."""
    return at.replace(hour=0, minute=0, second=0, microsecond=0)


def seen_by(viewer: User, *, at: datetime) -> Board:
    """The board of the programs of this person."""
    programs, people = _programs(viewer, at), _people(viewer, at)
    total = Counts()
    for program in programs:
        total.add(program.counts)
    return Board(total, programs, people)


# Of a kind of work, by which column it is somebody's.
OF = {
    Work.CALLABLE: "assigned_to",
    Work.HELD: "holder",
    Work.ASSIGNED: "assigned_to",
    Work.NOBODYS: "assigned_to",
    Work.CALL_BACK_TODAY: "call_back_by",
    Work.CALL_BACK_DUE: "call_back_by",
    Work.FOR_SENIOR: "assigned_to",
}


def _standing(work: Work, at: datetime) -> Q:
    free = reviews.is_free(at=at)
    conditions = {
        Work.CALLABLE: reviews.is_callable(at=at) & free,
        Work.HELD: Q(holder__isnull=False, held_until__gt=at),
        Work.ASSIGNED: Q(assigned_to__isnull=False),
        Work.NOBODYS: Q(assigned_to__isnull=True) & free,
        Work.CALL_BACK_TODAY: Q(call_back_at__lt=midnight(at) + timedelta(days=1)),
        Work.CALL_BACK_DUE: Q(call_back_at__lte=at),
        Work.FOR_SENIOR: Q(for_senior=True),
    }
    return conditions[work]


def _last_decider(since: datetime) -> Subquery:
    """Who took the last decision about the account of a review."""
    last = Decision.objects.filter(account=OuterRef("account"), decided_at__gte=since).order_by("-pk")
    return Subquery(last.values("decided_by")[:1])


def _programs(viewer: User, at: datetime) -> list[OfProgram]:
    counted = {
        "waiting": Count("pk"),
        "over": Count("pk", filter=Q(due_at__lte=at)),
        **{
            work.value: Count("pk", filter=_standing(work, at))
            for work in (Work.CALLABLE, Work.HELD, Work.CALL_BACK_DUE, Work.FOR_SENIOR)
        },
    }
    rows = (
        reviews.waiting(viewer)
        .order_by()
        .values_list("program", "program__slug")
        .annotate(**{f"n_{name}": count for name, count in counted.items()})
    )
    found: dict[int, OfProgram] = {}
    for pk, slug, *numbers in rows:
        found[pk] = OfProgram(slug, from_slug(slug), Counts(**dict(zip(counted, numbers, strict=True))))
    today = scopes.within(decided_since(Review.objects.all(), midnight(at)), viewer).order_by()
    of_today = today.values_list("program", "program__slug").annotate(count=Count("pk"))
    for pk, slug, count in of_today:
        found.setdefault(pk, OfProgram(slug, from_slug(slug))).counts.decided = count
    return sorted(found.values(), key=lambda each: (each.name, each.slug))


def _people(viewer: User, at: datetime) -> list[OfPerson]:
    """Whoever may decide, of those who share a program; and whoever else did something in it today."""
    today = midnight(at)
    held = reviews.waiting(viewer).filter(_standing(Work.HELD, at)).select_related("account")
    numbers: dict[int, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    has: dict[int, list[Review]] = defaultdict(list)
    for review in held.order_by("held_since", "pk"):
        has[review.holder_id or 0].append(review)
    back_today = Count("pk", filter=_standing(Work.CALL_BACK_TODAY, at))
    somebodys = reviews.waiting(viewer).filter(Q(assigned_to__isnull=False) | Q(call_back_by__isnull=False))
    for assigned_to, call_back_by, count, back in (
        somebodys.order_by()
        .values_list("assigned_to", "call_back_by")
        .annotate(n=Count("pk"), back=back_today)
    ):
        numbers[assigned_to]["assigned"] += count
        numbers[call_back_by]["call_backs"] += back
    of_account = "account__program"
    calls = scopes.within(Call.objects.filter(called_at__gte=today), viewer, of_account)
    decided = scopes.within(decided_since(Review.objects.all(), today), viewer)
    undone = scopes.within(
        Decision.objects.filter(decided_at__gte=today, status_changes__cause=Cause.UNDONE),
        viewer,
        of_account,
    )
    counted = {
        "calls": calls.order_by().values_list("called_by").annotate(n=Count("pk")),
        "decided": decided.annotate(by=_last_decider(today))
        .order_by()
        .values_list("by")
        .annotate(n=Count("pk")),
        "undone": undone.order_by().values_list("decided_by").annotate(n=Count("pk", distinct=True)),
    }
    for name, rows in counted.items():
        for person, count in rows:
            numbers[person][name] = count
    seen = {pk for pk in [*numbers, *has] if pk}
    colleagues = assignments.people().filter(scopes.colleagues(viewer))
    people = User.objects.filter(Q(pk__in=colleagues.values("pk")) | Q(pk__in=seen))
    return [
        OfPerson(person, has=has.get(person.pk, []), **numbers.get(person.pk, {}))
        for person in people.order_by("username")
    ]
