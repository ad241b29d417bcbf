"""Staff look at a referrer's page as the referrer sees it: each look begins with who looks, and why."""

from datetime import datetime, timedelta

from django.contrib.auth.models import User

from referrals.models import Referrer, SeenAs

OPEN_FOR = timedelta(minutes=30)
"""So long the page stays open to whoever gave a reason; afterwards another reason is asked for."""


def begin(referrer: Referrer, *, by: User, at: datetime, reason: str) -> SeenAs:
    """Keep who looks at the page of a referrer, and why."""
    return SeenAs.objects.create(referrer=referrer, seen_by=by, seen_at=at, reason=reason)


def open_look(referrer: Referrer, *, by: User, at: datetime) -> SeenAs | None:
    """This person's latest look at this page that is still open; ``None``: a reason is asked for first."""
    mine = SeenAs.objects.filter(referrer=referrer, seen_by=by, seen_at__gt=at - OPEN_FOR, seen_at__lte=at)
    return mine.order_by("-seen_at", "-pk").first()
