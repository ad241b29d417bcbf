"""Who may decide about accounts, and who of them is a senior: asked of the database, for many at once."""

from django.contrib.auth.models import User
from django.db.models import Q, QuerySet

DECIDE = "referrals.decide_referredaccount"
SENIOR = "referrals.reopen_referredaccount"
BACKEND = "django.contrib.auth.backends.ModelBackend"
"""Groups and permissions are Django's own, whoever lets people in."""


def people() -> QuerySet[User]:
    """Active staff who may decide."""
    return User.objects.with_perm(DECIDE, backend=BACKEND).filter(is_staff=True)


def seniors() -> QuerySet[User]:
    """Active staff who may decide about what carries a signal, too."""
    return people() & User.objects.with_perm(SENIOR, backend=BACKEND)


def assignment_lapsed() -> Q:
    """
    Reviews whose assignee cannot decide about them any more: one who left, changed groups, or is no senior.

    Nobody else is kept away from them. Both lists of people are read once, whatever the number of reviews.
    """
    left = ~Q(assigned_to__in=people().values("pk"))
    no_senior = Q(for_senior=True) & ~Q(assigned_to__in=seniors().values("pk"))
    return Q(assigned_to__isnull=False) & (left | no_senior)
