"""
Leaving and coming back: somebody's log-in ends, and nothing that person had in hand stays behind.

Claims end at once. What was assigned and which call backs were agreed goes to one colleague or to everybody.
What was proposed stays open for whoever may confirm it, or is withdrawn; who left confirms nothing. Coming
back opens the log-in again; nothing is handed back.
"""

from dataclasses import dataclass
from datetime import datetime

from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.auth.models import User
from django.contrib.contenttypes.models import ContentType
from django.contrib.sessions.models import Session
from django.db import transaction
from django.db.models import Count, Exists, OuterRef, Q, QuerySet

from referrals import assignments, scopes
from referrals.models import ProgramStaff, Proposal, Review, SavedView
from referrals.rules.refusal import Refused

IN_USER = "_auth_user_id"
LONGEST_NAME = 60
LEFT, CAME_BACK = "Left.", "Came back."
OUT_OF_REACH = "This person works for programs that are not yours: who works for all of them does this."


class CannotLeave(Refused):
    """This person cannot leave by this person's hand, or has left."""

    code = "cannot_leave"


class CannotComeBack(Refused):
    """This person cannot come back by this person's hand, or never left."""

    code = "cannot_come_back"


@dataclass(frozen=True, slots=True)
class InHand:
    """What somebody has in hand, in numbers."""

    held: int
    assigned: int
    call_backs: int
    proposals: int
    shared_views: int

    def is_nothing(self) -> bool:
        return not any([self.held, self.assigned, self.call_backs, self.proposals, self.shared_views])


def in_hand(person: User) -> InHand:
    """What would have to move if this person left."""
    counted = Review.objects.filter(closed_at__isnull=True).aggregate(
        held=Count("pk", filter=Q(holder=person)),
        assigned=Count("pk", filter=Q(assigned_to=person)),
        call_backs=Count("pk", filter=Q(call_back_by=person)),
    )
    shared = SavedView.objects.filter(owner=person, is_shared=True).count()
    return InHand(**counted, proposals=_open_proposals(person).count(), shared_views=shared)


@transaction.atomic
def leave(person: User, *, to: User | None, withdraw: bool = False, by: User, at: datetime) -> InHand:
    """
    End somebody's log-in and hand over what that person had in hand; returns what that was.

    :param to: the colleague who gets assigned companies, agreed call backs and shared views; ``None``: what
        is to be called is everybody's again, and shared views stay as they are
    :param withdraw: take back what the person proposed; else it stays open for others
    :raises CannotLeave: if it is oneself, if the person has left or works for programs of others, too, or if
        only an administrator may do it
    :raises CannotBeAssigned: if the colleague may not do all of that work
    """
    # In one order, for two who leave to each other; what both write elsewhere meanwhile is not kept waiting.
    both = User.objects.filter(pk__in=[each.pk for each in (person, to) if each is not None])
    locked = {each.pk: each for each in both.select_for_update(no_key=True).order_by("pk")}
    leaver = locked[person.pk]
    if leaver == by:
        raise CannotLeave("Nobody lets themselves leave: another person does.")
    if not within_reach(by).filter(pk=leaver.pk).exists():
        raise CannotLeave(OUT_OF_REACH)
    if not leaver.is_active:
        raise CannotLeave(f"{leaver} has left already.")
    if leaver.is_superuser and not by.is_superuser:
        raise CannotLeave(f"{leaver} is an administrator: only another administrator does this.")
    had = in_hand(leaver)
    User.objects.filter(pk=leaver.pk).update(is_active=False)
    _end_sessions(leaver, at=at)
    # Claims first: what is held is nobody's assignment, and goes back to everybody.
    _free_claims(leaver)
    if to is not None:
        assignments.hand_over(leaver, to, by=by, at=at)
        _hand_over_views(leaver, to)
    _free_the_rest(leaver, by=by, at=at)
    if withdraw:
        _open_proposals(leaver).update(withdrawn_at=at)
    _log(leaver, _told(had, to=to, withdraw=withdraw), by=by, at=at)
    person.is_active = False
    return had


@transaction.atomic
def come_back(person: User, *, by: User, at: datetime) -> None:
    """
    Open somebody's log-in again, with the groups and programs of before. Nothing is handed back.

    :raises CannotComeBack: if the person never left or works for programs of others, too, or if only an
        administrator may do it
    """
    if not within_reach(by).filter(pk=person.pk).exists():
        raise CannotComeBack(OUT_OF_REACH)
    if person.is_superuser and not by.is_superuser:
        raise CannotComeBack(f"{person} is an administrator: only another administrator does this.")
    if not User.objects.filter(pk=person.pk, is_active=False).update(is_active=True):
        raise CannotComeBack(f"{person} is here.")
    _log(person, f"{CAME_BACK} Nothing was handed back.", by=by, at=at)
    person.is_active = True


