"""
Assignments: a team lead says whose work a company is.

It comes first when that person asks for the next company, and is served to nobody else. Nothing is taken out
of anybody's hands: who is working on a company goes on, and it is the other's once it is given back.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Q, QuerySet

from referrals import deciders, first_decider, reviews, scopes
from referrals.models import Note, Program, ProgramStaff, Review
from referrals.rules.refusal import Refused

DECIDE = deciders.DECIDE
NAMED = 3
"""So many companies are named in a refusal; of more the rest is counted."""


class CannotBeAssigned(Refused):
    """This person cannot be given these companies."""

    code = "cannot_be_assigned"


@dataclass(frozen=True, slots=True)
class Assigned:
    """What came of assigning."""

    count: int
    held: list[Review]
    """Of these, what somebody else is working on right now, and goes on with."""
    gone: int
    """What was chosen, and waits for nobody any more."""


def people() -> QuerySet[User]:
    """Who may be given companies: active staff who may decide, by name."""
    return deciders.people().order_by("username")


def people_of(programs: Iterable[Program | int]) -> QuerySet[User]:
    """Who may be given companies of all of these programs."""
    found, of_some = people(), ProgramStaff.objects.values("user")
    for program in programs:
        of_this = ProgramStaff.objects.filter(program=program).values("user")
        found = found.filter(Q(is_superuser=True) | ~Q(pk__in=of_some) | Q(pk__in=of_this))
    return found


@transaction.atomic
def assign(chosen: QuerySet[Review], to: User, *, by: User, at: datetime) -> Assigned:
    """
    Make these companies the work of one person; whoever is working on one of them goes on.

    All of them or none.

    :raises CannotBeAssigned: if the person left, may not decide about all of them, or works for others
    """
    # Locked and read anew: whoever lets this person leave meanwhile waits, and then frees this, too.
    to = User.objects.select_for_update(no_key=True).get(pk=to.pk)
    asked = list(chosen.values_list("pk", flat=True))
    waiting = _waiting(Review.objects.filter(pk__in=asked))
    # Locked, in one order for all who lock many: nobody takes or closes one of them meanwhile.
    locked = waiting.select_for_update(of=("self",)).order_by("pk")
    open_ones = list(locked.select_related("account", "program", "holder"))
    _refuse_wrong_person(to, open_ones)
    # Closed in between, it stays closed.
    count = Review.objects.filter(pk__in=[each.pk for each in open_ones], closed_at__isnull=True).update(
        assigned_to=to
    )
    _keep(open_ones, f"Assigned to {to}.", by=by, at=at)
    held = [each for each in open_ones if reviews.is_held(each, at=at) and each.holder_id != to.pk]
    return Assigned(count, held, gone=len(asked) - count)


@transaction.atomic
def unassign(chosen: QuerySet[Review], *, by: User, at: datetime) -> int:
    """Make these companies anybody's again; returns how many were somebody's."""
    # Locked: what is assigned to another meanwhile is not among what was chosen any more, or waits.
    locked = _waiting(chosen).select_for_update(of=("self",)).order_by("pk")
    assigned = list(locked.filter(assigned_to__isnull=False))
    Review.objects.filter(pk__in=[each.pk for each in assigned]).update(assigned_to=None)
    _keep(assigned, "Assigned to nobody.", by=by, at=at)
    return len(assigned)


def work_of(person: User, *, at: datetime) -> QuerySet[Review]:
    """What is open and this person's: assigned, agreed to be called back, or held."""
    held = Q(holder=person, held_until__gt=at)
    return _waiting(Review.objects.filter(Q(assigned_to=person) | Q(call_back_by=person) | held))


@transaction.atomic
def hand_over(person: User, to: User, *, by: User, at: datetime) -> Assigned:
    """
    Make all open work of one person another's, agreed call backs among it; in the programs of who does it.

    What the person is working on right now stays until it is given back or its time is over.

    :raises CannotBeAssigned: if the other is the same, left, may not decide about all, or works for others
    """
    if person == to:
        raise CannotBeAssigned(f"It is {to}'s work already: choose another person.")
    theirs = scopes.within(work_of(person, at=at), by)
    agreed = list(theirs.filter(call_back_by=person).values_list("pk", flat=True))
    assigned = assign(theirs, to, by=by, at=at)
    Review.objects.filter(pk__in=agreed, call_back_by=person).update(call_back_by=to)
    return assigned


def _waiting(found: QuerySet[Review]) -> QuerySet[Review]:
    return found.filter(reviews.is_undecided(), closed_at__isnull=True)


def _refuse_wrong_person(to: User, open_ones: list[Review]) -> None:
    if not to.is_active or not to.is_staff:
        raise CannotBeAssigned(f"{to} does not work here any more: choose another person.")
    if not to.has_perm(DECIDE):
        raise CannotBeAssigned(f"{to} may not decide about companies: choose a caller or a senior.")
    theirs = scopes.programs_of(to)
    names = {each.program_id: each.program.name for each in open_ones}
    if others := sorted(name for pk, name in names.items() if theirs is not None and pk not in theirs):
        raise CannotBeAssigned(f"{to} does not work for {', '.join(others)}: choose another person.")
    refused = set(_refused_before(to, open_ones))
    if decided := [each for each in open_ones if each.pk in refused]:
        raise CannotBeAssigned(
            f"{to} took the decision that is appealed against ({_named(decided)}): choose another person."
        )
    if not to.has_perm(reviews.SENIOR) and (needed := [each for each in open_ones if each.for_senior]):
        raise CannotBeAssigned(f"{_named(needed)}: this is for a senior, and {to} is none.")


def _refused_before(person: User, open_ones: list[Review]) -> QuerySet[Review, int]:
    numbers = [each.pk for each in open_ones]
    appeals = Review.objects.filter(first_decider.appealed(person), pk__in=numbers)
    return appeals.values_list("pk", flat=True)


def _named(some: list[Review]) -> str:
    names = ", ".join(str(each.account) for each in some[:NAMED])
    return names if len(some) <= NAMED else f"{names} and {len(some) - NAMED} more"


def _keep(assigned: list[Review], text: str, *, by: User, at: datetime) -> None:
    """Who assigned, to whom and when stands among the notes of the company."""
    Note.objects.bulk_create(
        Note(account_id=each.account_id, about="assigned", text=text, written_by=by, written_at=at)
        for each in assigned
    )
