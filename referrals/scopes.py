"""
Whose programs are whose: somebody with rows of ``ProgramStaff`` works for those programs, others for all.

What lies outside is not there for that person: not in a list, not by its number, not in a search, a count or
the queue. Every page asks here; a page of a row answers as if there were no such row.
"""

from collections.abc import Mapping
from typing import Any, TypeVar

from django.contrib.auth.models import AnonymousUser, User
from django.db.models import BigIntegerField, Case, Exists, Model, OuterRef, Q, QuerySet, When
from django.db.models.functions import Cast

from referrals.models import Enrollment, Program, ProgramStaff, Proposal, ReferredAccount
from referrals.rules.refusal import Refused

Programs = frozenset[int]

Row = TypeVar("Row", bound=Model)

KEPT = "_programs_of_this_person"


class OutOfScope(Refused):
    """It belongs to a program that is not this person's."""

    code = "out_of_scope"


def programs_of(person: User | AnonymousUser) -> Programs | None:
    """
    The numbers of a person's programs; ``None``: all of them, as for every superuser.

    Asked of the database once for each time the person was loaded, as permissions are: once per request.
    """
    if person.is_superuser:
        return None
    if person.pk is None:
        return frozenset()
    if not hasattr(person, KEPT):
        rows = ProgramStaff.objects.filter(user=person.pk).values_list("program", flat=True)
        setattr(person, KEPT, frozenset(rows) or None)
    kept: Programs | None = getattr(person, KEPT)
    return kept


def condition(person: User | AnonymousUser, of_program: str = "program") -> Q:
    """
    What holds for the rows of a person's programs.

    :param of_program: where from the row its program is found, such as ``account__program``
    """
    programs = programs_of(person)
    return Q() if programs is None else Q(**{f"{of_program}__in": programs})


def within(rows: QuerySet[Row], person: User | AnonymousUser, of_program: str = "program") -> QuerySet[Row]:
    """Of these rows, those of a person's programs."""
    return rows.filter(condition(person, of_program))


def refuse_outside(person: User | AnonymousUser, program_id: int) -> None:
    """
    Stop whoever does not work for this program.

    :raises OutOfScope: then
    """
    programs = programs_of(person)
    if programs is not None and program_id not in programs:
        raise OutOfScope("This belongs to a program that is not yours.")


def colleagues(person: User | AnonymousUser, of_user: str = "pk") -> Q:
    """
    What holds for the people who work for one of a person's programs: no others are named to this person.

    :param of_user: where from the row its person is found, such as ``owner``
    """
    programs = programs_of(person)
    if programs is None:
        return Q()
    rows, for_all = ProgramStaff.objects.order_by(), User.objects.filter(is_superuser=True)
    of_mine = Q(**{f"{of_user}__in": rows.filter(program__in=programs).values("user")})
    of_all = ~Q(**{f"{of_user}__in": rows.values("user")})
    return of_mine | of_all | Q(**{f"{of_user}__in": for_all.values("pk")})


# --- what belongs to no single program ---------------------------------------------------------------------


def of_hosts(programs: Programs, host: str = "host") -> Q:
    """
    What belongs to the host of one of these programs.

    :param host: where from the row the host is found
    """
    return Q(**{f"{host}__in": Program.objects.filter(pk__in=programs).values("host")})


def referrers(programs: Programs) -> Q:
    """Referrers who take part in one of these programs, and those who take part in none."""
    parts = Enrollment.objects.filter(referrer=OuterRef("pk")).order_by()
    return Q(Exists(parts.filter(program__in=programs))) | ~Q(Exists(parts))


def events(programs: Programs, event: str = "") -> Q:
    """
    Facts about accounts of these programs: a fact itself belongs to its host.

    :param event: where from the row the fact is found, such as ``event__``
    """
    accounts = ReferredAccount.objects.filter(
        host_account=OuterRef(f"{event}host_account"),
        program__host=OuterRef(f"{event}host"),
        program__in=programs,
    )
    return Q(Exists(accounts.order_by()))


def proposals(rows: QuerySet[Proposal], theirs: Mapping[str, QuerySet[Any]]) -> QuerySet[Proposal]:
    """
    Of these proposals, those about something of one's programs.

    :param theirs: action to the rows of these programs that such a proposal may be about
    """
    # Only what is a number is cast: PostgreSQL refuses the whole statement otherwise.
    number = Case(When(target__regex=r"^[0-9]{1,18}$", then=Cast("target", BigIntegerField())))
    wanted = Q(pk__in=[])
    for action, about in theirs.items():
        wanted |= Q(action=action, number__in=about.order_by().values("pk"))
    return rows.alias(number=number).filter(wanted)
