"""
Saved views: ways to look at the queue that people have named. The only writer of these rows.

A view is what stands in the address, so it shows to each person what that person may see.
"""

from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.db.models import Q, QuerySet

from referrals import scopes
from referrals.models import SavedView
from referrals.rules.refusal import Refused

LEAD = "referrals.lead_referredaccount"
AT_MOST = 20
LONGEST_QUERY = 500


class NameTaken(Refused):
    """The person has a view of this name."""

    code = "name_taken"


class TooManyViews(Refused):
    """The person has as many views as anybody can find one in."""

    code = "too_many_views"


class TooLong(Refused):
    """The view narrows by more than fits."""

    code = "view_too_long"


class NotYours(Refused):
    """It is somebody else's view."""

    code = "not_yours"


def of(person: User) -> QuerySet[SavedView]:
    """
    The views that a person finds beside the queue: own ones, and those that others share.

    What somebody searched by stands in a view: it is shared with whoever shares a program with its owner.
    """
    shared = Q(is_shared=True) & scopes.colleagues(person, "owner")
    return SavedView.objects.filter(Q(owner=person) | shared).select_related("owner")


@transaction.atomic
def save(*, name: str, query: str, is_shared: bool, by: User) -> SavedView:
    """
    Name a way to look at the queue.

    :param query: what stands in the address, already without what means nothing to the queue
    :raises NameTaken: if the person has a view of that name
    :raises TooManyViews: if the person has ``AT_MOST`` views
    :raises TooLong: if it does not fit
    """
    if len(query) > LONGEST_QUERY:
        raise TooLong("This view narrows by more than can be saved. Search by a shorter text.")
    if SavedView.objects.filter(owner=by).count() >= AT_MOST:
        raise TooManyViews(f"You have {AT_MOST} views already: delete one that you no longer use.")
    return _stored(SavedView(owner=by, name=name, query=query, is_shared=is_shared))


@transaction.atomic
def change(view: SavedView, *, name: str, is_shared: bool, by: User) -> None:
    """
    Give one's own view another name, share it or keep it to oneself.

    :raises NotYours: if it is somebody else's
    :raises NameTaken: if the person has another view of that name
    """
    if view.owner_id != by.pk:
        raise NotYours(f"This view is {view.owner}'s: only they change it.")
    view.name, view.is_shared = name, is_shared
    _stored(view)


def why_not_deleted(view: SavedView, person: User) -> str:
    """Why this person cannot delete a view; '': nothing speaks against it."""
    if view.owner_id == person.pk or (view.is_shared and person.has_perm(LEAD)):
        return ""
    return f"This view is {view.owner}'s: only they or a team lead delete it."


@transaction.atomic
def delete(view: SavedView, *, by: User) -> None:
    """
    Forget a view: one's own, or as a team lead one that is shared.

    :raises NotYours: if it is neither
    """
    if why_not := why_not_deleted(view, by):
        raise NotYours(why_not)
    view.delete()


def _stored(view: SavedView) -> SavedView:
    others = SavedView.objects.filter(owner=view.owner_id, name__iexact=view.name).exclude(pk=view.pk)
    taken = NameTaken(f"You have a view “{view.name}” already: choose another name, or delete that one.")
    if others.exists():
        raise taken
    try:
        # A transaction of its own: PostgreSQL would refuse the rest of the one around it.
        with transaction.atomic():
            view.save()
    except IntegrityError:
        # Pressed twice at the same moment.
        raise taken from None
    return view