def within_reach(by: User) -> QuerySet[User]:
    """
    Whom this person may let leave and come back, as far as programs go.

    Who works for some programs: people who work for some of these and for no other. Everybody else: all.
    """
    programs = scopes.programs_of(by)
    if programs is None:
        return User.objects.all()
    of_some = ProgramStaff.objects.filter(user=OuterRef("pk"))
    inside, outside = of_some.filter(program__in=programs), of_some.exclude(program__in=programs)
    return User.objects.filter(Exists(inside), ~Exists(outside), is_superuser=False)


def give_back_out_of_reach(person: User, *, by: User, at: datetime) -> int:
    """
    Free what somebody has in hand and can open no more: of other programs, or without leave to decide.

    :param person: as just loaded, so that permissions and programs are those of now
    :returns: how many companies
    """
    out_of_reach = assignments.work_of(person, at=at)
    if person.has_perm(assignments.DECIDE) and person.is_staff:
        programs = scopes.programs_of(person)
        out_of_reach = out_of_reach.none() if programs is None else out_of_reach.exclude(program__in=programs)
    numbers = list(out_of_reach.values_list("pk", flat=True))
    if numbers:
        _free_claims(person, numbers)
        _free_the_rest(person, numbers, by=by, at=at)
    return len(numbers)


def last_told(person: User) -> LogEntry | None:
    """The latest that was kept of this person's leaving or coming back."""
    about = Q(change_message__startswith=LEFT) | Q(change_message__startswith=CAME_BACK)
    kept = _entries(person).filter(about)
    return kept.select_related("user").order_by("-action_time", "-pk").first()


def _open_proposals(person: User) -> QuerySet[Proposal]:
    return Proposal.objects.filter(proposed_by=person, confirmed_at__isnull=True, withdrawn_at__isnull=True)


def _free_claims(person: User, numbers: list[int] | None = None) -> None:
    held = Review.objects.filter(holder=person)
    held = held if numbers is None else held.filter(pk__in=numbers)
    held.update(holder=None, held_since=None, held_until=None)


def _free_the_rest(person: User, numbers: list[int] | None = None, *, by: User, at: datetime) -> None:
    """What was assigned and agreed is everybody's; an agreed call back keeps its time."""
    rows = Review.objects.all() if numbers is None else Review.objects.filter(pk__in=numbers)
    assignments.unassign(rows.filter(assigned_to=person), by=by, at=at)
    # Decided, and perhaps undone in a minute: that, too, is nobody's.
    rows.filter(assigned_to=person).update(assigned_to=None)
    rows.filter(call_back_by=person).update(call_back_by=None)


def _hand_over_views(person: User, to: User) -> None:
    taken = set(SavedView.objects.filter(owner=to).values_list("name", flat=True))
    for view in SavedView.objects.filter(owner=person, is_shared=True):
        if view.name in taken:
            mark = f" ({person.username} {view.pk})"[:LONGEST_NAME]
            view.name = view.name[: LONGEST_NAME - len(mark)] + mark
        view.owner = to
        view.save()


def _end_sessions(person: User, *, at: datetime) -> None:
    """
    End every log-in of a person.

    Whose a session is stands inside of it, so all that are not over are read: those of half a day.
    """
    mine = [
        session.session_key
        for session in Session.objects.filter(expire_date__gt=at).iterator()
        if session.get_decoded().get(IN_USER) == str(person.pk)
    ]
    Session.objects.filter(pk__in=mine).delete()


def _told(had: InHand, *, to: User | None, withdraw: bool) -> str:
    proposals = "withdrawn" if withdraw else "kept open"
    return (
        f"{LEFT} Claims freed: {had.held}. To {to or 'everybody'}: assigned {had.assigned},"
        f" call-backs {had.call_backs}. Proposals {proposals}: {had.proposals}."
        f" Shared views: {had.shared_views}, {f'now of {to}' if to else 'as they were'}."
    )


def _entries(person: User) -> QuerySet[LogEntry]:
    kind = ContentType.objects.get_for_model(User)
    return LogEntry.objects.filter(content_type=kind, object_id=str(person.pk))


def _log(person: User, told: str, *, by: User, at: datetime) -> None:
    LogEntry.objects.create(
        user=by,
        content_type=ContentType.objects.get_for_model(User),
        object_id=str(person.pk),
        object_repr=str(person)[:200],
        action_flag=CHANGE,
        change_message=told,
        action_time=at,
    )
